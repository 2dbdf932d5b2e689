/* The platform hooks of the tests: memory from a stack allocator with the check on (so that any
 * free out of order fails) or from a page allocator, and a budget of allocations after which
 * memory "runs out". */
#ifndef TESTS_RUNTIME_TEST_PLATFORM_H_
#define TESTS_RUNTIME_TEST_PLATFORM_H_

#include <stddef.h>

enum test_memory { test_memory_stack, test_memory_pages };

/* Starts with fresh memory of that kind. */
void test_platform_reset(enum test_memory kind);

/* Lets that many allocations succeed; negative means all. */
void test_platform_allow(int allocations);

/* Allocations not freed yet. */
int test_platform_live(void);

/* Frees that failed since the reset. */
int test_platform_bad_frees(void);

#endif /* TESTS_RUNTIME_TEST_PLATFORM_H_ */
