/* The hand-written model; see the header. */
#include "model.h"

#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/module.h>
#include <tvm/runtime/metadata_types.h>

int model_status = 0;
int model_arguments = 0;

static float* data_of(TVMValue argument) {
  DLTensor* const tensor = (DLTensor*)argument.v_handle;
  return (float*)(void*)((char*)tensor->data + tensor->byte_offset);
}

static int tvmgen_tiny_run(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                           int* ret_type_code, void* resource_handle) {
  (void)ret_value, (void)ret_type_code, (void)resource_handle;
  model_arguments = num_args;
  for (int i = 0; i < num_args; i++) {
    if (type_codes[i] != kTVMDLTensorHandle) return -2;
  }
  /* The caller's pool holds the sums until they are copied out. */
  const float* const a = data_of(args[0]);
  const float* const b = data_of(args[1]);
  float* const pool = data_of(args[4]);
  float* const total = data_of(args[3]);
  total[0] = 0.0f;
  for (int i = 0; i < MODEL_ELEMENTS; i++) {
    pool[i] = a[i] + b[i];
    total[0] += pool[i];
  }
  for (int i = 0; i < MODEL_ELEMENTS; i++) data_of(args[2])[i] = pool[i];
  return model_status;
}

#define FLOAT32 \
  { kDLFloat, 32, 1 }
#define BYTE \
  { kDLUInt, 8, 1 }
static const int64_t matrix[] = {MODEL_ROWS, MODEL_COLUMNS};
static const int64_t pool_bytes[] = {MODEL_ELEMENTS * 4};
static const struct TVMTensorInfo inputs[] = {{"a", matrix, 2, FLOAT32}, {"b", matrix, 2, FLOAT32}};
static const struct TVMTensorInfo outputs[] = {{"sum", matrix, 2, FLOAT32},
                                               {"total", matrix, 0, FLOAT32}};
static const struct TVMTensorInfo pools[] = {{"sram", pool_bytes, 1, BYTE}};
static const struct TVMMetadata metadata = {
    TVM_METADATA_VERSION, inputs, 2, outputs, 2, pools, 1, NULL, 0, "tvmgen_tiny"};

static int tvmgen_tiny_get_c_metadata(TVMValue* args, int* type_codes, int num_args,
                                      TVMValue* ret_value, int* ret_type_code,
                                      void* resource_handle) {
  (void)args, (void)type_codes, (void)num_args, (void)resource_handle;
  /* The executor only reads it; the union has no pointer to const. */
  ret_value->v_handle = (void*)(uintptr_t)&metadata;
  *ret_type_code = kTVMOpaqueHandle;
  return 0;
}

static const TVMBackendPackedCFunc functions[] = {tvmgen_tiny_run, tvmgen_tiny_get_c_metadata};
static const TVMFuncRegistry registry = {"\x02\0tvmgen_tiny_run\0tvmgen_tiny_get_c_metadata\0",
                                         functions};
static const TVMModule library = {&registry};

const TVMModule* TVMSystemLibEntryPoint(void) {
  return &library;
}
