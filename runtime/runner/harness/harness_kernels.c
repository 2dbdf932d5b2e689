/* Ticks per kernel. Begin reads the counter last and end reads it first, so that the bookkeeping is
 * outside; what remains (the two calls) is measured on an empty kernel and subtracted. It does stay
 * in the ticks of the run and of outer kernels: time runs in a build without hooks. */
#include "harness_parts.h"

static uint64_t started[HARNESS_MAX_KERNELS];
static uint64_t totals[HARNESS_MAX_KERNELS];
static uint64_t calls[HARNESS_MAX_KERNELS];
static uint64_t cost_of_counting;
static uint64_t cost_of_reading;

__attribute__((weak)) void harness_kernel_begin(int id) {
  if (id < 0 || id >= HARNESS_MAX_KERNELS) return;
  calls[id]++;
  started[id] = harness_ticks();
}

__attribute__((weak)) void harness_kernel_end(int id) {
  const uint64_t now = harness_ticks();
  if (id < 0 || id >= HARNESS_MAX_KERNELS) return;
  const uint64_t ticks = now - started[id];
  totals[id] += ticks > cost_of_counting ? ticks - cost_of_counting : 0;
}

uint64_t harness_ticks_between(uint64_t start, uint64_t end) {
  const uint64_t ticks = end - start;
  return ticks > cost_of_reading ? ticks - cost_of_reading : 0;
}

static void forget(void) {
  for (int id = 0; id < HARNESS_MAX_KERNELS; id++) totals[id] = calls[id] = 0;
}

void harness_kernels_reset(void) {
  /* The least of several tries: on a host, the others were interrupted. */
  uint64_t reading = UINT64_MAX;
  uint64_t counting = UINT64_MAX;
  cost_of_counting = 0;
  for (int i = 0; i < 16; i++) {
    forget();
    const uint64_t start = harness_ticks();
    const uint64_t end = harness_ticks();
    if (end - start < reading) reading = end - start;
    harness_kernel_begin(0);
    harness_kernel_end(0);
    if (totals[0] < counting) counting = totals[0];
  }
  cost_of_reading = reading;
  cost_of_counting = counting;
  forget();
}

void harness_kernels_report(void) {
  for (int id = 0; id < HARNESS_MAX_KERNELS; id++) {
    if (calls[id] == 0) continue;
    harness_print("kernel", harness_decimal((uint64_t)id).text, harness_decimal(calls[id]).text,
                  harness_decimal(totals[id]).text, NULL);
  }
}
