/* Registries of functions by name: see the header for the form of the names. */
#include <string.h>
#include <tvm/runtime/crt/func_registry.h>

#define COUNT_BYTES 2u

static const char* first_name(const TVMFuncRegistry* reg) {
  return reg->names + COUNT_BYTES;
}

static const char* next_name(const char* name) {
  return name + strlen(name) + 1;
}

uint16_t TVMFuncRegistry_GetNumFuncs(const TVMFuncRegistry* reg) {
  const unsigned low = (unsigned char)reg->names[0];
  const unsigned high = (unsigned char)reg->names[1];
  return (uint16_t)(low | high << 8);
}

static void set_num_funcs(char* names, unsigned count) {
  names[0] = (char)(unsigned char)(count & 0xffu);
  names[1] = (char)(unsigned char)(count >> 8);
}

tvm_crt_error_t TVMFuncRegistry_Lookup(const TVMFuncRegistry* reg, const char* name,
                                       tvm_function_index_t* function_index) {
  const uint16_t count = TVMFuncRegistry_GetNumFuncs(reg);
  const char* candidate = first_name(reg);
  for (uint16_t i = 0; i < count; i++, candidate = next_name(candidate)) {
    if (strcmp(candidate, name) != 0) continue;
    *function_index = i;
    return kTvmErrorNoError;
  }
  return kTvmErrorFunctionNameNotFound;
}

tvm_crt_error_t TVMFuncRegistry_GetByIndex(const TVMFuncRegistry* reg, tvm_function_index_t index,
                                           TVMBackendPackedCFunc* out_func) {
  if (index >= TVMFuncRegistry_GetNumFuncs(reg)) return kTvmErrorFunctionIndexInvalid;
  *out_func = reg->funcs[index];
  return kTvmErrorNoError;
}

tvm_crt_error_t TVMMutableFuncRegistry_Create(TVMMutableFuncRegistry* reg, uint8_t* buffer,
                                              size_t buffer_size_bytes) {
  const size_t pointer_bytes = sizeof(TVMBackendPackedCFunc);
  reg->max_functions = 0;
  if (buffer_size_bytes < COUNT_BYTES + TVM_AVERAGE_FUNC_ENTRY_SIZE_BYTES) {
    return kTvmErrorBufferTooSmall;
  }
  /* Pointers go to the end of the buffer, rounded down to their alignment; names get the rest. */
  const size_t end_waste = ((uintptr_t)buffer + buffer_size_bytes) % pointer_bytes;
  const size_t usable = buffer_size_bytes - end_waste - COUNT_BYTES;
  size_t functions = usable / TVM_AVERAGE_FUNC_ENTRY_SIZE_BYTES;
  if (functions == 0) return kTvmErrorBufferTooSmall;
  if (functions > UINT16_MAX) functions = UINT16_MAX;
  uint8_t* const pointers = buffer + buffer_size_bytes - end_waste - functions * pointer_bytes;

  set_num_funcs((char*)buffer, 0);
  reg->registry.names = (const char*)buffer;
  reg->registry.funcs = (const TVMBackendPackedCFunc*)(const void*)pointers;
  reg->max_functions = functions;
  return kTvmErrorNoError;
}

tvm_crt_error_t TVMMutableFuncRegistry_Set(TVMMutableFuncRegistry* reg, const char* name,
                                           TVMBackendPackedCFunc func, int override) {
  /* The registry was made from writable memory; only its read-only view is typed const. */
  TVMBackendPackedCFunc* const funcs = (TVMBackendPackedCFunc*)(uintptr_t)reg->registry.funcs;
  char* const names = (char*)(uintptr_t)reg->registry.names;

  if (reg->max_functions == 0) return kTvmErrorFunctionRegistryFull;
  tvm_function_index_t index = 0;
  if (TVMFuncRegistry_Lookup(&reg->registry, name, &index) == kTvmErrorNoError) {
    if (!override) return kTvmErrorFunctionAlreadyDefined;
    funcs[index] = func;
    return kTvmErrorNoError;
  }

  const uint16_t count = TVMFuncRegistry_GetNumFuncs(&reg->registry);
  const char* end = first_name(&reg->registry);
  for (uint16_t i = 0; i < count; i++) end = next_name(end);
  const size_t taken = (size_t)(end - names);
  const size_t room = (size_t)((const char*)reg->registry.funcs - names) - taken;
  const size_t name_bytes = strlen(name) + 1;
  if (count >= reg->max_functions || name_bytes > room) return kTvmErrorFunctionRegistryFull;

  memcpy(names + taken, name, name_bytes);
  funcs[count] = func;
  set_num_funcs(names, (unsigned)count + 1u);
  return kTvmErrorNoError;
}
