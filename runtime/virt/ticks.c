/* Time on QEMU's riscv32 board: retired instructions. Under -icount shift=0 the count is exact and
 * the same in every run; without it, QEMU lets the counter follow the host's clock. */
#include "../runner/harness/harness.h"

uint64_t harness_ticks(void) {
#if __riscv_xlen == 64
  uint64_t count = 0;
  __asm__ volatile("rdinstret %0" : "=r"(count));
  return count;
#else
  /* The two halves are read one after the other: a carry in between shows in the upper half. */
  uint32_t high = 0;
  uint32_t low = 0;
  uint32_t again = 0;
  do {
    __asm__ volatile("rdinstreth %0" : "=r"(high));
    __asm__ volatile("rdinstret %0" : "=r"(low));
    __asm__ volatile("rdinstreth %0" : "=r"(again));
  } while (high != again);
  return (uint64_t)high << 32 | low;
#endif
}

const char* harness_tick_unit(void) {
  return "instructions";
}
