/* Calling by name from C: binds a name to a handle once, then calls it with stored arguments. */
#include <string.h>
#include <tvm/runtime/crt/error_codes.h>
#include <tvm/runtime/crt/packed_func.h>

TVMArgs TVMArgs_Create(TVMValue* values, uint32_t* tcodes, uint32_t values_count) {
  TVMArgs args;
  memset(&args, 0, sizeof(args));
  if (values_count > TVM_CRT_MAX_ARGS) {
    TVMAPISetLastError("too many arguments; raise TVM_CRT_MAX_ARGS");
    return args;
  }
  for (uint32_t i = 0; i < values_count; i++) {
    args.values[i] = values[i];
    args.tcodes[i] = (int)tcodes[i];
  }
  args.values_count = values_count;
  return args;
}

int TVMPackedFunc_Call(TVMPackedFunc* pf) {
  pf->ret_value.values_count = 1;
  pf->ret_value.tcodes[0] = kTVMNullptr;
  return TVMFuncCall(pf->fexec, pf->args.values, pf->args.tcodes, (int)pf->args.values_count,
                     &pf->ret_value.values[0], &pf->ret_value.tcodes[0]);
}

void TVMPackedFunc_SetArgs(TVMPackedFunc* pf, const TVMArgs* args) {
  memcpy(&pf->args, args, sizeof(pf->args));
}

/* Everything but the look-up. */
static int prepare(TVMPackedFunc* pf, const char* name, const TVMArgs* args) {
  const size_t length = strlen(name);
  memset(pf, 0, sizeof(*pf));
  if (length >= sizeof(pf->name)) {
    TVMAPISetLastError("a function's name is too long; raise TVM_CRT_MAX_STRLEN_FUNCTION_NAME");
    return kTvmErrorBufferTooSmall;
  }
  memcpy(pf->name, name, length + 1);
  pf->Call = TVMPackedFunc_Call;
  pf->SetArgs = TVMPackedFunc_SetArgs;
  if (args != NULL) TVMPackedFunc_SetArgs(pf, args);
  return 0;
}

int TVMPackedFunc_InitGlobalFunc(TVMPackedFunc* pf, const char* name, const TVMArgs* args) {
  const int status = prepare(pf, name, args);
  return status != 0 ? status : TVMFuncGetGlobal(name, &pf->fexec);
}

int TVMPackedFunc_InitModuleFunc(TVMPackedFunc* pf, TVMModuleHandle module, const char* name,
                                 const TVMArgs* args) {
  const int status = prepare(pf, name, args);
  return status != 0 ? status : TVMModGetFunction(module, name, 0, &pf->fexec);
}
