/* The page allocator: single steps, fragmentation, and a long random run against a plain model of
 * which bytes are taken. */
#include <string.h>
#include <tvm/runtime/crt/internal/memory/page_allocator.h>
#include <tvm/runtime/crt/page_allocator.h>

#include "check.h"

#define PAGE_LOG2 8
#define PAGE 256u

static const DLDevice cpu = {kDLCPU, 0};
static uint8_t pool[64 * 1024];

static MemoryManagerInterface* manager_with(size_t pages) {
  MemoryManagerInterface* manager = NULL;
  const size_t bytes = sizeof(MemoryManager) + 64 + pages * (PAGE + sizeof(uint32_t));
  EXPECT_EQ(PageMemoryManagerCreate(&manager, pool, bytes, PAGE_LOG2), kTvmErrorNoError);
  EXPECT(((MemoryManager*)(void*)manager)->num_pages >= pages);
  ((MemoryManager*)(void*)manager)->num_pages = pages; /* exactly, whatever the roundings left */
  return manager;
}

static void* take(MemoryManagerInterface* manager, size_t bytes) {
  void* memory = NULL;
  return manager->Allocate(manager, bytes, cpu, &memory) == kTvmErrorNoError ? memory : NULL;
}

static int give(MemoryManagerInterface* manager, void* memory) {
  return manager->Free(manager, memory, cpu) == kTvmErrorNoError;
}

static void creation_needs_room(void) {
  MemoryManagerInterface* manager = NULL;
  EXPECT_EQ(PageMemoryManagerCreate(&manager, pool, 0, PAGE_LOG2), kTvmErrorPlatformNoMemory);
  EXPECT_EQ(PageMemoryManagerCreate(&manager, pool, PAGE, PAGE_LOG2), kTvmErrorPlatformNoMemory);
  EXPECT(manager == NULL);
  EXPECT_EQ(PageMemoryManagerCreate(&manager, pool, sizeof(pool), 40),
            kTvmErrorFunctionCallInvalidArg);
}

static void pages_stay_inside_the_pool(void) {
  for (size_t shift = 0; shift < 32; shift++) {
    for (size_t log2 = 0; log2 < 12; log2++) {
      MemoryManagerInterface* manager = NULL;
      const size_t bytes = 20000 - shift;
      EXPECT_EQ(PageMemoryManagerCreate(&manager, pool + shift, bytes, log2), kTvmErrorNoError);
      const MemoryManager* inside = (const MemoryManager*)(void*)manager;
      const size_t page = (size_t)1 << log2;
      EXPECT((uint8_t*)(inside->run_pages + inside->num_pages) <= inside->pages);
      EXPECT(inside->pages + inside->num_pages * page <= pool + shift + bytes);
      EXPECT_EQ((uintptr_t)inside->pages % (page < 16 ? page : 16), 0);
      /* No more than two pages are lost to rounding. */
      EXPECT((inside->num_pages + 2) * (page + 4) + 64 + sizeof(*inside) > bytes);
    }
  }
}

static void allocations_round_up_to_pages(void) {
  MemoryManagerInterface* manager = manager_with(8);
  uint8_t* const one = take(manager, 1);
  uint8_t* const full = take(manager, PAGE);
  uint8_t* const more = take(manager, PAGE + 1);
  uint8_t* const none = take(manager, 0);
  EXPECT(full == one + PAGE);
  EXPECT(more == full + PAGE);
  EXPECT(none == more + 2 * PAGE);
  EXPECT_EQ(manager->vleak_size, 4);
  EXPECT(give(manager, full) && give(manager, none) && give(manager, one) && give(manager, more));
  EXPECT_EQ(manager->vleak_size, 0);
}

static void exhaustion(void) {
  MemoryManagerInterface* manager = manager_with(4);
  void* memory = &memory;
  EXPECT_EQ(manager->Allocate(manager, 4 * PAGE + 1, cpu, &memory), kTvmErrorPlatformNoMemory);
  EXPECT(memory == NULL);
  EXPECT_EQ(manager->Allocate(manager, SIZE_MAX, cpu, &memory), kTvmErrorPlatformNoMemory);
  EXPECT_EQ(manager->Allocate(manager, SIZE_MAX - PAGE, cpu, &memory), kTvmErrorPlatformNoMemory);
  EXPECT_EQ(manager->vleak_size, 0);
  void* const all = take(manager, 4 * PAGE);
  EXPECT(all != NULL);
  EXPECT(take(manager, 0) == NULL);
  EXPECT(give(manager, all));
  EXPECT(take(manager, 4 * PAGE) == all);
}

static void neighbours_merge_when_freed(void) {
  /* Whatever the order of freeing, the three pages are one hole again. */
  static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                   {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (int i = 0; i < 6; i++) {
    MemoryManagerInterface* manager = manager_with(3);
    void* parts[3];
    for (int k = 0; k < 3; k++) parts[k] = take(manager, PAGE);
    EXPECT(take(manager, 1) == NULL);
    for (int k = 0; k < 3; k++) EXPECT(give(manager, parts[orders[i][k]]));
    EXPECT(take(manager, 3 * PAGE) == parts[0]);
  }
}

static void fragmentation_is_refused_and_best_holes_are_taken(void) {
  MemoryManagerInterface* manager = manager_with(10);
  uint8_t* parts[10];
  for (int i = 0; i < 10; i++) parts[i] = take(manager, PAGE);
  /* Holes: pages 1-3, 5, 7-8. */
  static const int holes[] = {1, 2, 3, 5, 7, 8};
  for (int i = 0; i < 6; i++) EXPECT(give(manager, parts[holes[i]]));
  EXPECT(take(manager, 4 * PAGE) == NULL); /* six pages are free, but no four together */
  EXPECT(take(manager, PAGE) == parts[5]);
  EXPECT(take(manager, 2 * PAGE) == parts[7]);
  EXPECT(take(manager, 3 * PAGE) == parts[1]);
  EXPECT(take(manager, 1) == NULL);
}

static void wrong_frees_change_nothing(void) {
  MemoryManagerInterface* manager = manager_with(6);
  uint8_t* const two = take(manager, 2 * PAGE);
  uint8_t* const wrong[] = {NULL,           two + 1,    two + PAGE, two + 2 * PAGE,
                            two + 6 * PAGE, two - PAGE, pool,       pool + sizeof(pool)};
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    EXPECT_EQ(manager->Free(manager, wrong[i], cpu), kTvmErrorFunctionCallInvalidArg);
    EXPECT_EQ(manager->vleak_size, 1);
  }
  EXPECT(give(manager, two));
  EXPECT(!give(manager, two));
}

/* A small generator with a fixed seed: the same run everywhere, also on a bare-metal core. */
static uint32_t random_state = 20240229;
static uint32_t random_below(uint32_t limit) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % limit;
}

struct Live {
  uint8_t* memory;
  size_t bytes;
  uint8_t fill;
};

static int is_intact(const struct Live* live) {
  for (size_t i = 0; i < live->bytes; i++) {
    if (live->memory[i] != live->fill) return 0;
  }
  return 1;
}

/* The longest run of pages no live allocation covers: what an allocation can have at most. */
static size_t longest_hole(const MemoryManager* inside, const struct Live* live, size_t count) {
  uint8_t taken[64] = {0};
  for (size_t i = 0; i < count; i++) {
    if (live[i].memory == NULL) continue;
    const size_t first = (size_t)(live[i].memory - inside->pages) / PAGE;
    const size_t pages = live[i].bytes == 0 ? 1 : (live[i].bytes + PAGE - 1) / PAGE;
    memset(taken + first, 1, pages);
  }
  size_t longest = 0, run = 0;
  for (size_t i = 0; i < inside->num_pages; i++) {
    run = taken[i] ? 0 : run + 1;
    if (run > longest) longest = run;
  }
  return longest;
}

static void random_run_against_a_model(void) {
  MemoryManagerInterface* manager = manager_with(64);
  const MemoryManager* inside = (const MemoryManager*)(void*)manager;
  struct Live live[24];
  memset(live, 0, sizeof(live));
  for (int step = 0; step < 4000; step++) {
    struct Live* const slot = &live[random_below(24)];
    if (slot->memory != NULL) {
      EXPECT(is_intact(slot));
      EXPECT(give(manager, slot->memory));
      slot->memory = NULL;
      continue;
    }
    const size_t bytes = random_below(8 * PAGE);
    const size_t hole = longest_hole(inside, live, 24);
    slot->memory = take(manager, bytes);
    const size_t pages = bytes == 0 ? 1 : (bytes + PAGE - 1) / PAGE;
    EXPECT_EQ(slot->memory != NULL, pages <= hole);
    if (slot->memory == NULL) continue;
    slot->bytes = bytes;
    slot->fill = (uint8_t)step;
    memset(slot->memory, slot->fill, bytes);
  }
  for (size_t i = 0; i < 24; i++) {
    if (live[i].memory != NULL) EXPECT(is_intact(&live[i]) && give(manager, live[i].memory));
  }
  EXPECT_EQ(manager->vleak_size, 0);
  EXPECT(take(manager, 64 * PAGE) != NULL);
}

int main(void) {
  creation_needs_room();
  pages_stay_inside_the_pool();
  allocations_round_up_to_pages();
  exhaustion();
  neighbours_merge_when_freed();
  fragmentation_is_refused_and_best_holes_are_taken();
  wrong_frees_change_nothing();
  random_run_against_a_model();
  return failures();
}
