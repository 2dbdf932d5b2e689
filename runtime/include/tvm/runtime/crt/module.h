/* A module as C sees it: nothing but its table of functions. Archives made for a system library
 * bring one and hand it out through TVMSystemLibEntryPoint. */
#ifndef TVM_RUNTIME_CRT_MODULE_H_
#define TVM_RUNTIME_CRT_MODULE_H_

#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/func_registry.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TVMModule {
  const TVMFuncRegistry* registry;
} TVMModule;

/* Gives mod, which must stay where it is, a handle. At most TVM_CRT_MAX_REGISTERED_MODULES live at
 * a time. */
int TVMModCreateFromCModule(const TVMModule* mod, TVMModuleHandle* out_handle);

/* The system library. Defined by the generated code, not by the runtime. */
const TVMModule* TVMSystemLibEntryPoint(void);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_MODULE_H_ */
