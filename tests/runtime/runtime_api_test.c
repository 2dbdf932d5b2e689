/* The runtime by name: start, system library, handles good and bad, calls, arrays, serialised
 * arrays, raw memory, and what generated code calls. */
#include <string.h>
#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/c_runtime_api.h>
#include <tvm/runtime/crt/crt.h>
#include <tvm/runtime/crt/internal/common/ndarray.h>
#include <tvm/runtime/crt/module.h>
#include <tvm/runtime/crt/packed_func.h>
#include <tvm/runtime/crt/platform.h>

#include "check.h"
#include "test_platform.h"

static const DLDevice cpu = {kDLCPU, 0};
static const DLDataType int16 = {kDLInt, 16, 1};

static int add(TVMValue* args, int* type_codes, int num_args, TVMValue* ret, int* ret_code,
               void* resource_handle) {
  TVMValue sum;
  (void)resource_handle;
  sum.v_int64 = 0;
  for (int i = 0; i < num_args; i++) {
    if (type_codes[i] != kTVMArgInt) return kTvmErrorFunctionCallWrongArgType;
    sum.v_int64 += args[i].v_int64;
  }
  *ret_code = kTVMArgInt;
  return TVMCFuncSetReturn(ret, &sum, ret_code, 1);
}

static TVMFunctionHandle address_of(TVMBackendPackedCFunc function) {
  TVMFunctionHandle handle = NULL;
  memcpy(&handle, &function, sizeof(handle));
  return handle;
}

static TVMModuleHandle system_library(void) {
  TVMFunctionHandle function = NULL;
  TVMValue prefix, library;
  int code = kTVMStr, result_code = -1;
  prefix.v_str = "";
  library.v_handle = NULL;
  EXPECT_EQ(TVMFuncGetGlobal("runtime.SystemLib", &function), 0);
  EXPECT_EQ(TVMFuncCall(function, &prefix, &code, 1, &library, &result_code), 0);
  EXPECT_EQ(result_code, kTVMModuleHandle);
  return library.v_handle;
}

static void the_system_library_is_one_module(void) {
  EXPECT_EQ(TVMInitializeRuntime(), kTvmErrorNoError);
  const TVMModuleHandle library = system_library();
  EXPECT(library != NULL);
  EXPECT(system_library() == library);
  TVMFunctionHandle run = NULL, metadata = NULL, absent = &absent;
  EXPECT_EQ(TVMModGetFunction(library, "tvmgen_tiny_run", 0, &run), 0);
  EXPECT_EQ(TVMModGetFunction(library, "tvmgen_tiny_get_c_metadata", 1, &metadata), 0);
  EXPECT(run != NULL && metadata != NULL && run != metadata);
  EXPECT_EQ(TVMModGetFunction(library, "tvmgen_tiny", 0, &absent), kTvmErrorFunctionNameNotFound);
  EXPECT(absent == NULL);
  EXPECT(strstr(TVMGetLastError(), "tvmgen_tiny") != NULL);
  EXPECT_EQ(TVMFuncFree(run), 0);
}

static void modules_come_and_go(void) {
  TVMModuleHandle first = NULL, second = NULL, third = NULL;
  TVMFunctionHandle function = NULL;
  EXPECT_EQ(TVMInitializeRuntime(), kTvmErrorNoError);
  const TVMModule* const module = TVMSystemLibEntryPoint();
  EXPECT_EQ(TVMModCreateFromCModule(module, &first), 0);
  EXPECT_EQ(TVMModCreateFromCModule(module, &second), 0);
  EXPECT(first != second);
  EXPECT_EQ(TVMModCreateFromCModule(module, &third), kTvmErrorFunctionRegistryFull);
  EXPECT_EQ(TVMModFree(first), 0);
  EXPECT_EQ(TVMModFree(first), kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(TVMModGetFunction(first, "tvmgen_tiny_run", 0, &function),
            kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(TVMModCreateFromCModule(module, &third), 0);
  EXPECT_EQ(TVMModGetFunction(third, "tvmgen_tiny_run", 0, &function), 0);
}

static void wrong_handles_are_found_out(void) {
  EXPECT_EQ(TVMInitializeRuntime(), kTvmErrorNoError);
  TVMFunctionHandle good = NULL, out = NULL;
  EXPECT_EQ(TVMFuncGetGlobal("runtime.SystemLib", &good), 0);
  const uintptr_t wrong[] = {0,
                             1,
                             0x7fff,
                             0x8000,
                             0x80008000u,
                             0x80018000u,
                             0xfffe8000u,
                             (uintptr_t)good + 1,
                             (uintptr_t)good - 1,
                             UINTPTR_MAX,
                             (uintptr_t)&out};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    TVMValue result;
    int code = 0;
    EXPECT(TVMFuncCall((TVMFunctionHandle)wrong[i], NULL, NULL, 0, &result, &code) != 0);
    EXPECT(TVMModGetFunction((TVMModuleHandle)wrong[i], "f", 0, &out) != 0);
    EXPECT(TVMModFree((TVMModuleHandle)wrong[i]) != 0);
  }
}

static void global_functions(void) {
  EXPECT_EQ(TVMInitializeRuntime(), kTvmErrorNoError);
  EXPECT_EQ(TVMFuncRegisterGlobal("add", address_of(add), 0), 0);
  EXPECT_EQ(TVMFuncRegisterGlobal("add", address_of(add), 0), kTvmErrorFunctionAlreadyDefined);
  EXPECT_EQ(TVMFuncRegisterGlobal("add", address_of(add), 1), 0);
  EXPECT_EQ(TVMBackendRegisterSystemLibSymbol("plus", address_of(add)), 0);

  TVMFunctionHandle function = NULL;
  TVMValue values[2], result;
  int codes[2] = {kTVMArgInt, kTVMArgInt}, code = -1;
  values[0].v_int64 = 40;
  values[1].v_int64 = (int64_t)1 << 40;
  EXPECT_EQ(TVMBackendGetFuncFromEnv(NULL, "plus", &function), 0);
  EXPECT_EQ(TVMFuncCall(function, values, codes, 2, &result, &code), 0);
  EXPECT_EQ(code, kTVMArgInt);
  EXPECT_EQ(result.v_int64, ((int64_t)1 << 40) + 40);
  codes[1] = kTVMStr;
  EXPECT_EQ(TVMFuncCall(function, values, codes, 2, &result, &code),
            kTvmErrorFunctionCallWrongArgType);
  EXPECT_EQ(TVMFuncGetGlobal("minus", &function), kTvmErrorFunctionNameNotFound);

  TVMPackedFunc packed;
  uint32_t tcodes[2] = {kTVMArgInt, kTVMArgInt};
  const TVMArgs args = TVMArgs_Create(values, tcodes, 2);
  EXPECT_EQ(TVMPackedFunc_InitGlobalFunc(&packed, "add", &args), 0);
  EXPECT_EQ(packed.Call(&packed), 0);
  EXPECT_EQ(packed.ret_value.values_count, 1);
  EXPECT_EQ(packed.ret_value.values[0].v_int64, ((int64_t)1 << 40) + 40);
  EXPECT(TVMPackedFunc_InitGlobalFunc(&packed, "minus", NULL) != 0);
  EXPECT_EQ(TVMPackedFunc_InitModuleFunc(&packed, system_library(), "tvmgen_tiny_run", NULL), 0);
  EXPECT_EQ(TVMArgs_Create(values, tcodes, TVM_CRT_MAX_ARGS + 1).values_count, 0);
}

static void errors_are_kept_and_cut(void) {
  char enormous[1000];
  memset(enormous, 'x', sizeof(enormous) - 1);
  enormous[sizeof(enormous) - 1] = '\0';
  TVMAPISetLastError(enormous);
  EXPECT(strlen(TVMGetLastError()) > 50 && strlen(TVMGetLastError()) < 999);
  TVMAPISetLastError("short");
  EXPECT_EQ(strcmp(TVMGetLastError(), "short"), 0);
}

static void arrays(void) {
  const int64_t shape[] = {2, 3};
  int16_t in[6] = {1, -2, 3, -4, 5, -6}, out[6] = {0};
  TVMArrayHandle array = NULL;
  test_platform_reset(test_memory_stack);
  EXPECT_EQ(TVMArrayAlloc(shape, 2, kDLInt, 16, 1, kDLCPU, 0, &array), 0);
  EXPECT_EQ(array->ndim, 2);
  EXPECT_EQ(array->shape[1], 3);
  EXPECT_EQ(TVMArrayCopyFromBytes(array, in, sizeof(in)), 0);
  EXPECT_EQ(TVMArrayCopyFromBytes(array, in, 11), kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(TVMArrayCopyToBytes(array, out, sizeof(out)), 0);
  EXPECT_EQ(memcmp(in, out, sizeof(in)), 0);

  /* A view shares the data and must not outgrow it. */
  TVMNDArray view;
  const int64_t flat[] = {6}, larger[] = {7}, negative[] = {-1};
  TVMNDArray* const whole = (TVMNDArray*)(void*)array;
  EXPECT_EQ(TVMNDArray_CreateView(whole, larger, 1, int16, &view), kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(TVMNDArray_CreateView(whole, negative, 1, int16, &view),
            kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(TVMNDArray_CreateView(whole, flat, 1, int16, &view), 0);
  EXPECT(view.dl_tensor.data == array->data);
  EXPECT_EQ(TVMNDArray_DataSizeBytes(&view), 12);
  EXPECT_EQ(TVMNDArray_RandomFill(&view), kTvmErrorFunctionCallNotImplemented);
  EXPECT_EQ(TVMNDArray_Release(&view), 0);

  /* Two users: the first to leave frees nothing. */
  TVMNDArray_IncrementReference(whole);
  EXPECT_EQ(TVMArrayFree(array), 0);
  EXPECT_EQ(test_platform_live(), 3);
  EXPECT_EQ(TVMArrayFree(array), 0);
  EXPECT_EQ(test_platform_live(), 0);
  EXPECT_EQ(test_platform_bad_frees(), 0);
}

static void impossible_arrays_leave_nothing_behind(void) {
  const int64_t shape[] = {2, 3}, huge[] = {INT64_MAX, 2}, large[] = {INT64_C(1) << 40};
  TVMArrayHandle array = NULL;
  for (int allowed = 0; allowed < 3; allowed++) {
    test_platform_reset(test_memory_stack);
    test_platform_allow(allowed);
    EXPECT_EQ(TVMArrayAlloc(shape, 2, kDLInt, 16, 1, kDLCPU, 0, &array), kTvmErrorPlatformNoMemory);
    EXPECT(array == NULL);
    EXPECT_EQ(test_platform_live(), 0);
  }
  test_platform_allow(-1);
  EXPECT_EQ(TVMArrayAlloc(huge, 2, kDLInt, 16, 1, kDLCPU, 0, &array),
            kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(TVMArrayAlloc(large, 1, kDLInt, 8, 1, kDLCPU, 0, &array), kTvmErrorPlatformNoMemory);
  EXPECT_EQ(TVMArrayAlloc(shape, -1, kDLInt, 8, 1, kDLCPU, 0, &array),
            kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(test_platform_live(), 0);
  EXPECT_EQ(test_platform_bad_frees(), 0);
}

/* Two 16-bit numbers, as a parameters file holds them. */
static const unsigned char serialised[] = {
    0x3f, 0xa1, 0xb4, 0x96, 0xf0, 0x40, 0x5e, 0xdd, 0, 0, 0, 0, 0, 0, 0, 0, /* magic, reserved */
    1,    0,    0,    0,    0,    0,    0,    0,    1, 0, 0, 0,             /* CPU 0, one axis */
    0,    16,   1,    0,    2,    0,    0,    0,    0, 0, 0, 0,             /* int16, shape {2} */
    4,    0,    0,    0,    0,    0,    0,    0,                            /* bytes */
    0x34, 0x12, 0xff, 0xff,
};

static void serialised_arrays(void) {
  TVMNDArray array;
  const char* stream = (const char*)serialised;
  test_platform_reset(test_memory_stack);
  EXPECT_EQ(TVMNDArray_Load(&array, &stream), 0);
  EXPECT(stream == (const char*)serialised + sizeof(serialised));
  EXPECT_EQ(array.dl_tensor.ndim, 1);
  EXPECT_EQ(array.dl_tensor.shape[0], 2);
  EXPECT_EQ(array.dl_tensor.dtype.bits, 16);
  EXPECT_EQ(((int16_t*)array.dl_tensor.data)[0], 0x1234);
  EXPECT_EQ(((int16_t*)array.dl_tensor.data)[1], -1);
  EXPECT_EQ(TVMNDArray_Release(&array), 0);

  /* Damage in the magic, the device, the number of axes, the shape and the size is noticed. */
  static const int positions[] = {0, 7, 16, 24, 32, 40, 47};
  for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
    unsigned char damaged[sizeof(serialised)];
    memcpy(damaged, serialised, sizeof(damaged));
    damaged[positions[i]] ^= 0x40;
    stream = (const char*)damaged;
    EXPECT_EQ(TVMNDArray_Load(&array, &stream), kTvmErrorFunctionCallInvalidArg);
    EXPECT(stream == (const char*)damaged);
  }
  EXPECT_EQ(test_platform_live(), 0);
}

static void raw_memory(void) {
  const int64_t shape[] = {5};
  void* memory = NULL;
  test_platform_reset(test_memory_stack);
  EXPECT_EQ(TVMDeviceAllocDataSpace(cpu, 100, 16, int16, &memory), 0);
  EXPECT_EQ(TVMDeviceFreeDataSpace(cpu, memory), 0);
  EXPECT_EQ(TVMDeviceAllocDataSpace(cpu, 100, (size_t)1 << 30, int16, &memory),
            kTvmErrorFunctionCallInvalidArg);
  EXPECT_EQ(TVMDeviceAllocDataSpaceWithScope(cpu, 1, shape, int16, "global", &memory), 0);
  EXPECT_EQ(TVMDeviceFreeDataSpace(cpu, memory), 0);
  EXPECT_EQ(TVMDeviceAllocDataSpaceWithScope(cpu, 1, shape, int16, "texture", &memory),
            kTvmErrorFunctionCallNotImplemented);
  EXPECT_EQ(TVMSynchronize(kDLCPU, 0, NULL), 0);
  EXPECT_EQ(test_platform_live(), 0);
}

static int count_task(int task_id, TVMParallelGroupEnv* env, void* data) {
  *(int*)data += 1000 * env->num_task + task_id;
  return TVMBackendParallelBarrier(task_id, env);
}

static int fail_twice(void* data) {
  return ++*(int*)data <= 2 ? -1 : 0;
}

static void what_generated_code_calls(void) {
  test_platform_reset(test_memory_stack);
  void* const first = TVMBackendAllocWorkspace(kDLCPU, 0, 100, kDLFloat, 32);
  void* const second = TVMBackendAllocWorkspace(kDLCPU, 0, 100, kDLInt, 8);
  EXPECT(first != NULL && second != NULL);
  EXPECT(TVMBackendFreeWorkspace(kDLCPU, 0, first) != 0);
  EXPECT_EQ(TVMBackendFreeWorkspace(kDLCPU, 0, second), 0);
  EXPECT_EQ(TVMBackendFreeWorkspace(kDLCPU, 0, first), 0);
  EXPECT(TVMBackendAllocWorkspace(kDLCPU, 0, UINT64_MAX, kDLInt, 8) == NULL);
  test_platform_allow(0);
  EXPECT(TVMBackendAllocWorkspace(kDLCPU, 0, 1, kDLInt, 8) == NULL);

  int count = 0;
  EXPECT_EQ(TVMBackendParallelLaunch(count_task, &count, 8), 0);
  EXPECT_EQ(count, 1000); /* task 0 of 1 */

  void* once = NULL;
  int calls = 0;
  for (int i = 0; i < 5; i++) {
    EXPECT_EQ(TVMBackendRunOnce(&once, fail_twice, &calls, (int)sizeof(calls)), i < 2 ? -1 : 0);
  }
  EXPECT_EQ(calls, 3);
}

int main(void) {
  TVMFunctionHandle early = NULL;
  EXPECT(TVMFuncGetGlobal("runtime.SystemLib", &early) != 0);
  EXPECT(TVMFuncRegisterGlobal("early", address_of(add), 0) != 0);
  the_system_library_is_one_module();
  modules_come_and_go();
  wrong_handles_are_found_out();
  global_functions();
  errors_are_kept_and_cut();
  arrays();
  impossible_arrays_leave_nothing_behind();
  serialised_arrays();
  raw_memory();
  what_generated_code_calls();
  return failures();
}
