/* Time on a POSIX host: nanoseconds of the monotonic clock. */
#define _POSIX_C_SOURCE 199309L
#include <time.h>

#include "harness.h"

uint64_t harness_ticks(void) {
  struct timespec now = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char* harness_tick_unit(void) {
  return "ns";
}
