/* One program around one model, for every device: reads the inputs from files, runs and times the
 * model, watches the edges of its buffers and writes the outputs to files. What differs from model
 * to model is a driver of a few lines that defines the tables and harness_run below; what differs
 * from device to device is one file that counts (ticks_host.c here, ../../virt/ticks.c there).
 *
 *   harness in0.bin in1.bin ... -- out0.bin out1.bin ... [repeat number [warmup [samples]]]
 *   harness @arguments.txt          the same words, one a line: for names with spaces and for
 *                                   devices with short command lines
 *
 * Files are raw little-endian tensors in the order of the tables, of exactly the right size. The
 * model first runs `warmup` times (0 by default) unobserved, then `repeat` times (1) `number` (1)
 * calls are timed together. With more than one of `samples` (1), each file holds as many tensors,
 * one behind the other, and all this happens for each: run and kernel lines come once for each, the
 * lines about buffers once at the end, or after the first sample that did damage; files of outputs
 * end there, too. On standard output, in this order, names last on their line:
 *
 *   HARNESS unit <ns|instructions>
 *   HARNESS run <repetition> <ticks of all its calls>
 *   HARNESS kernel <id> <calls> <ticks>               for each kernel that was counted
 *   HARNESS input kept|changed <name>                 did the model write to its input?
 *   HARNESS guard ok|broken|unguarded <name>          inputs, then outputs
 *   HARNESS done
 *   HARNESS error <sentence>                          instead of whatever would have come next
 *
 * Exit status: 0 done; 2 wrong arguments or files; 3 the model failed; 4 done, and the outputs are
 * written, but an input changed or a guard is broken. */
#ifndef RUNTIME_RUNNER_HARNESS_HARNESS_H_
#define RUNTIME_RUNNER_HARNESS_HARNESS_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the driver defines ---- */

/* A tensor of the model. Where data is NULL the harness allocates it, between guard bytes and
 * aligned to HARNESS_ALIGNMENT, before the first run; a driver whose model owns its buffers sets
 * data itself (in harness_setup at the latest) and gives up the guards. */
struct harness_tensor {
  const char* name;
  void* data;
  size_t bytes;
};

/* In model order. A model without inputs still needs one element, which is not looked at. */
extern struct harness_tensor harness_inputs[];
extern const size_t harness_input_count;
extern struct harness_tensor harness_outputs[];
extern const size_t harness_output_count;

/* Calls the model once; anything but 0 is a failure and is reported. */
int harness_run(void);

/* Optional: called once before anything else; anything but 0 is a failure. */
int harness_setup(void);

/* ---- generated code may call ---- */

/* Around kernel id, 0 <= id < HARNESS_MAX_KERNELS. Kernels may nest, but not in themselves; an
 * outer kernel's ticks include the inner's. Both are weak: a driver may define its own instead. */
void harness_kernel_begin(int id);
void harness_kernel_end(int id);

/* ---- the device defines ---- */

/* A count that only goes up, and what it counts. */
uint64_t harness_ticks(void);
const char* harness_tick_unit(void);

/* ---- constants, to be overridden with -D ---- */

#ifndef HARNESS_ALIGNMENT
#define HARNESS_ALIGNMENT 64
#endif
#ifndef HARNESS_GUARD_BYTES
#define HARNESS_GUARD_BYTES 64
#endif
#ifndef HARNESS_MAX_KERNELS
#define HARNESS_MAX_KERNELS 1024
#endif

#ifdef __cplusplus
}
#endif

#endif /* RUNTIME_RUNNER_HARNESS_HARNESS_H_ */
