/* The harness's main program: arguments, then the order of events that harness.h describes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_parts.h"

struct Arguments {
  char** inputs;
  char** outputs;
  uint64_t repeat;
  uint64_t number;
  uint64_t warmup;
  uint64_t samples;
};

__attribute__((weak)) int harness_setup(void) {
  return 0;
}

static uint64_t parse_number(const char* word) {
  char* end = NULL;
  const unsigned long value = strtoul(word, &end, 10);
  if (end == word || *end != '\0' || word[0] == '-') {
    harness_fail(harness_exit_usage, word, "is not a number", NULL);
  }
  return value;
}

/* The words are the program's arguments without its name. */
static struct Arguments parse(char** words, size_t count) {
  struct Arguments arguments = {words, NULL, 1, 1, 0, 1};
  const size_t outputs = harness_input_count + 1; /* where they begin, behind the dashes */
  const size_t numbers = outputs + harness_output_count;
  const int fits = count == numbers || (count >= numbers + 2 && count <= numbers + 4);
  if (!fits || strcmp(words[outputs - 1], "--") != 0) {
    harness_fail(harness_exit_usage, "expected", harness_decimal(harness_input_count).text,
                 "input files, --,", harness_decimal(harness_output_count).text,
                 "output files and [repeat number [warmup [samples]]]", NULL);
  }
  arguments.outputs = words + outputs;
  if (count > numbers) {
    arguments.repeat = parse_number(words[numbers]);
    arguments.number = parse_number(words[numbers + 1]);
  }
  if (count > numbers + 2) arguments.warmup = parse_number(words[numbers + 2]);
  if (count > numbers + 3) arguments.samples = parse_number(words[numbers + 3]);
  if (arguments.repeat == 0 || arguments.number == 0 || arguments.samples == 0) {
    harness_fail(harness_exit_usage, "repeat, number and samples must be at least 1", NULL);
  }
  return arguments;
}

/* Reads a whole text file and returns a pointer to each of its lines. They live as long as the
 * program, and a static pointer says so to leak checkers. */
static char** read_words(const char* path, size_t* count) {
  static char** words;
  FILE* const file = fopen(path, "rb");
  size_t length = 0;
  size_t room = 256;
  char* text = malloc(room);
  if (file == NULL) harness_fail(harness_exit_usage, "cannot open", path, NULL);
  while (text != NULL) {
    length += fread(text + length, 1, room - 1 - length, file);
    if (length < room - 1) break;
    room *= 2;
    text = realloc(text, room);
  }
  fclose(file);
  words = malloc((length + 1) * sizeof(*words));
  if (text == NULL || words == NULL) harness_fail(harness_exit_usage, "no memory for", path, NULL);
  text[length] = '\0';
  *count = 0;
  for (char* word = strtok(text, "\r\n"); word != NULL; word = strtok(NULL, "\r\n")) {
    words[(*count)++] = word;
  }
  return words;
}

static void run_once(void) {
  const int status = harness_run();
  if (status == 0) return;
  const char* const sign = status < 0 ? "-" : "";
  const uint64_t size = status < 0 ? 0u - (uint64_t)(int64_t)status : (uint64_t)status;
  /* The sign is a word of its own for harness_fail, so the number is put together here. */
  char number[32];
  strcpy(number, sign);
  strcat(number, harness_decimal(size).text);
  harness_fail(harness_exit_model, "the model returned", number, NULL);
}

static void run_all(const struct Arguments* arguments) {
  for (uint64_t i = 0; i < arguments->warmup; i++) run_once();
  harness_kernels_reset();
  for (uint64_t repetition = 0; repetition < arguments->repeat; repetition++) {
    const uint64_t start = harness_ticks();
    for (uint64_t i = 0; i < arguments->number; i++) run_once();
    const uint64_t ticks = harness_ticks_between(start, harness_ticks());
    harness_print("run", harness_decimal(repetition).text, harness_decimal(ticks).text, NULL);
  }
  harness_kernels_report();
}

static void run_sample(const struct Arguments* arguments, uint64_t sample) {
  for (size_t i = 0; i < harness_input_count; i++) {
    harness_buffers_read(i, arguments->inputs[i], sample, arguments->samples);
  }
  harness_buffers_remember_inputs();
  if (sample == 0) harness_print("unit", harness_tick_unit(), NULL);
  run_all(arguments);
}

static void write_outputs(const struct Arguments* arguments, uint64_t sample) {
  for (size_t i = 0; i < harness_output_count; i++) {
    harness_buffers_write(i, arguments->outputs[i], sample);
  }
}

int main(int argc, char** argv) {
  char** words = argv + 1;
  size_t count = argc > 1 ? (size_t)argc - 1 : 0;
  if (count == 1 && words[0][0] == '@') words = read_words(words[0] + 1, &count);
  const struct Arguments arguments = parse(words, count);

  if (harness_setup() != 0) harness_fail(harness_exit_model, "the model cannot be set up", NULL);
  harness_buffers_allocate();
  int damage = 0;
  for (uint64_t sample = 0; sample < arguments.samples && !damage; sample++) {
    run_sample(&arguments, sample);
    damage = harness_buffers_damaged();
    write_outputs(&arguments, sample);
  }
  harness_buffers_report();
  harness_print("done", NULL);
  return damage ? harness_exit_damage : harness_exit_done;
}
