/* The runtime's executor brings the pools that the model's tables ask for, as further arguments. */
#include <tvm/runtime/crt/aot_executor.h>
#include <tvm/runtime/crt/crt.h>
#include <tvm/runtime/crt/module.h>

#include "expect.h"
#include "platform.h"

int main(void) {
  const DLDevice device = {kDLCPU, 0};
  TVMModuleHandle module = NULL;
  TVMAotExecutor* executor = NULL;
  EXPECT(TVMInitializeRuntime() == kTvmErrorNoError);
  EXPECT(TVMModCreateFromCModule(TVMSystemLibEntryPoint(), &module) == kTvmErrorNoError);
  EXPECT(TVMAotExecutor_Create(module, device, &executor, "default") == 0);
  if (failures) return result();
  EXPECT(executor->metadata->num_workspace_pools == 2);
  EXPECT(executor->num_args == 6);
  memcpy(executor->args[0].dl_tensor.data, kX, sizeof kX);
  memcpy(executor->args[1].dl_tensor.data, kAux, sizeof kAux);
  EXPECT(TVMAotExecutor_Run(executor) == 0);
  expect_outputs(executor->args[2].dl_tensor.data, executor->args[3].dl_tensor.data);
  EXPECT(TVMAotExecutor_Release(executor, device) == 0);
  return result();
}
