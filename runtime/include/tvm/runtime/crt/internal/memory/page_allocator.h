/* The inside of the page allocator. Applications need only crt/page_allocator.h; this path exists
 * because older ones include it, and because tests look in. */
#ifndef TVM_RUNTIME_CRT_INTERNAL_MEMORY_PAGE_ALLOCATOR_H_
#define TVM_RUNTIME_CRT_INTERNAL_MEMORY_PAGE_ALLOCATOR_H_

#include <tvm/runtime/crt/page_allocator.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lives at the start of the pool it manages, followed by one counter a page and then the pages. */
typedef struct MemoryManager {
  MemoryManagerInterface interface; /* first: the public pointer points here */
  uint32_t* run_pages; /* first page of an allocation: its pages; any free page: 0. Inner pages of
                          an allocation are never looked at, so freeing is one store and free
                          neighbours need no merging. */
  uint8_t* pages;
  size_t num_pages;
  size_t page_size_log2;
} MemoryManager;

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_INTERNAL_MEMORY_PAGE_ALLOCATOR_H_ */
