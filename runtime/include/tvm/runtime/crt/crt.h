/* Start of the runtime, for applications that find functions by name. An application that calls
 * tvmgen_<model>_run itself does not need it. */
#ifndef TVM_RUNTIME_CRT_CRT_H_
#define TVM_RUNTIME_CRT_CRT_H_

#include <tvm/runtime/c_runtime_api.h>
#include <tvm/runtime/crt/error_codes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Forgets all modules and functions, then registers the global function runtime.SystemLib, which
 * returns the module behind TVMSystemLibEntryPoint. Call it before anything else. */
tvm_crt_error_t TVMInitializeRuntime(void);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_CRT_H_ */
