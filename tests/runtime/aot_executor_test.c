/* The executor, directly and as a module, on the hand-written model; and that it gives back all it
 * took, in order, also when memory runs out at any point on the way. */
#include <string.h>
#include <tvm/runtime/crt/aot_executor.h>
#include <tvm/runtime/crt/aot_executor_module.h>
#include <tvm/runtime/crt/crt.h>
#include <tvm/runtime/crt/module.h>
#include <tvm/runtime/crt/packed_func.h>

#include "check.h"
#include "model.h"
#include "test_platform.h"

static const DLDevice cpu = {kDLCPU, 0};

static TVMModuleHandle start(enum test_memory memory) {
  TVMModuleHandle library = NULL;
  test_platform_reset(memory);
  EXPECT_EQ(TVMInitializeRuntime(), kTvmErrorNoError);
  EXPECT_EQ(TVMModCreateFromCModule(TVMSystemLibEntryPoint(), &library), 0);
  return library;
}

static float* data_of(TVMNDArray* array) {
  return (float*)array->dl_tensor.data;
}

static void runs_the_model(enum test_memory memory) {
  TVMAotExecutor* executor = NULL;
  const char* name = NULL;
  const TVMModuleHandle library = start(memory);
  EXPECT_EQ(TVMAotExecutor_Create(library, cpu, &executor, "tiny"), 0);
  EXPECT_EQ(TVMAotExecutor_GetNumInputs(executor), 2);
  EXPECT_EQ(TVMAotExecutor_GetNumOutputs(executor), 2);
  EXPECT_EQ(executor->num_args, 5);
  EXPECT_EQ(TVMAotExecutor_GetInputIndex(executor, "b"), 1);
  EXPECT_EQ(TVMAotExecutor_GetInputIndex(executor, "sum"), -1);
  EXPECT_EQ(TVMAotExecutor_GetInputName(executor, 0, &name), 0);
  EXPECT_EQ(strcmp(name, "a"), 0);
  EXPECT_EQ(TVMAotExecutor_GetInputName(executor, 2, &name), kTvmErrorExecutorModuleNoSuchInput);
  EXPECT_EQ(TVMAotExecutor_GetInputName(executor, -1, &name), kTvmErrorExecutorModuleNoSuchInput);

  for (int round = 1; round <= 3; round++) {
    for (int i = 0; i < MODEL_ELEMENTS; i++) {
      data_of(&executor->args[0])[i] = (float)(i * round);
      data_of(&executor->args[1])[i] = 0.5f;
    }
    EXPECT_EQ(TVMAotExecutor_Run(executor), 0);
    EXPECT_EQ(model_arguments, 5);
    for (int i = 0; i < MODEL_ELEMENTS; i++) {
      EXPECT(data_of(&executor->args[2])[i] == (float)(i * round) + 0.5f);
    }
    EXPECT(data_of(&executor->args[3])[0] == (float)(15 * round) + 3.0f);
  }
  model_status = -7;
  EXPECT_EQ(TVMAotExecutor_Run(executor), -7);
  model_status = 0;
  EXPECT_EQ(TVMAotExecutor_Release(executor, cpu), 0);
  EXPECT_EQ(test_platform_live(), 0);
  EXPECT_EQ(test_platform_bad_frees(), 0);
}

static void unknown_models_are_refused(void) {
  TVMAotExecutor* executor = NULL;
  char long_name[300];
  const TVMModuleHandle library = start(test_memory_stack);
  memset(long_name, 'n', sizeof(long_name) - 1);
  long_name[sizeof(long_name) - 1] = '\0';
  EXPECT_EQ(TVMAotExecutor_Create(library, cpu, &executor, "default"),
            kTvmErrorFunctionNameNotFound);
  EXPECT(strstr(TVMGetLastError(), "tvmgen_default_get_c_metadata") != NULL);
  EXPECT_EQ(TVMAotExecutor_Create(library, cpu, &executor, long_name), kTvmErrorBufferTooSmall);
  EXPECT_EQ(TVMAotExecutor_Create(NULL, cpu, &executor, "tiny"), kTvmErrorFunctionCallInvalidArg);
  EXPECT(executor == NULL);
  EXPECT_EQ(test_platform_live(), 0);
}

static void running_out_of_memory_leaves_nothing_behind(void) {
  /* Executor, list of arguments, and data for five, four of which also have a shape. */
  const int needed = 2 + 5 + 4;
  for (int allowed = 0; allowed <= needed; allowed++) {
    TVMAotExecutor* executor = NULL;
    const TVMModuleHandle library = start(test_memory_stack);
    test_platform_allow(allowed);
    const int status = TVMAotExecutor_Create(library, cpu, &executor, "tiny");
    EXPECT_EQ(status, allowed < needed ? kTvmErrorPlatformNoMemory : kTvmErrorNoError);
    EXPECT_EQ(executor != NULL, allowed == needed);
    if (executor != NULL) {
      EXPECT_EQ(TVMAotExecutor_Run(executor), kTvmErrorPlatformNoMemory);
      EXPECT_EQ(TVMAotExecutor_Release(executor, cpu), 0);
    }
    EXPECT_EQ(test_platform_live(), 0);
    EXPECT_EQ(test_platform_bad_frees(), 0);
  }
}

/* ---- the module ---- */

static TVMModuleHandle module;
static TVMValue result;
static int result_code;

/* Calls a function of the module and returns its status. */
static int call(const char* name, int count, TVMValue first, int first_code, TVMValue second,
                int second_code) {
  TVMFunctionHandle function = NULL;
  TVMValue values[2];
  int codes[2];
  values[0] = first;
  values[1] = second;
  codes[0] = first_code;
  codes[1] = second_code;
  EXPECT_EQ(TVMModGetFunction(module, name, 0, &function), 0);
  return TVMFuncCall(function, values, codes, count, &result, &result_code);
}

static TVMValue number(int64_t value) {
  TVMValue made;
  made.v_int64 = value;
  return made;
}

static TVMValue text(const char* value) {
  TVMValue made = number(0);
  made.v_str = value;
  return made;
}

static TVMValue tensor(DLTensor* value) {
  TVMValue made = number(0);
  made.v_handle = value;
  return made;
}

static int create(TVMModuleHandle library) {
  TVMFunctionHandle function = NULL;
  TVMValue values[3];
  int codes[3] = {kTVMModuleHandle, kDLDevice, kTVMStr};
  values[0] = number(0);
  values[0].v_handle = library;
  values[1].v_device = cpu;
  values[2] = text("tiny");
  EXPECT_EQ(TVMFuncGetGlobal("tvm.aot_executor.create", &function), 0);
  const int status = TVMFuncCall(function, values, codes, 3, &result, &result_code);
  if (status == 0) module = result.v_handle;
  return status;
}

static void questions(void) {
  const TVMValue none = number(0);
  EXPECT_EQ(call("get_num_inputs", 0, none, 0, none, 0), 0);
  EXPECT_EQ(result.v_int64, 2);
  EXPECT_EQ(call("get_num_outputs", 0, none, 0, none, 0), 0);
  EXPECT_EQ(result.v_int64, 2);
  EXPECT_EQ(call("get_input_index", 1, text("b"), kTVMStr, none, 0), 0);
  EXPECT_EQ(result.v_int64, 1);
  EXPECT_EQ(call("get_input_index", 1, text("c"), kTVMStr, none, 0), 0);
  EXPECT_EQ(result.v_int64, -1);
  EXPECT_EQ(call("get_input_name", 1, number(1), kTVMArgInt, none, 0), 0);
  EXPECT_EQ(result_code, kTVMStr);
  EXPECT_EQ(strcmp(result.v_str, "b"), 0);
}

static void wrong_arguments(DLTensor* good) {
  const TVMValue none = number(0);
  DLTensor wrong_size = *good;
  int64_t one[] = {1};
  wrong_size.ndim = 1;
  wrong_size.shape = one;
  EXPECT_EQ(call("set_input", 1, text("a"), kTVMStr, none, 0), kTvmErrorFunctionCallNumArguments);
  EXPECT_EQ(call("set_input", 2, text("c"), kTVMStr, tensor(good), kTVMDLTensorHandle),
            kTvmErrorExecutorModuleNoSuchInput);
  EXPECT_EQ(call("set_input", 2, number(2), kTVMArgInt, tensor(good), kTVMDLTensorHandle),
            kTvmErrorExecutorModuleNoSuchInput);
  EXPECT_EQ(call("set_input", 2, text("a"), kTVMStr, none, kTVMArgInt),
            kTvmErrorFunctionCallWrongArgType);
  EXPECT_EQ(call("set_input", 2, text("a"), kTVMStr, tensor(&wrong_size), kTVMDLTensorHandle),
            kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(call("get_output", 1, number(2), kTVMArgInt, none, 0), kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(call("get_output", 1, text("sum"), kTVMStr, none, 0),
            kTvmErrorFunctionCallWrongArgType);
  EXPECT_EQ(call("run", 1, number(0), kTVMArgInt, none, 0), kTvmErrorFunctionCallNumArguments);
  EXPECT_EQ(call("load_params", 0, none, 0, none, 0), kTvmErrorFunctionCallNotImplemented);
  EXPECT_EQ(call("share_params", 0, none, 0, none, 0), kTvmErrorFunctionCallNotImplemented);
}

static void everything_by_name(void) {
  const TVMValue none = number(0);
  const TVMModuleHandle library = start(test_memory_pages);
  EXPECT_EQ(TVMAotExecutorModule_Register(), kTvmErrorNoError);
  EXPECT_EQ(create(library), 0);
  EXPECT_EQ(create(library), kTvmErrorExecutorModuleAlreadyCreated);
  questions();

  int64_t shape[] = {MODEL_ROWS, MODEL_COLUMNS};
  float elements[MODEL_ELEMENTS] = {1, 2, 3, 4, 5, 6};
  DLTensor input = {elements, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
  EXPECT_EQ(call("set_input", 2, text("a"), kTVMStr, tensor(&input), kTVMDLTensorHandle), 0);
  EXPECT_EQ(call("set_input", 2, number(1), kTVMArgInt, tensor(&input), kTVMNDArrayHandle), 0);
  EXPECT_EQ(call("run", 0, none, 0, none, 0), 0);

  EXPECT_EQ(call("get_output", 1, number(1), kTVMArgInt, none, 0), 0);
  EXPECT_EQ(result_code, kTVMNDArrayHandle);
  TVMArrayHandle const total = (TVMArrayHandle)result.v_handle;
  EXPECT(((float*)total->data)[0] == 42.0f);
  EXPECT_EQ(TVMArrayFree(total), 0);

  float sums[MODEL_ELEMENTS] = {0};
  DLTensor output = input;
  output.data = sums;
  EXPECT_EQ(call("get_output", 2, number(0), kTVMArgInt, tensor(&output), kTVMDLTensorHandle), 0);
  for (int i = 0; i < MODEL_ELEMENTS; i++) EXPECT(sums[i] == 2.0f * elements[i]);

  EXPECT_EQ(call("get_input", 1, text("b"), kTVMStr, none, 0), 0);
  TVMArrayHandle const b = (TVMArrayHandle)result.v_handle;
  EXPECT(((float*)b->data)[5] == 6.0f);
  EXPECT_EQ(TVMArrayFree(b), 0);
  wrong_arguments(&input);
}

int main(void) {
  runs_the_model(test_memory_stack);
  runs_the_model(test_memory_pages);
  unknown_models_are_refused();
  running_out_of_memory_leaves_nothing_behind();
  everything_by_name();
  return failures();
}
