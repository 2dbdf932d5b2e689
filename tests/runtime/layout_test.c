/* The numbers and layouts that applications and hosts have compiled into them: type sizes, member
 * offsets, type codes and error codes. Most are compile-time facts; C99 has no static assertion, so
 * an array of negative size stands in for one. */
#include <stddef.h>
#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/aot_executor.h>
#include <tvm/runtime/crt/error_codes.h>
#include <tvm/runtime/crt/func_registry.h>
#include <tvm/runtime/crt/module.h>
#include <tvm/runtime/crt/stack_allocator.h>
#include <tvm/runtime/metadata_types.h>

#include "check.h"

#define STATIC_ASSERT_NAMED(condition, line) typedef char fact_##line[(condition) ? 1 : -1]
#define STATIC_ASSERT_AT(condition, line) STATIC_ASSERT_NAMED(condition, line)
#define STATIC_ASSERT(condition) STATIC_ASSERT_AT(condition, __LINE__)

/* What the ABI of the machine makes of: pointer, 8 bytes device, int32, 4 bytes type, two pointers,
 * and a 64-bit offset aligned to 8 (on the 32- and 64-bit machines we build for). */
#define P sizeof(void*)
#define ROUND_UP(n, to) (((n) + (to)-1) / (to) * (to))
STATIC_ASSERT(sizeof(DLDataType) == 4);
STATIC_ASSERT(offsetof(DLDataType, bits) == 1 && offsetof(DLDataType, lanes) == 2);
STATIC_ASSERT(sizeof(DLDevice) == 8 && offsetof(DLDevice, device_id) == 4);
STATIC_ASSERT(offsetof(DLTensor, data) == 0);
STATIC_ASSERT(offsetof(DLTensor, device) == P);
STATIC_ASSERT(offsetof(DLTensor, ndim) == P + 8);
STATIC_ASSERT(offsetof(DLTensor, dtype) == P + 12);
STATIC_ASSERT(offsetof(DLTensor, shape) == P + 16);
STATIC_ASSERT(offsetof(DLTensor, strides) == P + 16 + P);
STATIC_ASSERT(offsetof(DLTensor, byte_offset) == ROUND_UP(P + 16 + 2 * P, 8));
STATIC_ASSERT(sizeof(DLTensor) == offsetof(DLTensor, byte_offset) + 8);
STATIC_ASSERT(sizeof(TVMValue) == 8);
STATIC_ASSERT(offsetof(TVMNDArray, dl_tensor) == 0);

STATIC_ASSERT(sizeof(tvm_crt_error_t) == 4);
STATIC_ASSERT(sizeof(struct TVMTensorInfo) == ROUND_UP(2 * P, 8) + 8 + ROUND_UP(4, 8));
STATIC_ASSERT(offsetof(struct TVMMetadata, inputs) == 8);
STATIC_ASSERT(offsetof(struct TVMMetadata, num_inputs) == 16);
STATIC_ASSERT(offsetof(struct TVMMetadata, outputs) == 24);
STATIC_ASSERT(offsetof(struct TVMMetadata, workspace_pools) == 40);
STATIC_ASSERT(offsetof(struct TVMMetadata, constant_pools) == 56);
STATIC_ASSERT(offsetof(struct TVMMetadata, mod_name) == 72);
STATIC_ASSERT(offsetof(TVMFuncRegistry, names) == 0 && offsetof(TVMFuncRegistry, funcs) == P);
STATIC_ASSERT(offsetof(TVMModule, registry) == 0 && sizeof(TVMModule) == P);
STATIC_ASSERT(offsetof(tvm_workspace_t, next_alloc) == 0);
STATIC_ASSERT(offsetof(tvm_workspace_t, workspace) == P);
STATIC_ASSERT(offsetof(tvm_workspace_t, workspace_size) == 2 * P);

static void error_codes(void) {
  EXPECT_EQ(kTvmErrorNoError, 0);
  EXPECT_EQ(kTvmErrorFunctionNameNotFound, 0x100);
  EXPECT_EQ(kTvmErrorBufferTooSmall, 0x104);
  EXPECT_EQ(kTvmErrorFramingPayloadIncomplete, 0x204);
  EXPECT_EQ(kTvmErrorWriteStreamLongWrite, 0x301);
  EXPECT_EQ(kTvmErrorSessionReceiveBufferShortWrite, 0x402);
  EXPECT_EQ(kTvmErrorPlatformCheckFailure, 0x500);
  EXPECT_EQ(kTvmErrorPlatformNoMemory, 0x503);
  EXPECT_EQ(kTvmErrorPlatformStackAllocBadFree, 0x505);
  EXPECT_EQ(kTvmErrorGeneratedInvalidStorageId, 0x600);
  EXPECT_EQ(kTvmErrorExecutorModuleNoSuchInput, 0x702);
  EXPECT_EQ(kTvmErrorFunctionCallNotImplemented, 0x802);
  EXPECT_EQ(kTvmErrorFunctionCallInvalidArg, 0x803);
  EXPECT_EQ(kTvmErrorTimeEvaluatorBadHandle, 0x900);
}

static void type_codes(void) {
  EXPECT_EQ(kTVMArgInt, 0);
  EXPECT_EQ(kTVMArgFloat, 2);
  EXPECT_EQ(kTVMOpaqueHandle, 3);
  EXPECT_EQ(kTVMNullptr, 4);
  EXPECT_EQ(kDLDevice, 6);
  EXPECT_EQ(kTVMDLTensorHandle, 7);
  EXPECT_EQ(kTVMModuleHandle, 9);
  EXPECT_EQ(kTVMStr, 11);
  EXPECT_EQ(kTVMNDArrayHandle, 13);
  EXPECT_EQ(kTVMExtBegin, 15);
  EXPECT_EQ(kDLCPU, 1);
  EXPECT_EQ(kDLHexagon, 16);
  EXPECT_EQ(kDLMicroDev, 35);
}

int main(void) {
  error_codes();
  type_codes();
  return failures();
}
