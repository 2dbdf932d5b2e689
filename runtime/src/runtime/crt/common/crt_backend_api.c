/* What generated code may call while it runs. This file is often compiled alone, next to a model
 * and an application that has no other part of the runtime, so it leans only on hooks such
 * applications define: TVMPlatformMemoryAllocate, TVMPlatformMemoryFree, TVMFuncRegisterGlobal. */
#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/platform.h>

static DLDevice device_of(int device_type, int device_id) {
  DLDevice device;
  device.device_type = (DLDeviceType)device_type;
  device.device_id = device_id;
  return device;
}

void* TVMBackendAllocWorkspace(int device_type, int device_id, uint64_t nbytes, int dtype_code_hint,
                               int dtype_bits_hint) {
  void* memory = NULL;
  (void)dtype_code_hint;
  (void)dtype_bits_hint;
  if (nbytes > SIZE_MAX) return NULL;
  const DLDevice device = device_of(device_type, device_id);
  if (TVMPlatformMemoryAllocate((size_t)nbytes, device, &memory) != kTvmErrorNoError) return NULL;
  return memory;
}

int TVMBackendFreeWorkspace(int device_type, int device_id, void* ptr) {
  return (int)TVMPlatformMemoryFree(ptr, device_of(device_type, device_id));
}

int TVMBackendParallelLaunch(FTVMParallelLambda flambda, void* cdata, int num_task) {
  TVMParallelGroupEnv alone;
  (void)num_task;
  alone.sync_handle = NULL;
  alone.num_task = 1;
  return flambda(0, &alone, cdata);
}

/* A group of one is always all there. */
int TVMBackendParallelBarrier(int task_id, TVMParallelGroupEnv* penv) {
  (void)task_id;
  (void)penv;
  return 0;
}

int TVMBackendRunOnce(void** handle, int (*f)(void*), void* cdata, int nbytes) {
  (void)nbytes;
  if (*handle != NULL) return 0;
  const int status = f(cdata);
  if (status == 0) *handle = handle; /* any address that is not NULL */
  return status;
}

int TVMBackendRegisterSystemLibSymbol(const char* name, void* ptr) {
  return TVMFuncRegisterGlobal(name, ptr, 0);
}

int TVMBackendRegisterEnvCAPI(const char* name, void* ptr) {
  (void)name;
  (void)ptr;
  return 0;
}
