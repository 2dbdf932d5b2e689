/* The executor for models with the packed interface. It knows a model by its metadata only, so one
 * program can run any archive. */
#include <string.h>
#include <tvm/runtime/crt/aot_executor.h>
#include <tvm/runtime/crt/internal/common/config.h>
#include <tvm/runtime/crt/platform.h>

static int error(tvm_crt_error_t code, const char* message) {
  TVMAPISetLastError(message);
  return (int)code;
}

/* Looks up prefix + middle + suffix in the module. */
static int find_function(TVMModuleHandle module, const char* prefix, const char* middle,
                         const char* suffix, TVMFunctionHandle* out) {
  char name[TVM_CRT_MAX_STRLEN_FUNCTION_NAME];
  const size_t parts[3] = {strlen(prefix), strlen(middle), strlen(suffix) + 1};
  if (parts[0] + parts[1] + parts[2] > sizeof(name)) {
    return error(kTvmErrorBufferTooSmall,
                 "a model's name is too long; raise TVM_CRT_MAX_STRLEN_FUNCTION_NAME");
  }
  memcpy(name, prefix, parts[0]);
  memcpy(name + parts[0], middle, parts[1]);
  memcpy(name + parts[0] + parts[1], suffix, parts[2]);
  return TVMModGetFunction(module, name, 0, out);
}

static int read_metadata(TVMModuleHandle module, const char* module_name,
                         const TVMMetadata** metadata) {
  TVMFunctionHandle function = NULL;
  TVMValue no_arguments;
  int no_codes = kTVMNullptr;
  TVMValue result;
  int result_code = kTVMNullptr;
  no_arguments.v_handle = NULL;
  int status = find_function(module, "tvmgen_", module_name, "_get_c_metadata", &function);
  if (status != 0) return status;
  status = TVMFuncCall(function, &no_arguments, &no_codes, 0, &result, &result_code);
  if (status != 0) return status;
  if (result_code != kTVMOpaqueHandle || result.v_handle == NULL) {
    return error(kTvmErrorFunctionCallWrongArgType, "get_c_metadata returned no metadata");
  }
  *metadata = (const TVMMetadata*)result.v_handle;
  if ((*metadata)->version != TVM_METADATA_VERSION) {
    return error(kTvmErrorFunctionCallInvalidArg, "the model's metadata has an unknown version");
  }
  return 0;
}

/* Information on the index-th argument of a call. */
static const struct TVMTensorInfo* argument_info(const TVMMetadata* metadata, int64_t index) {
  if (index < metadata->num_inputs) return &metadata->inputs[index];
  index -= metadata->num_inputs;
  if (index < metadata->num_outputs) return &metadata->outputs[index];
  return &metadata->workspace_pools[index - metadata->num_outputs];
}

static int allocate_arguments(TVMAotExecutor* executor) {
  const TVMMetadata* const metadata = executor->metadata;
  const int64_t count =
      metadata->num_inputs + metadata->num_outputs + metadata->num_workspace_pools;
  void* memory = NULL;
  const tvm_crt_error_t status =
      TVMPlatformMemoryAllocate((size_t)count * sizeof(TVMNDArray), executor->device, &memory);
  if (status != kTvmErrorNoError) return error(status, "no memory for the model's arguments");
  executor->args = (TVMNDArray*)memory;
  for (int64_t i = 0; i < count; i++) {
    const struct TVMTensorInfo* const info = argument_info(metadata, i);
    const int made = TVMNDArray_Empty((int32_t)info->num_shape, info->shape, info->dtype,
                                      executor->device, &executor->args[i]);
    if (made != 0) return made;
    executor->num_args = i + 1; /* what Release has to give back */
    memset(executor->args[i].dl_tensor.data, 0,
           (size_t)TVMNDArray_DataSizeBytes(&executor->args[i]));
  }
  return 0;
}

int TVMAotExecutor_Create(TVMModuleHandle module_handle, const DLDevice device,
                          TVMAotExecutor** executor, const char* module_name) {
  void* memory = NULL;
  *executor = NULL;
  const tvm_crt_error_t allocated =
      TVMPlatformMemoryAllocate(sizeof(TVMAotExecutor), device, &memory);
  if (allocated != kTvmErrorNoError) return error(allocated, "no memory for the executor");
  TVMAotExecutor* const created = (TVMAotExecutor*)memory;
  memset(created, 0, sizeof(*created));
  created->module_handle = module_handle;
  created->device = device;

  int status = read_metadata(module_handle, module_name, &created->metadata);
  if (status == 0) status = allocate_arguments(created);
  if (status != 0) {
    (void)TVMAotExecutor_Release(created, device);
    return status;
  }
  *executor = created;
  return 0;
}

int TVMAotExecutor_Release(TVMAotExecutor* executor, const DLDevice device) {
  int first_failure = 0;
  int status = 0;
  for (int64_t i = executor->num_args - 1; i >= 0; i--) {
    status = TVMNDArray_Release(&executor->args[i]);
    if (first_failure == 0) first_failure = status;
  }
  if (executor->args != NULL) {
    status = (int)TVMPlatformMemoryFree(executor->args, device);
    if (first_failure == 0) first_failure = status;
  }
  status = (int)TVMPlatformMemoryFree(executor, device);
  return first_failure != 0 ? first_failure : status;
}

int TVMAotExecutor_GetNumInputs(TVMAotExecutor* executor) {
  return (int)executor->metadata->num_inputs;
}

int TVMAotExecutor_GetNumOutputs(TVMAotExecutor* executor) {
  return (int)executor->metadata->num_outputs;
}

int TVMAotExecutor_GetInputIndex(TVMAotExecutor* executor, const char* name) {
  for (int i = 0; i < TVMAotExecutor_GetNumInputs(executor); i++) {
    if (strcmp(executor->metadata->inputs[i].name, name) == 0) return i;
  }
  return -1;
}

int TVMAotExecutor_GetInputName(TVMAotExecutor* executor, int index, const char** name) {
  if (index < 0 || index >= TVMAotExecutor_GetNumInputs(executor)) {
    return error(kTvmErrorExecutorModuleNoSuchInput, "the model has no input of that number");
  }
  *name = executor->metadata->inputs[index].name;
  return 0;
}

int TVMAotExecutor_Run(TVMAotExecutor* executor) {
  TVMFunctionHandle run = NULL;
  int status =
      find_function(executor->module_handle, executor->metadata->mod_name, "_run", "", &run);
  if (status != 0) return status;

  /* Values and codes in one allocation: a model may have more arguments than a TVMArgs holds. */
  const size_t count = (size_t)executor->num_args;
  void* memory = NULL;
  const tvm_crt_error_t allocated = TVMPlatformMemoryAllocate(
      count * (sizeof(TVMValue) + sizeof(int)), executor->device, &memory);
  if (allocated != kTvmErrorNoError) return error(allocated, "no memory for a call");
  TVMValue* const values = (TVMValue*)memory;
  int* const codes = (int*)(void*)(values + count);
  for (size_t i = 0; i < count; i++) {
    values[i].v_handle = &executor->args[i].dl_tensor;
    codes[i] = kTVMDLTensorHandle;
  }
  TVMValue result;
  int result_code = kTVMNullptr;
  status = TVMFuncCall(run, values, codes, (int)count, &result, &result_code);
  const int freed = (int)TVMPlatformMemoryFree(memory, executor->device);
  return status != 0 ? status : freed;
}
