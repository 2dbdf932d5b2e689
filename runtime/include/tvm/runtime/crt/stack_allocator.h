/* The smallest allocator that generated code can use: allocations come and go in last-in first-out
 * order, so one pointer into a fixed block is all its state. */
#ifndef TVM_RUNTIME_CRT_STACK_ALLOCATOR_H_
#define TVM_RUNTIME_CRT_STACK_ALLOCATOR_H_

#include <stddef.h>
#include <stdint.h>
#include <tvm/runtime/crt/error_codes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Alignment of every block, a power of two. Set it for the whole build (-D), because the
 * application sizes its memory with it and the allocator rounds with it. */
#ifndef TVM_RUNTIME_ALLOC_ALIGNMENT_BYTES
#define TVM_RUNTIME_ALLOC_ALIGNMENT_BYTES 16
#endif

/* With the check, a tag follows each block: the block's size including the tag, mixed with a
 * constant. The tag is as wide as it must be to keep the next block aligned. */
#define STACK_ALLOCATOR_TAG 0xabcd1234u
#define STACK_ALLOCATOR_TAG_SIZE_BYTES 4

/* Applications read these: next_alloc - workspace is the use at this moment. */
typedef struct {
  uint8_t* next_alloc;
  uint8_t* workspace;
  size_t workspace_size;
} tvm_workspace_t;

/* Takes over g_aot_memory. Its start is rounded up to the alignment, which makes it that much
 * smaller. */
tvm_crt_error_t StackMemoryManager_Init(tvm_workspace_t* tvm_runtime_workspace,
                                        uint8_t* g_aot_memory, size_t workspace_size);

/* Allocates nbytes, rounded up to the alignment. With TVM_CRT_STACK_ALLOCATOR_ENABLE_LIFO_CHECK
 * (in crt_config.h or -D) Free insists on the latest block; without, it trusts the caller and
 * frees everything from ptr on. */
tvm_crt_error_t StackMemoryManager_Allocate(tvm_workspace_t* tvm_runtime_workspace, int32_t nbytes,
                                            void** current_alloc);
tvm_crt_error_t StackMemoryManager_Free(tvm_workspace_t* tvm_runtime_workspace, void* ptr);

/* The same with the check chosen at each call. A workspace must not mix the two. */
tvm_crt_error_t StackMemoryManager_Allocate_Body(tvm_workspace_t* tvm_runtime_workspace,
                                                 int32_t nbytes, void** current_alloc,
                                                 uint8_t do_lifo_check);
tvm_crt_error_t StackMemoryManager_Free_Body(tvm_workspace_t* tvm_runtime_workspace, void* ptr,
                                             uint8_t do_lifo_check);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_STACK_ALLOCATOR_H_ */
