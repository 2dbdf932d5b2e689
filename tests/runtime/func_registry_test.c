/* Registries: look-ups in a constant table as generated code writes it, and a growing one up to its
 * last byte. */
#include <string.h>
#include <tvm/runtime/crt/func_registry.h>

#include "check.h"

#define PACKED_FUNCTION(name, result)                                                          \
  static int name(TVMValue* args, int* type_codes, int num_args, TVMValue* ret, int* ret_code, \
                  void* resource_handle) {                                                     \
    (void)args, (void)type_codes, (void)num_args, (void)ret, (void)ret_code;                   \
    (void)resource_handle;                                                                     \
    return (result);                                                                           \
  }
PACKED_FUNCTION(one, 1)
PACKED_FUNCTION(two, 2)
PACKED_FUNCTION(three, 3)

static int call(TVMBackendPackedCFunc function) {
  return function(NULL, NULL, 0, NULL, NULL, NULL);
}

static const TVMBackendPackedCFunc functions[] = {one, two, three};
static const TVMFuncRegistry table = {"\x03\0alpha\0alphabet\0beta\0", functions};

static void constant_tables(void) {
  static const char* const names[] = {"alpha", "alphabet", "beta"};
  EXPECT_EQ(TVMFuncRegistry_GetNumFuncs(&table), 3);
  for (int i = 0; i < 3; i++) {
    tvm_function_index_t index = 99;
    TVMBackendPackedCFunc function = NULL;
    EXPECT_EQ(TVMFuncRegistry_Lookup(&table, names[i], &index), kTvmErrorNoError);
    EXPECT_EQ(index, i);
    EXPECT_EQ(TVMFuncRegistry_GetByIndex(&table, index, &function), kTvmErrorNoError);
    EXPECT_EQ(call(function), i + 1);
  }
  static const char* const absent[] = {"", "alph", "alphabe", "alphabets", "bet", "gamma"};
  for (int i = 0; i < 6; i++) {
    tvm_function_index_t index = 99;
    EXPECT_EQ(TVMFuncRegistry_Lookup(&table, absent[i], &index), kTvmErrorFunctionNameNotFound);
    EXPECT_EQ(index, 99);
  }
  TVMBackendPackedCFunc function = NULL;
  EXPECT_EQ(TVMFuncRegistry_GetByIndex(&table, 3, &function), kTvmErrorFunctionIndexInvalid);
  EXPECT(function == NULL);
}

static void counts_take_two_bytes(void) {
  /* 258 = 0x0102, low byte first. */
  static char names[2 + 258 * 5];
  static TVMBackendPackedCFunc many[258];
  char* at = names + 2;
  names[0] = 2;
  names[1] = 1;
  for (int i = 0; i < 258; i++) {
    at += sprintf(at, "f%d", i) + 1;
    many[i] = one;
  }
  many[257] = two;
  const TVMFuncRegistry big = {names, many};
  tvm_function_index_t index = 0;
  TVMBackendPackedCFunc function = NULL;
  EXPECT_EQ(TVMFuncRegistry_Lookup(&big, "f257", &index), kTvmErrorNoError);
  EXPECT_EQ(index, 257);
  EXPECT_EQ(TVMFuncRegistry_GetByIndex(&big, index, &function), kTvmErrorNoError);
  EXPECT(function == two);
}

static void growing_registry(void) {
  uint8_t buffer[512];
  TVMMutableFuncRegistry growing;
  tvm_function_index_t index = 9;
  EXPECT_EQ(TVMMutableFuncRegistry_Create(&growing, buffer, sizeof(buffer)), kTvmErrorNoError);
  EXPECT_EQ(TVMFuncRegistry_GetNumFuncs(&growing.registry), 0);
  EXPECT_EQ(TVMFuncRegistry_Lookup(&growing.registry, "alpha", &index),
            kTvmErrorFunctionNameNotFound);
  EXPECT_EQ(TVMMutableFuncRegistry_Set(&growing, "alpha", one, 0), kTvmErrorNoError);
  EXPECT_EQ(TVMMutableFuncRegistry_Set(&growing, "beta", two, 0), kTvmErrorNoError);
  EXPECT_EQ(TVMMutableFuncRegistry_Set(&growing, "alpha", three, 0),
            kTvmErrorFunctionAlreadyDefined);
  EXPECT(growing.registry.funcs[0] == one);
  EXPECT_EQ(TVMMutableFuncRegistry_Set(&growing, "alpha", three, 1), kTvmErrorNoError);
  EXPECT(growing.registry.funcs[0] == three);
  EXPECT_EQ(TVMFuncRegistry_GetNumFuncs(&growing.registry), 2);
  EXPECT_EQ(TVMFuncRegistry_Lookup(&growing.registry, "beta", &index), kTvmErrorNoError);
  EXPECT_EQ(index, 1);
}

/* Fills registries of every size and alignment until they are full; what was accepted must still
 * be there, and nothing outside the buffer may change. */
static void full_registries(void) {
  static uint8_t memory[400];
  for (size_t shift = 0; shift < 8; shift++) {
    for (size_t size = 0; size < 300; size++) {
      memset(memory, 0xee, sizeof(memory));
      TVMMutableFuncRegistry growing;
      tvm_crt_error_t status = TVMMutableFuncRegistry_Create(&growing, memory + shift, size);
      if (size <= 2 + sizeof(functions[0])) EXPECT_EQ(status, kTvmErrorBufferTooSmall);
      if (size >= 64) EXPECT_EQ(status, kTvmErrorNoError);
      if (status != kTvmErrorNoError) continue;
      /* Short names use up the pointers first, long ones the room for names. */
      const char* const form = size % 2 ? "f%d" : "long_function_%d";
      int accepted = 0;
      char name[24];
      while (1) {
        (void)sprintf(name, form, accepted);
        status = TVMMutableFuncRegistry_Set(&growing, name, accepted % 2 ? two : one, 0);
        if (status != kTvmErrorNoError) break;
        accepted++;
      }
      EXPECT_EQ(status, kTvmErrorFunctionRegistryFull);
      EXPECT((size_t)accepted <= growing.max_functions);
      for (int i = 0; i < accepted; i++) {
        tvm_function_index_t index = 0;
        (void)sprintf(name, form, i);
        EXPECT_EQ(TVMFuncRegistry_Lookup(&growing.registry, name, &index), kTvmErrorNoError);
        EXPECT(growing.registry.funcs[index] == (i % 2 ? two : one));
      }
      for (size_t i = 0; i < shift; i++) EXPECT_EQ(memory[i], 0xee);
      for (size_t i = shift + size; i < sizeof(memory); i++) EXPECT_EQ(memory[i], 0xee);
    }
  }
}

int main(void) {
  constant_tables();
  counts_take_two_bytes();
  growing_registry();
  full_registries();
  return failures();
}
