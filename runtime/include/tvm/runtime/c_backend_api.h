/* What generated code may call: workspace memory, parallel launch, run-once and registration. With
 * statically planned memory it calls none of these; without, it takes and returns workspaces in
 * strict last-in first-out order, so a stack allocator is enough behind them. */
#ifndef TVM_RUNTIME_C_BACKEND_API_H_
#define TVM_RUNTIME_C_BACKEND_API_H_

#include <tvm/runtime/c_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The signature of every function in a registry. The callee writes at most one result. */
typedef int (*TVMBackendPackedCFunc)(TVMValue* args, int* type_codes, int num_args,
                                     TVMValue* out_ret_value, int* out_ret_tcode,
                                     void* resource_handle);

/* What a task of a parallel launch learns about the group it runs in. */
typedef struct {
  void* sync_handle;
  int32_t num_task;
} TVMParallelGroupEnv;

/* One task: does the task_id-th of penv->num_task equal shares of the work. */
typedef int (*FTVMParallelLambda)(int task_id, TVMParallelGroupEnv* penv, void* cdata);

/* Looks up a global function on behalf of generated code. mod_node is not used. */
TVM_DLL int TVMBackendGetFuncFromEnv(void* mod_node, const char* func_name, TVMFunctionHandle* out);

/* Registers a function of the system library as a global function. */
TVM_DLL int TVMBackendRegisterSystemLibSymbol(const char* name, void* ptr);

/* Accepted for compatibility: functions of this runtime's environment are bound at link time. */
TVM_DLL int TVMBackendRegisterEnvCAPI(const char* name, void* ptr);

/* Temporary memory of nbytes, or NULL. The hints describe the element type and are not used. */
TVM_DLL void* TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t nbytes,
                                       int dtype_code_hint, int dtype_bits_hint);
TVM_DLL int TVMBackendFreeWorkspace(int device_type, int device_id, void* ptr);

/* Runs the whole work as one task: there is one core. num_task is a wish and is not used. */
TVM_DLL int TVMBackendParallelLaunch(FTVMParallelLambda flambda, void* cdata, int num_task);
TVM_DLL int TVMBackendParallelBarrier(int task_id, TVMParallelGroupEnv* penv);

/* Calls f(cdata) unless a call with this handle has already succeeded. *handle starts as NULL. */
TVM_DLL int TVMBackendRunOnce(void** handle, int (*f)(void*), void* cdata, int nbytes);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_C_BACKEND_API_H_ */
