/* The few lines of test framework that also run on a bare-metal core: a failed EXPECT prints where
 * and what, and main returns failures() so that the exit status tells. */
#ifndef TESTS_RUNTIME_CHECK_H_
#define TESTS_RUNTIME_CHECK_H_

#include <stdio.h>

static int failed_expectations = 0;

#define EXPECT(condition)                                             \
  do {                                                                \
    if (!(condition)) {                                               \
      printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      failed_expectations++;                                          \
    }                                                                 \
  } while (0)

/* Prints both sides, for integers. */
#define EXPECT_EQ(actual, expected)                                                      \
  do {                                                                                   \
    const long long actual_ = (long long)(actual);                                       \
    const long long expected_ = (long long)(expected);                                   \
    if (actual_ != expected_) {                                                          \
      printf("%s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #actual, actual_, \
             expected_);                                                                 \
      failed_expectations++;                                                             \
    }                                                                                    \
  } while (0)

static int failures(void) {
  if (failed_expectations == 0) printf("ok\n");
  return failed_expectations == 0 ? 0 : 1;
}

#endif /* TESTS_RUNTIME_CHECK_H_ */
