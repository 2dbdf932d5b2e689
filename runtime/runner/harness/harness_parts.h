/* What the files of the harness have in common and no driver needs. */
#ifndef RUNTIME_RUNNER_HARNESS_HARNESS_PARTS_H_
#define RUNTIME_RUNNER_HARNESS_HARNESS_PARTS_H_

#include "harness.h"

enum {
  harness_exit_done = 0,
  harness_exit_usage = 2,
  harness_exit_model = 3,
  harness_exit_damage = 4
};

/* ---- harness_print.c: lines without printf, which costs a small device more than the harness ----
 */

/* Prints the words with spaces between them, after "HARNESS". End the list with NULL. */
void harness_print(const char* first, ...);

/* Decimal digits of value in a buffer of its own. */
struct harness_digits {
  char text[24];
};
struct harness_digits harness_decimal(uint64_t value);

/* Stops the program with "HARNESS error ..." and that status. */
void harness_fail(int status, const char* first, ...);

/* ---- harness_buffers.c ---- */

/* Allocates what the driver left to the harness. Outputs are filled with a pattern, so that a byte
 * the model never writes does not look like a zero it wrote. */
void harness_buffers_allocate(void);

/* Reads input i from a file of exactly `samples` times its size; writes output i behind those of
 * the samples before. */
void harness_buffers_read(size_t i, const char* path, uint64_t sample, uint64_t samples);
void harness_buffers_write(size_t i, const char* path, uint64_t sample);

/* Remembers what the inputs hold now. */
void harness_buffers_remember_inputs(void);

/* 0 when no input changed and no guard is broken. */
int harness_buffers_damaged(void);

/* Prints the input and guard lines. */
void harness_buffers_report(void);

/* ---- harness_kernels.c ---- */

/* Finds out what counting an empty kernel costs, to be subtracted, and starts from zero. */
void harness_kernels_reset(void);
void harness_kernels_report(void);

/* Ticks from start to end without what it costs to read the counter. */
uint64_t harness_ticks_between(uint64_t start, uint64_t end);

#endif /* RUNTIME_RUNNER_HARNESS_HARNESS_PARTS_H_ */
