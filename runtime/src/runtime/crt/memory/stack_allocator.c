/* The stack allocator: see the header for the promises. The only subtle part is the check: the tag
 * behind a block holds the block's whole size, so Free finds where the latest block began without
 * any other bookkeeping. */
#include <tvm/runtime/crt/internal/common/config.h>
/* After the configuration, which may set the alignment. */
#include <string.h>
#include <tvm/runtime/crt/stack_allocator.h>

/* Bytes added to reach the next multiple of the alignment. */
static size_t padding_of(uintptr_t value) {
  const uintptr_t alignment = TVM_RUNTIME_ALLOC_ALIGNMENT_BYTES;
  return (size_t)((alignment - value % alignment) % alignment);
}

/* The tag's share of a block: a multiple of the alignment, so that the next block is aligned. */
static size_t tag_area(void) {
  return STACK_ALLOCATOR_TAG_SIZE_BYTES + padding_of(STACK_ALLOCATOR_TAG_SIZE_BYTES);
}

static size_t used_bytes(const tvm_workspace_t* workspace) {
  return (size_t)(workspace->next_alloc - workspace->workspace);
}

tvm_crt_error_t StackMemoryManager_Init(tvm_workspace_t* tvm_runtime_workspace,
                                        uint8_t* g_aot_memory, size_t workspace_size) {
  size_t lost = padding_of((uintptr_t)g_aot_memory);
  if (lost > workspace_size) lost = workspace_size;
  tvm_runtime_workspace->workspace = g_aot_memory + lost;
  tvm_runtime_workspace->next_alloc = tvm_runtime_workspace->workspace;
  tvm_runtime_workspace->workspace_size = workspace_size - lost;
  return kTvmErrorNoError;
}

tvm_crt_error_t StackMemoryManager_Allocate_Body(tvm_workspace_t* tvm_runtime_workspace,
                                                 int32_t nbytes, void** current_alloc,
                                                 uint8_t do_lifo_check) {
  /* A request beyond 2 GiB arrives here as a negative number. */
  if (nbytes < 0) return kTvmErrorPlatformNoMemory;
  const size_t wanted = (size_t)nbytes;
  const size_t left = tvm_runtime_workspace->workspace_size - used_bytes(tvm_runtime_workspace);
  const size_t extra = padding_of(wanted) + (do_lifo_check ? tag_area() : 0);
  if (wanted > left || extra > left - wanted) return kTvmErrorPlatformNoMemory;

  *current_alloc = tvm_runtime_workspace->next_alloc;
  tvm_runtime_workspace->next_alloc += wanted + extra;
  if (do_lifo_check) {
    const uint32_t tag = (uint32_t)(wanted + extra) ^ STACK_ALLOCATOR_TAG;
    memcpy(tvm_runtime_workspace->next_alloc - STACK_ALLOCATOR_TAG_SIZE_BYTES, &tag,
           STACK_ALLOCATOR_TAG_SIZE_BYTES);
  }
  return kTvmErrorNoError;
}

tvm_crt_error_t StackMemoryManager_Free_Body(tvm_workspace_t* tvm_runtime_workspace, void* ptr,
                                             uint8_t do_lifo_check) {
  const uintptr_t first = (uintptr_t)tvm_runtime_workspace->workspace;
  const uintptr_t block = (uintptr_t)ptr;
  const size_t used = used_bytes(tvm_runtime_workspace);
  if (block < first || block - first > used) return kTvmErrorPlatformStackAllocBadFree;

  if (do_lifo_check) {
    uint32_t tag = 0;
    if (used < tag_area()) return kTvmErrorPlatformStackAllocBadFree;
    memcpy(&tag, tvm_runtime_workspace->next_alloc - STACK_ALLOCATOR_TAG_SIZE_BYTES,
           STACK_ALLOCATOR_TAG_SIZE_BYTES);
    if (used - (block - first) != (tag ^ STACK_ALLOCATOR_TAG)) {
      return kTvmErrorPlatformStackAllocBadFree;
    }
  }
  tvm_runtime_workspace->next_alloc = (uint8_t*)ptr;
  return kTvmErrorNoError;
}

#ifdef TVM_CRT_STACK_ALLOCATOR_ENABLE_LIFO_CHECK
#define DO_LIFO_CHECK 1
#else
#define DO_LIFO_CHECK 0
#endif

tvm_crt_error_t StackMemoryManager_Allocate(tvm_workspace_t* tvm_runtime_workspace, int32_t nbytes,
                                            void** current_alloc) {
  return StackMemoryManager_Allocate_Body(tvm_runtime_workspace, nbytes, current_alloc,
                                          DO_LIFO_CHECK);
}

tvm_crt_error_t StackMemoryManager_Free(tvm_workspace_t* tvm_runtime_workspace, void* ptr) {
  return StackMemoryManager_Free_Body(tvm_runtime_workspace, ptr, DO_LIFO_CHECK);
}
