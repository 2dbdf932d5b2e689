/* Every public header, twice, in one file, with the macros that only expand when used. Compiled as
 * C99, C++98 and C++17; running it shows that a check stops the program. */
#define INCLUDE_ALL "headers_all.h"
#include INCLUDE_ALL
#include INCLUDE_ALL

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int lines = 0;
static int message_length = 0;

#ifdef __cplusplus
extern "C" {
#endif

void TVMLogf(const char* fmt, ...) {
  va_list args;
  va_start(args, fmt);
  message_length = vprintf(fmt, args);
  va_end(args);
  lines++;
}

/* Reached through a failed check only: success if that is what was expected. */
void TVMPlatformAbort(tvm_crt_error_t code) {
  const int expected = code == kTvmErrorPlatformCheckFailure && lines == 4 && message_length == 9;
  exit(expected ? 0 : 1);
}

#ifdef __cplusplus
}
#endif

int main(void) {
  LOG_ERROR("code %d\n", 1);
  LOG_INFO("two\n");
  LOG_DEBUG("hidden %d\n", 3); /* the configuration shows INFO and up */
  CHECK(lines == 2);
  CHECK(lines == 2, "with a message %d\n", lines);
  CHECK_EQ(lines, 2);
  CHECK_NE(lines, 3, "with a message\n");
  CHECK_LT(1, lines);
  CHECK_LE(2, lines);
  CHECK_GT(3, lines);
  CHECK_GE(2, lines);
  CHECK_EQ(lines, 3, "lines: %d\n", lines);
  return 2;
}
