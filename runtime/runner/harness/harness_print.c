/* The harness's lines: "HARNESS" and words. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness_parts.h"

static void print_line(const char* head, const char* first, va_list rest) {
  fputs(head, stdout);
  for (const char* word = first; word != NULL; word = va_arg(rest, const char*)) {
    fputs(" ", stdout);
    fputs(word, stdout);
  }
  fputs("\n", stdout);
}

void harness_print(const char* first, ...) {
  va_list rest;
  va_start(rest, first);
  print_line("HARNESS", first, rest);
  va_end(rest);
}

void harness_fail(int status, const char* first, ...) {
  va_list rest;
  va_start(rest, first);
  print_line("HARNESS error", first, rest);
  va_end(rest);
  fflush(stdout);
  exit(status);
}

struct harness_digits harness_decimal(uint64_t value) {
  struct harness_digits digits;
  char reversed[24];
  size_t count = 0;
  do {
    reversed[count++] = (char)('0' + (int)(value % 10));
    value /= 10;
  } while (value != 0);
  for (size_t i = 0; i < count; i++) digits.text[i] = reversed[count - 1 - i];
  digits.text[count] = '\0';
  return digits;
}
