/* The executor's functions under the names that hosts call. Each checks its arguments, because
 * they come from outside; the names are in the order of the functions below them. */
#include <string.h>
#include <tvm/runtime/crt/aot_executor.h>
#include <tvm/runtime/crt/aot_executor_module.h>
#include <tvm/runtime/crt/func_registry.h>
#include <tvm/runtime/crt/module.h>

/* Functions get no context, so the one executor lives here. */
static TVMAotExecutor* executor = NULL;

static int is_tensor(int type_code) {
  return type_code == kTVMDLTensorHandle || type_code == kTVMNDArrayHandle;
}

/* Returns a 64-bit integer. */
static int return_int(int64_t value, TVMValue* ret_value, int* ret_type_code) {
  ret_value->v_int64 = value;
  *ret_type_code = kTVMArgInt;
  return kTvmErrorNoError;
}

/* Returns one of the executor's tensors; the caller gets a reference of its own. */
static int return_tensor(int64_t argument, TVMValue* ret_value, int* ret_type_code) {
  TVMNDArray* const array = &executor->args[argument];
  TVMNDArray_IncrementReference(array);
  ret_value->v_handle = &array->dl_tensor;
  *ret_type_code = kTVMNDArrayHandle;
  return kTvmErrorNoError;
}

/* Reads which input is meant, by name or number. */
static int input_index(const TVMValue* value, int type_code, int64_t* index) {
  if (executor == NULL) return kTvmErrorExecutorModuleBadContext;
  if (type_code == kTVMStr) {
    *index = TVMAotExecutor_GetInputIndex(executor, value->v_str);
  } else if (type_code == kTVMArgInt) {
    *index = value->v_int64;
  } else {
    return kTvmErrorFunctionCallWrongArgType;
  }
  const int known = *index >= 0 && *index < TVMAotExecutor_GetNumInputs(executor);
  return known ? kTvmErrorNoError : kTvmErrorExecutorModuleNoSuchInput;
}

/* get_input(name or number) -> tensor */
static int get_input(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                     int* ret_type_code, void* resource_handle) {
  int64_t index = 0;
  (void)resource_handle;
  if (num_args != 1) return kTvmErrorFunctionCallNumArguments;
  const int status = input_index(&args[0], type_codes[0], &index);
  return status != 0 ? status : return_tensor(index, ret_value, ret_type_code);
}

/* get_input_index(name) -> number, -1 when there is no such input */
static int get_input_index(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                           int* ret_type_code, void* resource_handle) {
  (void)resource_handle;
  if (executor == NULL) return kTvmErrorExecutorModuleBadContext;
  if (num_args != 1) return kTvmErrorFunctionCallNumArguments;
  if (type_codes[0] != kTVMStr) return kTvmErrorFunctionCallWrongArgType;
  return return_int(TVMAotExecutor_GetInputIndex(executor, args[0].v_str), ret_value,
                    ret_type_code);
}

/* get_input_name(number) -> string */
static int get_input_name(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                          int* ret_type_code, void* resource_handle) {
  int64_t index = 0;
  (void)resource_handle;
  if (num_args != 1) return kTvmErrorFunctionCallNumArguments;
  if (type_codes[0] != kTVMArgInt) return kTvmErrorFunctionCallWrongArgType;
  const int status = input_index(&args[0], type_codes[0], &index);
  if (status != 0) return status;
  *ret_type_code = kTVMStr;
  return TVMAotExecutor_GetInputName(executor, (int)index, &ret_value->v_str);
}

/* get_num_inputs() -> number */
static int get_num_inputs(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                          int* ret_type_code, void* resource_handle) {
  (void)args;
  (void)type_codes;
  (void)resource_handle;
  if (executor == NULL) return kTvmErrorExecutorModuleBadContext;
  if (num_args != 0) return kTvmErrorFunctionCallNumArguments;
  return return_int(TVMAotExecutor_GetNumInputs(executor), ret_value, ret_type_code);
}

/* get_num_outputs() -> number */
static int get_num_outputs(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                           int* ret_type_code, void* resource_handle) {
  (void)args;
  (void)type_codes;
  (void)resource_handle;
  if (executor == NULL) return kTvmErrorExecutorModuleBadContext;
  if (num_args != 0) return kTvmErrorFunctionCallNumArguments;
  return return_int(TVMAotExecutor_GetNumOutputs(executor), ret_value, ret_type_code);
}

/* get_output(number) -> tensor, or get_output(number, tensor to fill) */
static int get_output(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                      int* ret_type_code, void* resource_handle) {
  (void)resource_handle;
  if (executor == NULL) return kTvmErrorExecutorModuleBadContext;
  if (num_args != 1 && num_args != 2) return kTvmErrorFunctionCallNumArguments;
  if (type_codes[0] != kTVMArgInt) return kTvmErrorFunctionCallWrongArgType;
  const int64_t index = args[0].v_int64;
  if (index < 0 || index >= TVMAotExecutor_GetNumOutputs(executor)) {
    return kTvmErrorFunctionCallInvalidArg;
  }
  const int64_t argument = TVMAotExecutor_GetNumInputs(executor) + index;
  if (num_args == 1) return return_tensor(argument, ret_value, ret_type_code);
  if (!is_tensor(type_codes[1])) return kTvmErrorFunctionCallWrongArgType;
  return TVMDeviceCopyDataFromTo(&executor->args[argument].dl_tensor, (DLTensor*)args[1].v_handle,
                                 NULL);
}

/* load_params, share_params: constants are part of the model's code, so there is nothing to load;
 * saying so beats pretending. */
static int not_implemented(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                           int* ret_type_code, void* resource_handle) {
  (void)args;
  (void)type_codes;
  (void)num_args;
  (void)ret_value;
  (void)ret_type_code;
  (void)resource_handle;
  return kTvmErrorFunctionCallNotImplemented;
}

/* run() */
static int run(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
               int* ret_type_code, void* resource_handle) {
  (void)args;
  (void)type_codes;
  (void)ret_value;
  (void)ret_type_code;
  (void)resource_handle;
  if (executor == NULL) return kTvmErrorExecutorModuleBadContext;
  if (num_args != 0) return kTvmErrorFunctionCallNumArguments;
  return TVMAotExecutor_Run(executor);
}

/* set_input(name or number, tensor) */
static int set_input(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                     int* ret_type_code, void* resource_handle) {
  int64_t index = 0;
  (void)ret_value;
  (void)ret_type_code;
  (void)resource_handle;
  if (num_args != 2) return kTvmErrorFunctionCallNumArguments;
  if (!is_tensor(type_codes[1])) return kTvmErrorFunctionCallWrongArgType;
  const int status = input_index(&args[0], type_codes[0], &index);
  if (status != 0) return status;
  return TVMDeviceCopyDataFromTo((DLTensor*)args[1].v_handle, &executor->args[index].dl_tensor,
                                 NULL);
}

static const TVMBackendPackedCFunc functions[] = {
    get_input,       get_input_index, get_input_name,  get_num_inputs,
    get_num_outputs, get_output,      not_implemented, run,
    set_input,       not_implemented,
};
static const TVMFuncRegistry registry = {
    "\x0a\0"
    "get_input\0"
    "get_input_index\0"
    "get_input_name\0"
    "get_num_inputs\0"
    "get_num_outputs\0"
    "get_output\0"
    "load_params\0"
    "run\0"
    "set_input\0"
    "share_params\0",
    functions,
};
static const TVMModule module = {&registry};

/* tvm.aot_executor.create(module, device, module name) -> module */
static int create(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                  int* ret_type_code, void* resource_handle) {
  (void)resource_handle;
  if (executor != NULL) return kTvmErrorExecutorModuleAlreadyCreated;
  if (num_args != 3) return kTvmErrorFunctionCallNumArguments;
  if (type_codes[0] != kTVMModuleHandle || type_codes[1] != kDLDevice || type_codes[2] != kTVMStr) {
    return kTvmErrorFunctionCallWrongArgType;
  }
  const DLDevice device = args[1].v_device;
  if (device.device_type != kDLCPU) return kTvmErrorExecutorModuleBadContext;

  int status = TVMAotExecutor_Create(args[0].v_handle, device, &executor, args[2].v_str);
  if (status != 0) return status;
  status = TVMModCreateFromCModule(&module, &ret_value->v_handle);
  if (status != 0) {
    (void)TVMAotExecutor_Release(executor, device);
    executor = NULL;
    return status;
  }
  *ret_type_code = kTVMModuleHandle;
  return kTvmErrorNoError;
}

tvm_crt_error_t TVMAotExecutorModule_Register(void) {
  TVMFunctionHandle function = NULL;
  const TVMBackendPackedCFunc create_function = create;
  memcpy(&function, &create_function, sizeof(function));
  return (tvm_crt_error_t)TVMFuncRegisterGlobal("tvm.aot_executor.create", function, 0);
}
