/* Log lines and checks for C. The application implements TVMLogf and sets TVM_CRT_LOG_LEVEL in its
 * crt_config.h; lines above that level cost nothing. This header must not include crt_config.h,
 * because crt_config.h may include this header for the names of the levels. */
#ifndef TVM_RUNTIME_CRT_LOGGING_H_
#define TVM_RUNTIME_CRT_LOGGING_H_

#include <tvm/runtime/crt/platform.h>

#define TVM_CRT_LOG_LEVEL_DEBUG 3
#define TVM_CRT_LOG_LEVEL_INFO 2
#define TVM_CRT_LOG_LEVEL_WARN 1
#define TVM_CRT_LOG_LEVEL_ERROR 0

#ifdef __cplusplus
extern "C" {
#endif

/* Prints like printf, wherever the application wants it. */
#if defined(__GNUC__) || defined(__clang__)
void __attribute__((format(printf, 1, 2))) TVMLogf(const char* fmt, ...);
#else
void TVMLogf(const char* fmt, ...);
#endif

#ifdef __cplusplus
}
#endif

/* LOG_INFO("x is %d\n", x): the format must be a string literal. */
#define TVM_CRT_LOG_AT(level, ...)                          \
  do {                                                      \
    if (TVM_CRT_LOG_LEVEL >= (level)) TVMLogf(__VA_ARGS__); \
  } while (0)
#define LOG_ERROR(...) TVM_CRT_LOG_AT(TVM_CRT_LOG_LEVEL_ERROR, "ERROR: " __VA_ARGS__)
#define LOG_WARN(...) TVM_CRT_LOG_AT(TVM_CRT_LOG_LEVEL_WARN, "WARN: " __VA_ARGS__)
#define LOG_INFO(...) TVM_CRT_LOG_AT(TVM_CRT_LOG_LEVEL_INFO, "INFO: " __VA_ARGS__)
#define LOG_DEBUG(...) TVM_CRT_LOG_AT(TVM_CRT_LOG_LEVEL_DEBUG, "DEBUG: " __VA_ARGS__)

/* CHECK(condition), CHECK_EQ(a, b) and so on, each with an optional printf message behind it: logs
 * and stops the program when the condition does not hold. Checks stay in at every log level,
 * because they guard memory.
 *
 * C99 cannot tell "no message" from "a message" in a macro, so an empty string is appended to the
 * arguments: it is the format when there was no message, and an argument printf ignores when there
 * was one. The pointer leaves the format attribute behind, which would warn of that argument. */
#define CHECK(...) TVM_CRT_CHECK_TRUE_(__VA_ARGS__, "")
#define CHECK_EQ(x, ...) TVM_CRT_CHECK_PAIR_(x, ==, __VA_ARGS__, "")
#define CHECK_NE(x, ...) TVM_CRT_CHECK_PAIR_(x, !=, __VA_ARGS__, "")
#define CHECK_LT(x, ...) TVM_CRT_CHECK_PAIR_(x, <, __VA_ARGS__, "")
#define CHECK_LE(x, ...) TVM_CRT_CHECK_PAIR_(x, <=, __VA_ARGS__, "")
#define CHECK_GT(x, ...) TVM_CRT_CHECK_PAIR_(x, >, __VA_ARGS__, "")
#define CHECK_GE(x, ...) TVM_CRT_CHECK_PAIR_(x, >=, __VA_ARGS__, "")

#define TVM_CRT_CHECK_TRUE_(x, ...) TVM_CRT_CHECK_((x), #x, __VA_ARGS__)
#define TVM_CRT_CHECK_PAIR_(x, op, y, ...) \
  TVM_CRT_CHECK_(((x)op(y)), #x " " #op " " #y, __VA_ARGS__)
#define TVM_CRT_CHECK_(condition, text, ...)                          \
  do {                                                                \
    if (!(condition)) {                                               \
      TVMLogf("%s:%d: check failed: %s\n", __FILE__, __LINE__, text); \
      void (*tvm_crt_log_plain)(const char*, ...) = TVMLogf;          \
      tvm_crt_log_plain(__VA_ARGS__);                                 \
      TVMPlatformAbort(kTvmErrorPlatformCheckFailure);                \
    }                                                                 \
  } while (0)

#endif /* TVM_RUNTIME_CRT_LOGGING_H_ */
