/* Tables that map names to functions: a constant one that generated code brings, and a growing one
 * for global functions. Names are one string: a 16-bit count, low byte first, then that many names,
 * each ended by a zero, in the order of the functions. */
#ifndef TVM_RUNTIME_CRT_FUNC_REGISTRY_H_
#define TVM_RUNTIME_CRT_FUNC_REGISTRY_H_

#include <stddef.h>
#include <stdint.h>
#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/error_codes.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint16_t tvm_module_index_t;
typedef uint16_t tvm_function_index_t;

typedef struct TVMFuncRegistry {
  const char* names;
  const TVMBackendPackedCFunc* funcs;
} TVMFuncRegistry;

/* A registry in memory of its own, with room for max_functions. */
typedef struct TVMMutableFuncRegistry {
  TVMFuncRegistry registry;
  size_t max_functions;
} TVMMutableFuncRegistry;

/* Assumed when a registry's memory is divided between names and pointers. */
#define TVM_AVERAGE_FUNCTION_NAME_STRLEN_BYTES 10

/* Memory taken by one function with a name of that length. */
#define TVM_AVERAGE_FUNC_ENTRY_SIZE_BYTES \
  (TVM_AVERAGE_FUNCTION_NAME_STRLEN_BYTES + 1 + sizeof(TVMBackendPackedCFunc))

/* The count at the start of the names. */
uint16_t TVMFuncRegistry_GetNumFuncs(const TVMFuncRegistry* reg);

/* The position of name; kTvmErrorFunctionNameNotFound when it is not there. */
tvm_crt_error_t TVMFuncRegistry_Lookup(const TVMFuncRegistry* reg, const char* name,
                                       tvm_function_index_t* function_index);

/* The function at a position; kTvmErrorFunctionIndexInvalid beyond the last. */
tvm_crt_error_t TVMFuncRegistry_GetByIndex(const TVMFuncRegistry* reg, tvm_function_index_t index,
                                           TVMBackendPackedCFunc* out_func);

/* Makes an empty registry in buffer; kTvmErrorBufferTooSmall when not even one function fits. */
tvm_crt_error_t TVMMutableFuncRegistry_Create(TVMMutableFuncRegistry* reg, uint8_t* buffer,
                                              size_t buffer_size_bytes);

/* Adds a function. A name that is there already is replaced when override is not 0, and otherwise
 * is kTvmErrorFunctionAlreadyDefined. kTvmErrorFunctionRegistryFull when names or pointers run
 * out. */
tvm_crt_error_t TVMMutableFuncRegistry_Set(TVMMutableFuncRegistry* reg, const char* name,
                                           TVMBackendPackedCFunc func, int override);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_FUNC_REGISTRY_H_ */
