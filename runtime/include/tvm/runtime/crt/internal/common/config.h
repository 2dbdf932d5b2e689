/* Brings in the application's crt_config.h where there is one and fills in what it left out, so
 * that every file of the runtime also compiles with no configuration at all. Macros given on the
 * command line win over both. */
#ifndef TVM_RUNTIME_CRT_INTERNAL_COMMON_CONFIG_H_
#define TVM_RUNTIME_CRT_INTERNAL_COMMON_CONFIG_H_

#ifdef __has_include
#if __has_include(<crt_config.h>)
#include <crt_config.h>
#endif
#else
#include <crt_config.h>
#endif

#ifndef TVM_CRT_LOG_LEVEL
#define TVM_CRT_LOG_LEVEL TVM_CRT_LOG_LEVEL_ERROR
#endif

#ifndef TVM_CRT_MAX_NDIM
#define TVM_CRT_MAX_NDIM 6
#endif

#ifndef TVM_CRT_MAX_ARGS
#define TVM_CRT_MAX_ARGS 10
#endif

#ifndef TVM_CRT_GLOBAL_FUNC_REGISTRY_SIZE_BYTES
#define TVM_CRT_GLOBAL_FUNC_REGISTRY_SIZE_BYTES 512
#endif

#ifndef TVM_CRT_MAX_REGISTERED_MODULES
#define TVM_CRT_MAX_REGISTERED_MODULES 2
#endif

#ifndef TVM_CRT_MAX_STRLEN_FUNCTION_NAME
#define TVM_CRT_MAX_STRLEN_FUNCTION_NAME 120
#endif

#endif /* TVM_RUNTIME_CRT_INTERNAL_COMMON_CONFIG_H_ */
