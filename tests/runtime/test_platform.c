/* Platform hooks for the tests of the runtime; see the header. */
#include "test_platform.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <tvm/runtime/crt/logging.h>
#include <tvm/runtime/crt/page_allocator.h>
#include <tvm/runtime/crt/platform.h>
#include <tvm/runtime/crt/stack_allocator.h>

static uint8_t memory[32 * 1024];
static tvm_workspace_t stack;
static MemoryManagerInterface* pages;
static enum test_memory kind_in_use;
static int allowed, live, bad_frees;

void test_platform_reset(enum test_memory kind) {
  kind_in_use = kind;
  allowed = -1;
  live = 0;
  bad_frees = 0;
  if (kind == test_memory_stack) {
    (void)StackMemoryManager_Init(&stack, memory, sizeof(memory));
  } else {
    (void)PageMemoryManagerCreate(&pages, memory, sizeof(memory), 6);
  }
}

void test_platform_allow(int allocations) {
  allowed = allocations;
}

int test_platform_live(void) {
  return live;
}

int test_platform_bad_frees(void) {
  return bad_frees;
}

tvm_crt_error_t TVMPlatformMemoryAllocate(size_t num_bytes, DLDevice dev, void** out_ptr) {
  if (allowed == 0) return kTvmErrorPlatformNoMemory;
  if (num_bytes > sizeof(memory)) return kTvmErrorPlatformNoMemory;
  if (allowed > 0) allowed--;
  const tvm_crt_error_t status =
      kind_in_use == test_memory_stack
          ? StackMemoryManager_Allocate_Body(&stack, (int32_t)num_bytes, out_ptr, 1)
          : pages->Allocate(pages, num_bytes, dev, out_ptr);
  if (status == kTvmErrorNoError) live++;
  return status;
}

tvm_crt_error_t TVMPlatformMemoryFree(void* ptr, DLDevice dev) {
  const tvm_crt_error_t status = kind_in_use == test_memory_stack
                                     ? StackMemoryManager_Free_Body(&stack, ptr, 1)
                                     : pages->Free(pages, ptr, dev);
  if (status == kTvmErrorNoError) {
    live--;
  } else {
    bad_frees++;
  }
  return status;
}

void TVMPlatformAbort(tvm_crt_error_t code) {
  printf("abort 0x%x\n", (unsigned)code);
  exit(9);
}

void TVMLogf(const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  (void)vprintf(fmt, args);
  va_end(args);
}
