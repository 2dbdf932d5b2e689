/* The function table beside the C interface: run, by its name, through packed arguments. */
#include <tvm/runtime/crt/module.h>

#include "platform.h"
#include "tensors.h"

int main(void) {
  const TVMModule* module = TVMSystemLibEntryPoint();
  const TVMFuncRegistry* registry = module->registry;
  TVMBackendPackedCFunc function = NULL;
  tvm_function_index_t index = 0;
  EXPECT(TVMFuncRegistry_Lookup(registry, "tvmgen_default_run", &index) == kTvmErrorNoError);
  EXPECT(TVMFuncRegistry_GetByIndex(registry, index, &function) == kTvmErrorNoError);
  if (failures) return result();
  set_arguments();
  EXPECT(function(values, NULL, 0, NULL, NULL, NULL) == 0);
  expect_outputs(data[2], data[3]);
  EXPECT(TVMFuncRegistry_Lookup(registry, "tvmgen_default___tvm_main__", &index) ==
         kTvmErrorNoError);
  EXPECT(TVMFuncRegistry_Lookup(registry, "tvmgen_default_ru", &index) != kTvmErrorNoError);
  return result();
}
