/* Runs a model with the packed interface: asks it for its metadata, allocates a tensor for each
 * input, output and pool of the caller, and calls it. */
#ifndef TVM_RUNTIME_CRT_AOT_EXECUTOR_H_
#define TVM_RUNTIME_CRT_AOT_EXECUTOR_H_

#include <tvm/runtime/c_runtime_api.h>
#include <tvm/runtime/crt/internal/common/ndarray.h>
#include <tvm/runtime/metadata_types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TVMMetadata TVMMetadata;

typedef struct TVMAotExecutor {
  const TVMMetadata* metadata;
  TVMModuleHandle module_handle;
  DLDevice device;
  TVMNDArray* args; /* inputs, then outputs, then workspace pools */
  int64_t num_args;
} TVMAotExecutor;

/* module_name is the name given to the compiler, "default" unless another was chosen. On failure
 * everything allocated is given back and *executor is NULL. Returns 0 on success. */
int TVMAotExecutor_Create(TVMModuleHandle module_handle, const DLDevice device,
                          TVMAotExecutor** executor, const char* module_name);

/* Gives all memory back, latest allocation first, so that a stack allocator may be behind it. */
int TVMAotExecutor_Release(TVMAotExecutor* executor, const DLDevice device);

int TVMAotExecutor_GetNumInputs(TVMAotExecutor* executor);
int TVMAotExecutor_GetNumOutputs(TVMAotExecutor* executor);

/* The position of an input, or -1. */
int TVMAotExecutor_GetInputIndex(TVMAotExecutor* executor, const char* name);

/* The name of an input; an error when index is out of range. */
int TVMAotExecutor_GetInputName(TVMAotExecutor* executor, int index, const char** name);

/* Calls the model once; returns what it returned. */
int TVMAotExecutor_Run(TVMAotExecutor* executor);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_AOT_EXECUTOR_H_ */
