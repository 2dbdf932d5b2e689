/* The runtime behind handles: modules, functions by name, calls and the last error. Handles are
 * numbers in a pointer's clothes, not addresses, so a wrong one is found out, not followed. */
#include <string.h>
#include <tvm/runtime/c_backend_api.h>
#include <tvm/runtime/crt/crt.h>
#include <tvm/runtime/crt/func_registry.h>
#include <tvm/runtime/crt/internal/common/config.h>
#include <tvm/runtime/crt/module.h>

/* A module's handle is its slot with this bit set, so that no handle is NULL. A function's handle
 * has its module's handle in the upper and its position, with the bit, in the lower half. */
#define HANDLE_VALID 0x8000u
/* The slot that stands for the registry of global functions. */
#define GLOBAL_SLOT 0x7fffu
#define LAST_ERROR_BYTES 160u

static const TVMModule* registered_modules[TVM_CRT_MAX_REGISTERED_MODULES];
static TVMMutableFuncRegistry global_functions;
static uint8_t global_functions_memory[TVM_CRT_GLOBAL_FUNC_REGISTRY_SIZE_BYTES];
static char last_error[LAST_ERROR_BYTES];

/* ---- errors ---- */

/* Appends as much of text as fits; no printf, which small C libraries pay dearly for. */
static void append_error(const char* text) {
  size_t length = strlen(last_error);
  while (*text != '\0' && length + 1 < LAST_ERROR_BYTES) last_error[length++] = *text++;
  last_error[length] = '\0';
}

static int error(tvm_crt_error_t code, const char* before, const char* name, const char* after) {
  last_error[0] = '\0';
  append_error(before);
  append_error(name);
  append_error(after);
  return (int)code;
}

void TVMAPISetLastError(const char* msg) {
  last_error[0] = '\0';
  append_error(msg);
}

const char* TVMGetLastError(void) {
  return last_error;
}

/* ---- modules ---- */

static TVMModuleHandle module_handle(size_t slot) {
  return (TVMModuleHandle)(uintptr_t)(slot | HANDLE_VALID);
}

/* The registry behind a slot, or NULL. */
static const TVMFuncRegistry* registry_of(size_t slot) {
  if (slot == GLOBAL_SLOT) return &global_functions.registry;
  if (slot >= TVM_CRT_MAX_REGISTERED_MODULES || registered_modules[slot] == NULL) return NULL;
  return registered_modules[slot]->registry;
}

/* The slot in a module's handle, or one that holds no module. */
static size_t slot_of(TVMModuleHandle handle) {
  const uintptr_t bits = (uintptr_t)handle;
  const uintptr_t slot = bits - HANDLE_VALID;
  return bits >= HANDLE_VALID && slot < GLOBAL_SLOT ? (size_t)slot : GLOBAL_SLOT + 1u;
}

int TVMModCreateFromCModule(const TVMModule* mod, TVMModuleHandle* out_handle) {
  for (size_t slot = 0; slot < TVM_CRT_MAX_REGISTERED_MODULES; slot++) {
    if (registered_modules[slot] != NULL) continue;
    registered_modules[slot] = mod;
    *out_handle = module_handle(slot);
    return 0;
  }
  return error(kTvmErrorFunctionRegistryFull,
               "no room for another module; raise TVM_CRT_MAX_REGISTERED_MODULES", "", "");
}

int TVMModFree(TVMModuleHandle mod) {
  const size_t slot = slot_of(mod);
  if (registry_of(slot) == NULL) {
    return error(kTvmErrorFunctionCallInvalidArg, "not the handle of a module", "", "");
  }
  registered_modules[slot] = NULL;
  return 0;
}

/* ---- functions ---- */

static TVMFunctionHandle function_handle(size_t slot, tvm_function_index_t index) {
  const uintptr_t module_bits = slot | HANDLE_VALID;
  return (TVMFunctionHandle)(module_bits << 16 | (uintptr_t)(index | HANDLE_VALID));
}

static int find_function(size_t slot, const char* name, TVMFunctionHandle* out) {
  const TVMFuncRegistry* registry = registry_of(slot);
  tvm_function_index_t index = 0;
  *out = NULL;
  if (registry == NULL) {
    return error(kTvmErrorFunctionCallInvalidArg, "not the handle of a module", "", "");
  }
  if (registry->names == NULL) {
    return error(kTvmErrorFunctionNameNotFound, "call TVMInitializeRuntime before looking up ",
                 name, "");
  }
  const tvm_crt_error_t status = TVMFuncRegistry_Lookup(registry, name, &index);
  if (status != kTvmErrorNoError) return error(status, "no function is named ", name, "");
  if (index >= HANDLE_VALID) {
    return error(kTvmErrorFunctionIndexInvalid, "too many functions before ", name, "");
  }
  *out = function_handle(slot, index);
  return 0;
}

int TVMModGetFunction(TVMModuleHandle mod, const char* func_name, int query_imports,
                      TVMFunctionHandle* out) {
  (void)query_imports;
  return find_function(slot_of(mod), func_name, out);
}

int TVMFuncGetGlobal(const char* name, TVMFunctionHandle* out) {
  return find_function(GLOBAL_SLOT, name, out);
}

int TVMBackendGetFuncFromEnv(void* mod_node, const char* func_name, TVMFunctionHandle* out) {
  (void)mod_node;
  return TVMFuncGetGlobal(func_name, out);
}

int TVMFuncRegisterGlobal(const char* name, TVMFunctionHandle f, int override) {
  /* ISO C has no cast from an object pointer to a function pointer, but the interface needs one. */
  TVMBackendPackedCFunc function = NULL;
  memcpy(&function, &f, sizeof(function));
  const tvm_crt_error_t status =
      TVMMutableFuncRegistry_Set(&global_functions, name, function, override);
  if (status == kTvmErrorFunctionAlreadyDefined) {
    return error(status, "function ", name, " is defined already");
  }
  if (status != kTvmErrorNoError) {
    return error(status, "no room for function ", name,
                 "; raise TVM_CRT_GLOBAL_FUNC_REGISTRY_SIZE_BYTES");
  }
  return 0;
}

int TVMFuncCall(TVMFunctionHandle func, TVMValue* arg_values, int* type_codes, int num_args,
                TVMValue* ret_val, int* ret_type_code) {
  const uintptr_t bits = (uintptr_t)func;
  const size_t slot = (size_t)((bits >> 16) - HANDLE_VALID);
  const uintptr_t position = bits & 0xffffu;
  const TVMFuncRegistry* registry = registry_of(slot);
  TVMBackendPackedCFunc function = NULL;
  const int valid =
      registry != NULL && registry->names != NULL && position >= HANDLE_VALID &&
      TVMFuncRegistry_GetByIndex(registry, (tvm_function_index_t)(position - HANDLE_VALID),
                                 &function) == kTvmErrorNoError;
  if (!valid) {
    return error(kTvmErrorFunctionIndexInvalid, "not the handle of a function", "", "");
  }
  *ret_type_code = kTVMNullptr;
  ret_val->v_handle = NULL;
  return function(arg_values, type_codes, num_args, ret_val, ret_type_code, NULL);
}

int TVMFuncFree(TVMFunctionHandle func) {
  (void)func;
  return 0;
}

int TVMCFuncSetReturn(TVMRetValueHandle ret, TVMValue* value, int* type_code, int num_ret) {
  (void)type_code; /* the callee sets its code itself, through out_ret_tcode */
  if (num_ret != 1) {
    return error(kTvmErrorFunctionCallNumArguments, "a function returns exactly one value", "", "");
  }
  memcpy(ret, value, sizeof(*value));
  return 0;
}

/* ---- start ---- */

static int system_library(TVMValue* args, int* type_codes, int num_args, TVMValue* ret_value,
                          int* ret_type_code, void* resource_handle) {
  (void)args; /* callers may pass a prefix of names, which a single library does not need */
  (void)type_codes;
  (void)num_args;
  (void)resource_handle;
  const TVMModule* const library = TVMSystemLibEntryPoint();
  *ret_type_code = kTVMModuleHandle;
  for (size_t slot = 0; slot < TVM_CRT_MAX_REGISTERED_MODULES; slot++) {
    if (registered_modules[slot] != library) continue;
    ret_value->v_handle = module_handle(slot);
    return 0;
  }
  return TVMModCreateFromCModule(library, &ret_value->v_handle);
}

tvm_crt_error_t TVMInitializeRuntime(void) {
  last_error[0] = '\0';
  memset(registered_modules, 0, sizeof(registered_modules));
  const tvm_crt_error_t status = TVMMutableFuncRegistry_Create(
      &global_functions, global_functions_memory, sizeof(global_functions_memory));
  if (status != kTvmErrorNoError) return status;
  return TVMMutableFuncRegistry_Set(&global_functions, "runtime.SystemLib", system_library, 0);
}
