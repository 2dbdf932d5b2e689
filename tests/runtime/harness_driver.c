/* A driver and a model in one, as small as they can be: out = 2 * in, and counts = {calls, sum of
 * in}. Compile-time switches turn it into models with the faults that the harness must notice. */
#include <stdint.h>

#include "harness.h"

#define ELEMENTS 1000

struct harness_tensor harness_inputs[] = {{"in", 0, ELEMENTS * sizeof(int32_t)},
                                          {"spare input", 0, 3}};
const size_t harness_input_count = 2;
struct harness_tensor harness_outputs[] = {{"out", 0, ELEMENTS * sizeof(int32_t)},
                                           {"counts", 0, 2 * sizeof(int32_t)}};
const size_t harness_output_count = 2;

static int32_t own_counts[2];
static int32_t calls;
static volatile int32_t sink;

int harness_setup(void) {
#ifdef FAULT_SETUP
  return 1;
#endif
#ifdef OWN_BUFFER
  harness_outputs[1].data = own_counts;
#endif
  (void)own_counts;
  return 0;
}

static void twice(const int32_t* in, int32_t* out) {
  for (int i = 0; i < ELEMENTS; i++) out[i] = 2 * in[i];
}

static void sum(const int32_t* in, int32_t* counts) {
  uint32_t total = 0; /* unsigned: the sum may wrap around */
  for (int i = 0; i < ELEMENTS; i++) total += (uint32_t)in[i];
  counts[1] = (int32_t)total;
  counts[0] = ++calls;
}

int harness_run(void) {
  int32_t* const in = (int32_t*)harness_inputs[0].data;
  int32_t* const out = (int32_t*)harness_outputs[0].data;
  harness_kernel_begin(3);
  twice(in, out);
  harness_kernel_end(3);
  harness_kernel_begin(7);
  sum(in, (int32_t*)harness_outputs[1].data);
  sum(in, (int32_t*)harness_outputs[1].data);
  harness_kernel_end(7);
  harness_kernel_begin(8); /* an empty kernel costs nothing */
  harness_kernel_end(8);
  harness_kernel_begin(-1); /* not counted, and harmless */
  harness_kernel_end(HARNESS_MAX_KERNELS);
  sink = out[0];
#ifdef FAULT_STATUS
  return -5;
#endif
#ifdef FAULT_BEHIND
  out[ELEMENTS] = 0;
#endif
#ifdef FAULT_BEFORE
  ((uint8_t*)harness_inputs[1].data)[-HARNESS_GUARD_BYTES] = 0;
#endif
#ifdef FAULT_INPUT
  ((uint8_t*)harness_inputs[1].data)[2] ^= 1;
#endif
  return 0;
}
