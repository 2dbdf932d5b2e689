/* A general allocator over one block of memory, in whole pages: for applications that allocate and
 * free in any order. Where every free is of the latest allocation, the stack allocator is smaller
 * and faster. */
#ifndef TVM_RUNTIME_CRT_PAGE_ALLOCATOR_H_
#define TVM_RUNTIME_CRT_PAGE_ALLOCATOR_H_

#include <stddef.h>
#include <stdint.h>
#include <tvm/runtime/c_runtime_api.h>
#include <tvm/runtime/crt/error_codes.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MemoryManagerInterface MemoryManagerInterface;

struct MemoryManagerInterface {
  /* Takes the smallest hole that fits. kTvmErrorPlatformNoMemory when there is none. */
  tvm_crt_error_t (*Allocate)(MemoryManagerInterface* interface, size_t num_bytes, DLDevice dev,
                              void** out_ptr);
  /* Gives back exactly what Allocate returned. kTvmErrorFunctionCallInvalidArg for any other
   * pointer, which changes nothing. */
  tvm_crt_error_t (*Free)(MemoryManagerInterface* interface, void* ptr, DLDevice dev);
  /* Allocations that were not freed yet. */
  int vleak_size;
};

/* Sets up a manager inside memory_pool and returns it. Pages are 2^page_size_bytes_log2 bytes and
 * aligned to 16 bytes, or to the page size where that is smaller. */
tvm_crt_error_t PageMemoryManagerCreate(MemoryManagerInterface** manager, uint8_t* memory_pool,
                                        size_t memory_pool_size_bytes, size_t page_size_bytes_log2);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_PAGE_ALLOCATOR_H_ */
