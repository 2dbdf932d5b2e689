/* The smallest application there is: a model that takes workspaces, crt_backend_api.c, the stack
 * allocator, and four hooks. That it links is half the test: applications rely on these two files
 * asking for nothing else. */
#include <string.h>
#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/platform.h>
#include <tvm/runtime/crt/stack_allocator.h>

#include "check.h"

/* What the model below takes at its peak, each part rounded up to 16: the number that an archive
 * states as its workspace size. No byte more is needed. */
#define WORKSPACE_SIZE (112 + 48 + 16)
static uint8_t memory[WORKSPACE_SIZE + TVM_RUNTIME_ALLOC_ALIGNMENT_BYTES - 1];
static tvm_workspace_t workspace;

void TVMPlatformAbort(tvm_crt_error_t code) {
  (void)code;
  while (1) continue;
}

tvm_crt_error_t TVMPlatformMemoryAllocate(size_t num_bytes, DLDevice dev, void** out_ptr) {
  EXPECT_EQ(dev.device_type, kDLCPU);
  return StackMemoryManager_Allocate(&workspace, (int32_t)num_bytes, out_ptr);
}

tvm_crt_error_t TVMPlatformMemoryFree(void* ptr, DLDevice dev) {
  EXPECT_EQ(dev.device_id, 0);
  return StackMemoryManager_Free(&workspace, ptr);
}

int TVMFuncRegisterGlobal(const char* name, TVMFunctionHandle f, int override) {
  (void)name, (void)f, (void) override;
  return -1;
}

/* Takes workspaces of these sizes one inside the other, as generated code nests kernels. */
static int32_t nest(const uint64_t* sizes, int depth) {
  if (depth == 0) return 0;
  void* const block = TVMBackendAllocWorkspace(1, 0, sizes[0], 2, 32);
  if (block == NULL) return -1;
  memset(block, depth, (size_t)sizes[0]);
  const int32_t status = nest(sizes + 1, depth - 1);
  for (uint64_t i = 0; i < sizes[0]; i++) EXPECT_EQ(((uint8_t*)block)[i], depth);
  if (TVMBackendFreeWorkspace(1, 0, block) != 0) return -1;
  return status;
}

int main(void) {
  const uint64_t fits[] = {100, 33, 16};
  const uint64_t exceeds[] = {100, 33, 17};
  const tvm_workspace_t* const state = &workspace;
  EXPECT_EQ(StackMemoryManager_Init(&workspace, memory, sizeof(memory)), kTvmErrorNoError);
  for (int round = 0; round < 3; round++) {
    EXPECT_EQ(nest(fits, 3), 0);
    EXPECT(state->next_alloc == state->workspace);
  }
  EXPECT_EQ(StackMemoryManager_Init(&workspace, state->workspace, WORKSPACE_SIZE),
            kTvmErrorNoError);
  EXPECT_EQ(nest(fits, 3), 0);
  EXPECT_EQ(nest(exceeds, 3), -1);
  EXPECT(state->next_alloc == state->workspace);
  return failures();
}
