/* Without static planning: a stack of exactly the promised size behind the allocator's hooks. */
#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/stack_allocator.h>

#include "expect.h"
#include "tvmgen_default.h"

GUARDED(memory, TVMGEN_DEFAULT_WORKSPACE_SIZE);
static tvm_workspace_t workspace;
static int refuse = 0;

void* TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t nbytes, int dtype_code,
                               int dtype_bits) {
  void* block = NULL;
  (void)device_type, (void)device_id, (void)dtype_code, (void)dtype_bits;
  if (refuse) return NULL;
  if (StackMemoryManager_Allocate(&workspace, (int32_t)nbytes, &block) != 0) return NULL;
  return block;
}

int TVMBackendFreeWorkspace(int device_type, int device_id, void* block) {
  (void)device_type, (void)device_id;
  return (int)StackMemoryManager_Free(&workspace, block);
}

int main(void) {
  float x[4], aux[3], y[4] = {0}, z[1] = {0};
  struct tvmgen_default_inputs inputs = {x, aux};
  struct tvmgen_default_outputs outputs = {y, z};
  memcpy(x, kX, sizeof x);
  memcpy(aux, kAux, sizeof aux);
  set_guards(memory.before, memory.after);
  EXPECT(StackMemoryManager_Init(&workspace, memory.data, sizeof memory.data) == 0);
  EXPECT(tvmgen_default_run(&inputs, &outputs) == 0);
  expect_outputs(y, z);
  EXPECT(workspace.next_alloc == workspace.workspace);
  expect_guards(memory.before, memory.after);
  refuse = 1;
  EXPECT(tvmgen_default_run(&inputs, &outputs) != 0);
  return result();
}
