/* The stack allocator: order, alignment, exhaustion and the check. Built several times, with other
 * alignments and with the check on; what a plain Allocate does then differs, and ALIGN and
 * CHECKED say how. */
#include <string.h>
#include <tvm/runtime/crt/stack_allocator.h>

#include "check.h"

#define ALIGN ((size_t)TVM_RUNTIME_ALLOC_ALIGNMENT_BYTES)
#ifdef TVM_CRT_STACK_ALLOCATOR_ENABLE_LIFO_CHECK
#define CHECKED 1
#else
#define CHECKED 0
#endif

static size_t round_up(size_t n) {
  return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* What a block of n bytes takes. */
static size_t block(size_t n, int checked) {
  return round_up(n) + (checked ? round_up(STACK_ALLOCATOR_TAG_SIZE_BYTES) : 0);
}

static uint8_t raw[4096 + 256];

/* A workspace of `size` bytes at an aligned address. */
static tvm_workspace_t workspace_of(size_t size) {
  tvm_workspace_t workspace;
  uint8_t* const start = raw + (256 - (uintptr_t)raw % 256) % 256;
  memset(raw, 0x5a, sizeof(raw));
  EXPECT_EQ(StackMemoryManager_Init(&workspace, start, size), kTvmErrorNoError);
  return workspace;
}

static size_t used(const tvm_workspace_t* workspace) {
  return (size_t)(workspace->next_alloc - workspace->workspace);
}

static void init_aligns_the_start(void) {
  uint8_t* const aligned = raw + (256 - (uintptr_t)raw % 256) % 256;
  for (size_t shift = 0; shift <= ALIGN; shift++) {
    tvm_workspace_t workspace;
    EXPECT_EQ(StackMemoryManager_Init(&workspace, aligned + shift, 1024), kTvmErrorNoError);
    EXPECT_EQ((uintptr_t)workspace.workspace % ALIGN, 0);
    EXPECT(workspace.next_alloc == workspace.workspace);
    EXPECT(workspace.workspace + workspace.workspace_size == aligned + shift + 1024);
  }
  /* Less memory than the alignment costs: nothing is left, and nothing is handed out. */
  tvm_workspace_t tiny;
  void* memory = NULL;
  EXPECT_EQ(StackMemoryManager_Init(&tiny, aligned + 1, 1), kTvmErrorNoError);
  EXPECT_EQ(StackMemoryManager_Allocate(&tiny, 1, &memory), kTvmErrorPlatformNoMemory);
}

static void blocks_follow_each_other(void) {
  tvm_workspace_t workspace = workspace_of(2048);
  void* blocks[3] = {NULL, NULL, NULL};
  const int32_t sizes[3] = {1, (int32_t)ALIGN, (int32_t)(3 * ALIGN + 1)};
  size_t expected = 0;
  for (int i = 0; i < 3; i++) {
    EXPECT_EQ(StackMemoryManager_Allocate(&workspace, sizes[i], &blocks[i]), kTvmErrorNoError);
    EXPECT_EQ((uintptr_t)blocks[i] % ALIGN, 0);
    EXPECT_EQ((uint8_t*)blocks[i] - workspace.workspace, expected);
    memset(blocks[i], i, (size_t)sizes[i]);
    expected += block((size_t)sizes[i], CHECKED);
    EXPECT_EQ(used(&workspace), expected);
  }
  for (int i = 2; i >= 0; i--) {
    EXPECT_EQ(StackMemoryManager_Free(&workspace, blocks[i]), kTvmErrorNoError);
    EXPECT(workspace.next_alloc == (uint8_t*)blocks[i]);
  }
  EXPECT_EQ(used(&workspace), 0);
}

static void exhaustion_changes_nothing(void) {
  const size_t size = 64 * ALIGN;
  for (int checked = 0; checked <= 1; checked++) {
    tvm_workspace_t workspace = workspace_of(size);
    const int32_t most = (int32_t)(size - block(0, checked));
    void* memory = NULL;
    const int32_t impossible[] = {most + 1, INT32_MAX, INT32_MIN, -1};
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
      EXPECT_EQ(
          StackMemoryManager_Allocate_Body(&workspace, impossible[i], &memory, (uint8_t)checked),
          kTvmErrorPlatformNoMemory);
      EXPECT_EQ(used(&workspace), 0);
    }
    /* The last byte can be had, and then no more. */
    EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, most, &memory, (uint8_t)checked),
              kTvmErrorNoError);
    EXPECT_EQ(used(&workspace), size);
    void* more = NULL;
    EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, 1, &more, (uint8_t)checked),
              kTvmErrorPlatformNoMemory);
    EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, memory, (uint8_t)checked), kTvmErrorNoError);
    EXPECT_EQ(used(&workspace), 0);
  }
}

static void nothing_is_written_behind_the_workspace(void) {
  tvm_workspace_t workspace = workspace_of(8 * ALIGN);
  void* memory = NULL;
  const int32_t most = (int32_t)(8 * ALIGN - block(0, 1));
  EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, most, &memory, 1), kTvmErrorNoError);
  EXPECT_EQ(workspace.workspace[8 * ALIGN], 0x5a);
}

static void checked_free_insists_on_the_latest(void) {
  tvm_workspace_t workspace = workspace_of(2048);
  void *first = NULL, *second = NULL;
  EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, 20, &first, 1), kTvmErrorNoError);
  EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, 40, &second, 1), kTvmErrorNoError);
  const size_t before = used(&workspace);
  void* const wrong[] = {first,
                         (uint8_t*)second + 1,
                         (uint8_t*)second - 1,
                         workspace.next_alloc,
                         workspace.workspace - 1,
                         NULL,
                         workspace.workspace + 2048};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, wrong[i], 1),
              kTvmErrorPlatformStackAllocBadFree);
    EXPECT_EQ(used(&workspace), before);
  }
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, second, 1), kTvmErrorNoError);
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, second, 1),
            kTvmErrorPlatformStackAllocBadFree);
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, first, 1), kTvmErrorNoError);
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, first, 1), kTvmErrorPlatformStackAllocBadFree);
  EXPECT_EQ(used(&workspace), 0);
}

static void checked_free_finds_an_overrun(void) {
  tvm_workspace_t workspace = workspace_of(2048);
  void* memory = NULL;
  EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, 8, &memory, 1), kTvmErrorNoError);
  memset(memory, 0, used(&workspace)); /* a kernel that writes past its workspace */
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, memory, 1),
            kTvmErrorPlatformStackAllocBadFree);
}

static void the_tag_is_the_documented_one(void) {
  tvm_workspace_t workspace = workspace_of(2048);
  void* memory = NULL;
  uint32_t tag = 0;
  EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, 33, &memory, 1), kTvmErrorNoError);
  memcpy(&tag, workspace.next_alloc - 4, 4);
  EXPECT_EQ(tag ^ 0xabcd1234u, used(&workspace));
}

static void unchecked_free_unwinds(void) {
  tvm_workspace_t workspace = workspace_of(2048);
  void *first = NULL, *second = NULL;
  EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, 20, &first, 0), kTvmErrorNoError);
  EXPECT_EQ(StackMemoryManager_Allocate_Body(&workspace, 40, &second, 0), kTvmErrorNoError);
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, NULL, 0), kTvmErrorPlatformStackAllocBadFree);
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, workspace.next_alloc + 1, 0),
            kTvmErrorPlatformStackAllocBadFree);
  EXPECT_EQ(StackMemoryManager_Free_Body(&workspace, first, 0), kTvmErrorNoError);
  EXPECT_EQ(used(&workspace), 0);
}

int main(void) {
  init_aligns_the_start();
  blocks_follow_each_other();
  exhaustion_changes_nothing();
  nothing_is_written_behind_the_workspace();
  checked_free_insists_on_the_latest();
  checked_free_finds_an_overrun();
  the_tag_is_the_documented_one();
  unchecked_free_unwinds();
  return failures();
}
