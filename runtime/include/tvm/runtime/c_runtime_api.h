/* The types every generated file speaks (values, type codes, handles, visibility) and the part of
 * the public runtime interface that this runtime implements: errors, function look-up and call,
 * arrays, and device memory. Generated code includes this header first and often needs no more. */
#ifndef TVM_RUNTIME_C_RUNTIME_API_H_
#define TVM_RUNTIME_C_RUNTIME_API_H_

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

/* Symbols that must stay visible when the rest is compiled with -fvisibility=hidden. */
#ifndef TVM_DLL
#if defined(__GNUC__) || defined(__clang__)
#define TVM_DLL __attribute__((visibility("default")))
#else
#define TVM_DLL
#endif
#endif

/* A default that an application may replace by defining the same function. */
#ifndef TVM_WEAK
#if defined(__GNUC__) || defined(__clang__)
#define TVM_WEAK __attribute__((weak))
#else
#define TVM_WEAK
#endif
#endif

#ifndef TVM_ATTRIBUTE_UNUSED
#if defined(__GNUC__) || defined(__clang__)
#define TVM_ATTRIBUTE_UNUSED __attribute__((unused))
#else
#define TVM_ATTRIBUTE_UNUSED
#endif
#endif

/* The release whose C interface these headers are compatible with. */
#define TVM_VERSION "0.15.0"

#ifdef __cplusplus
extern "C" {
#endif

/* Shapes and strides. */
typedef int64_t tvm_index_t;

/* Kinds of memory beyond those DLPack names. */
typedef enum { kDLAOCL = 32, kDLSDAccel = 33, kOpenGL = 34, kDLMicroDev = 35 } TVMDeviceExtType;

/* What a TVMValue holds. The small numbers are DLDataTypeCode's, so that a scalar's code is its
 * family. */
typedef enum {
  kTVMArgInt = kDLInt,
  kTVMArgFloat = kDLFloat,
  kTVMOpaqueHandle = 3,
  kTVMNullptr = 4,
  kTVMDataType = 5,
  kDLDevice = 6,
  kTVMDLTensorHandle = 7,
  kTVMObjectHandle = 8,
  kTVMModuleHandle = 9,
  kTVMPackedFuncHandle = 10,
  kTVMStr = 11,
  kTVMBytes = 12,
  kTVMNDArrayHandle = 13,
  kTVMObjectRValueRefArg = 14,
  kTVMExtBegin = 15
} TVMArgTypeCode;

/* One argument or result of a packed function; its type code travels beside it. */
typedef union {
  int64_t v_int64;
  double v_float64;
  void* v_handle;
  const char* v_str;
  DLDataType v_type;
  DLDevice v_device;
} TVMValue;

/* Bytes with a length, for strings that may contain zeros. */
typedef struct {
  const char* data;
  size_t size;
} TVMByteArray;

typedef DLTensor* TVMArrayHandle;
typedef void* TVMModuleHandle;
typedef void* TVMFunctionHandle;
typedef void* TVMRetValueHandle;
typedef void* TVMStreamHandle;
typedef void* TVMObjectHandle;

/* Every function below returns 0 on success. After a failure TVMGetLastError has a sentence. */

/* Remembers (a possibly shortened copy of) msg as the last error. */
TVM_DLL void TVMAPISetLastError(const char* msg);

/* The last error, or "" when there was none. Valid until the next error. */
TVM_DLL const char* TVMGetLastError(void);

/* Looks func_name up in mod. query_imports is accepted and ignored: modules have no imports. */
TVM_DLL int TVMModGetFunction(TVMModuleHandle mod, const char* func_name, int query_imports,
                              TVMFunctionHandle* out);

/* Forgets a module; its handle must not be used again. */
TVM_DLL int TVMModFree(TVMModuleHandle mod);

/* Function handles own nothing, so there is nothing to free; always succeeds. */
TVM_DLL int TVMFuncFree(TVMFunctionHandle func);

/* Calls func. *ret_type_code is kTVMNullptr when the function gave no result. */
TVM_DLL int TVMFuncCall(TVMFunctionHandle func, TVMValue* arg_values, int* type_codes, int num_args,
                        TVMValue* ret_val, int* ret_type_code);

/* Hands over the result of a function called through a TVMRetValueHandle; num_ret must be 1. */
TVM_DLL int TVMCFuncSetReturn(TVMRetValueHandle ret, TVMValue* value, int* type_code, int num_ret);

/* Adds a global function. f is a TVMBackendPackedCFunc. With override == 0 a second function of
 * the same name is an error. */
TVM_DLL int TVMFuncRegisterGlobal(const char* name, TVMFunctionHandle f, int override);

/* Looks up a global function. */
TVM_DLL int TVMFuncGetGlobal(const char* name, TVMFunctionHandle* out);

/* Allocates an array; TVMArrayFree gives one reference back. */
TVM_DLL int TVMArrayAlloc(const tvm_index_t* shape, int ndim, int dtype_code, int dtype_bits,
                          int dtype_lanes, int device_type, int device_id, TVMArrayHandle* out);
TVM_DLL int TVMArrayFree(TVMArrayHandle handle);

/* Copy the whole array; nbytes must be exactly its size. */
TVM_DLL int TVMArrayCopyFromBytes(TVMArrayHandle handle, void* data, size_t nbytes);
TVM_DLL int TVMArrayCopyToBytes(TVMArrayHandle handle, void* data, size_t nbytes);

/* Raw memory from the platform. An alignment the platform did not give is an error. */
TVM_DLL int TVMDeviceAllocDataSpace(DLDevice dev, size_t nbytes, size_t alignment,
                                    DLDataType type_hint, void** out_data);
/* The same for a tensor of a shape; mem_scope must be NULL or "global", the only one there is. */
TVM_DLL int TVMDeviceAllocDataSpaceWithScope(DLDevice dev, int ndim, const int64_t* shape,
                                             DLDataType dtype, const char* mem_scope,
                                             void** out_data);
TVM_DLL int TVMDeviceFreeDataSpace(DLDevice dev, void* ptr);

/* Copies between two compact CPU tensors of equal size. */
TVM_DLL int TVMDeviceCopyDataFromTo(DLTensor* from, DLTensor* to, TVMStreamHandle stream);

/* Everything here is synchronous: there is one stream (NULL) and nothing to wait for. */
TVM_DLL int TVMSynchronize(int device_type, int device_id, TVMStreamHandle stream);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_C_RUNTIME_API_H_ */
