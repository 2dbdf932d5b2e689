/* The harness's memory and files: buffers between guard bytes, filled from and written to raw
 * files, with checks afterwards that the model kept to what is its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_parts.h"

/* Neither zero nor a plausible value of any element type; differs from byte to byte, so that a
 * shifted copy is noticed. */
static uint8_t pattern_at(size_t i) {
  return (uint8_t)(0xa5u ^ (i * 7u));
}

/* One flag for each tensor: does it stand between guards of ours? One hash for each input. */
static uint8_t* guarded_inputs;
static uint8_t* guarded_outputs;
static uint64_t* input_hashes;

static void* allocate(size_t bytes) {
  void* const memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == NULL) {
    harness_fail(harness_exit_usage, "no memory for", harness_decimal(bytes).text, "bytes", NULL);
  }
  return memory;
}

/* Memory is never freed: the program ends soon, and every byte of it is on one list of arguments.
 */
static int allocate_tensor(struct harness_tensor* tensor) {
  if (tensor->data != NULL) return 0;
  const size_t extra = 2 * HARNESS_GUARD_BYTES + HARNESS_ALIGNMENT;
  if (tensor->bytes > SIZE_MAX - extra) {
    harness_fail(harness_exit_usage, "no memory can hold", tensor->name, NULL);
  }
  uint8_t* const raw = allocate(tensor->bytes + extra);
  const uintptr_t first = (uintptr_t)raw + HARNESS_GUARD_BYTES;
  const size_t shift = (HARNESS_ALIGNMENT - first % HARNESS_ALIGNMENT) % HARNESS_ALIGNMENT;
  uint8_t* const guard = raw + shift;
  for (size_t i = 0; i < tensor->bytes + 2 * HARNESS_GUARD_BYTES; i++) guard[i] = pattern_at(i);
  tensor->data = guard + HARNESS_GUARD_BYTES;
  return 1;
}

void harness_buffers_allocate(void) {
  guarded_inputs = allocate(harness_input_count);
  guarded_outputs = allocate(harness_output_count);
  input_hashes = allocate(harness_input_count * sizeof(*input_hashes));
  for (size_t i = 0; i < harness_input_count; i++) {
    guarded_inputs[i] = (uint8_t)allocate_tensor(&harness_inputs[i]);
  }
  for (size_t i = 0; i < harness_output_count; i++) {
    guarded_outputs[i] = (uint8_t)allocate_tensor(&harness_outputs[i]);
  }
}

void harness_buffers_read(size_t i, const char* path, uint64_t sample, uint64_t samples) {
  const struct harness_tensor* const input = &harness_inputs[i];
  FILE* const file = fopen(path, "rb");
  if (file == NULL) harness_fail(harness_exit_usage, "cannot open", path, "for", input->name, NULL);
  const uint64_t before = sample * input->bytes;
  size_t got = 0;
  if (before == 0 || fseek(file, (long)before, SEEK_SET) == 0) {
    got = fread(input->data, 1, input->bytes, file);
  }
  const struct harness_digits needed = harness_decimal(samples * input->bytes);
  if (got != input->bytes) {
    harness_fail(harness_exit_usage, path, "is too short: it has",
                 harness_decimal(before + got).text, "bytes, the model needs", needed.text,
                 "for", input->name, NULL);
  }
  if (sample + 1 == samples && fgetc(file) != EOF) {
    harness_fail(harness_exit_usage, path, "is too long: the model needs", needed.text,
                 "bytes for", input->name, NULL);
  }
  fclose(file);
}

void harness_buffers_write(size_t i, const char* path, uint64_t sample) {
  const struct harness_tensor* const output = &harness_outputs[i];
  FILE* const file = fopen(path, sample == 0 ? "wb" : "ab");
  if (file == NULL) {
    harness_fail(harness_exit_usage, "cannot create", path, "for", output->name, NULL);
  }
  const size_t put = fwrite(output->data, 1, output->bytes, file);
  const int closed = fclose(file);
  if (put != output->bytes || closed != 0) {
    harness_fail(harness_exit_usage, "cannot write all of", path, "for", output->name, NULL);
  }
}

/* FNV-1a: every step is a bijection of the hash, so a single changed byte always changes it. */
static uint64_t hash_of(const struct harness_tensor* tensor) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < tensor->bytes; i++) {
    hash = (hash ^ ((const uint8_t*)tensor->data)[i]) * 1099511628211u;
  }
  return hash;
}

void harness_buffers_remember_inputs(void) {
  for (size_t i = 0; i < harness_input_count; i++) input_hashes[i] = hash_of(&harness_inputs[i]);
}

static int guards_hold(const struct harness_tensor* tensor) {
  const uint8_t* const guard = (const uint8_t*)tensor->data - HARNESS_GUARD_BYTES;
  const size_t behind = HARNESS_GUARD_BYTES + tensor->bytes;
  for (size_t i = 0; i < HARNESS_GUARD_BYTES; i++) {
    if (guard[i] != pattern_at(i) || guard[behind + i] != pattern_at(behind + i)) return 0;
  }
  return 1;
}

static int is_damaged_input(size_t i) {
  return hash_of(&harness_inputs[i]) != input_hashes[i];
}

/* False for tensors without guards. */
static int is_broken(const struct harness_tensor* tensor, int guarded) {
  return guarded && !guards_hold(tensor);
}

int harness_buffers_damaged(void) {
  int damage = 0;
  for (size_t i = 0; i < harness_input_count; i++) {
    damage |= is_damaged_input(i) | is_broken(&harness_inputs[i], guarded_inputs[i]);
  }
  for (size_t i = 0; i < harness_output_count; i++) {
    damage |= is_broken(&harness_outputs[i], guarded_outputs[i]);
  }
  return damage;
}

static void report_guards(const struct harness_tensor* tensor, int guarded) {
  const int broken = is_broken(tensor, guarded);
  harness_print("guard", broken ? "broken" : guarded ? "ok" : "unguarded", tensor->name, NULL);
}

void harness_buffers_report(void) {
  for (size_t i = 0; i < harness_input_count; i++) {
    harness_print("input", is_damaged_input(i) ? "changed" : "kept", harness_inputs[i].name, NULL);
  }
  for (size_t i = 0; i < harness_input_count; i++) {
    report_guards(&harness_inputs[i], guarded_inputs[i]);
  }
  for (size_t i = 0; i < harness_output_count; i++) {
    report_guards(&harness_outputs[i], guarded_outputs[i]);
  }
}
