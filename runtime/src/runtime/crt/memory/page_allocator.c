/* The page allocator. All state is one counter a page (see internal/memory/page_allocator.h), so
 * an allocation walks the pool once, jumping over what is taken. A walk is linear in the number of
 * allocations and free pages, which for the few hundred pages of a small device costs less than
 * keeping an index. */
#include <string.h>
#include <tvm/runtime/crt/internal/memory/page_allocator.h>

/* The strictest alignment that element types and vector loads of small cores ask for. */
#define PAGE_ALIGNMENT 16u

static uint8_t* align_up(uint8_t* pointer, size_t alignment) {
  return pointer + (alignment - (uintptr_t)pointer % alignment) % alignment;
}

/* The manager stands first in its pool and its interface first in the manager. */
static MemoryManager* manager_of(MemoryManagerInterface* interface) {
  return (MemoryManager*)(void*)interface;
}

static size_t free_run(const MemoryManager* manager, size_t page) {
  size_t length = 0;
  while (page + length < manager->num_pages && manager->run_pages[page + length] == 0) length++;
  return length;
}

/* The first page of the smallest hole of at least `pages` pages, or num_pages. */
static size_t best_hole(const MemoryManager* manager, size_t pages) {
  size_t best = manager->num_pages;
  size_t best_length = manager->num_pages + 1;
  size_t page = 0;
  while (page < manager->num_pages) {
    if (manager->run_pages[page] != 0) {
      page += manager->run_pages[page];
      continue;
    }
    const size_t length = free_run(manager, page);
    if (length >= pages && length < best_length) {
      best = page;
      best_length = length;
    }
    page += length;
  }
  return best;
}

static tvm_crt_error_t allocate(MemoryManagerInterface* interface, size_t num_bytes, DLDevice dev,
                                void** out_ptr) {
  MemoryManager* manager = manager_of(interface);
  (void)dev;
  *out_ptr = NULL;
  /* Even an empty allocation takes a page: its address has to be its own. */
  size_t pages = num_bytes >> manager->page_size_log2;
  if (pages << manager->page_size_log2 != num_bytes || pages == 0) pages++;
  if (pages > manager->num_pages) return kTvmErrorPlatformNoMemory;

  const size_t page = best_hole(manager, pages);
  if (page == manager->num_pages) return kTvmErrorPlatformNoMemory;
  /* Inner counters are 0 already: they were free, and taking pages never sets them. */
  manager->run_pages[page] = (uint32_t)pages;
  interface->vleak_size++;
  *out_ptr = manager->pages + (page << manager->page_size_log2);
  return kTvmErrorNoError;
}

static tvm_crt_error_t release(MemoryManagerInterface* interface, void* ptr, DLDevice dev) {
  MemoryManager* manager = manager_of(interface);
  (void)dev;
  const uintptr_t offset = (uintptr_t)ptr - (uintptr_t)manager->pages;
  const size_t page = (size_t)(offset >> manager->page_size_log2);
  const int inside = (uintptr_t)ptr >= (uintptr_t)manager->pages && page < manager->num_pages;
  if (!inside || page << manager->page_size_log2 != offset || manager->run_pages[page] == 0) {
    return kTvmErrorFunctionCallInvalidArg;
  }
  manager->run_pages[page] = 0;
  interface->vleak_size--;
  return kTvmErrorNoError;
}

tvm_crt_error_t PageMemoryManagerCreate(MemoryManagerInterface** manager, uint8_t* memory_pool,
                                        size_t memory_pool_size_bytes,
                                        size_t page_size_bytes_log2) {
  *manager = NULL;
  if (page_size_bytes_log2 >= 31) return kTvmErrorFunctionCallInvalidArg;
  const size_t page_bytes = (size_t)1 << page_size_bytes_log2;
  const size_t alignment = page_bytes < PAGE_ALIGNMENT ? page_bytes : PAGE_ALIGNMENT;

  uint8_t* const start = align_up(memory_pool, PAGE_ALIGNMENT);
  /* What the manager and both roundings may cost; the pages share the rest with their counters. */
  const size_t overhead = (size_t)(start - memory_pool) + sizeof(MemoryManager) + alignment;
  if (memory_pool_size_bytes < overhead) return kTvmErrorPlatformNoMemory;
  const size_t num_pages = (memory_pool_size_bytes - overhead) / (page_bytes + sizeof(uint32_t));
  if (num_pages == 0) return kTvmErrorPlatformNoMemory;

  MemoryManager* const created = (MemoryManager*)(void*)start;
  created->interface.Allocate = allocate;
  created->interface.Free = release;
  created->interface.vleak_size = 0;
  created->run_pages = (uint32_t*)(void*)(start + sizeof(MemoryManager));
  created->num_pages = num_pages;
  created->page_size_log2 = page_size_bytes_log2;
  created->pages = align_up((uint8_t*)(created->run_pages + num_pages), alignment);
  memset(created->run_pages, 0, num_pages * sizeof(uint32_t));
  *manager = &created->interface;
  return kTvmErrorNoError;
}
