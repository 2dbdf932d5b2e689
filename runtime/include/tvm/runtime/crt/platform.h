/* What an application gives the runtime: how to stop, where memory comes from, and, if it wants
 * them, time, text and randomness. The runtime itself calls only Abort, MemoryAllocate, MemoryFree
 * and GenerateRandom; the rest is declared so that applications agree on the names. */
#ifndef TVM_RUNTIME_CRT_PLATFORM_H_
#define TVM_RUNTIME_CRT_PLATFORM_H_

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <tvm/runtime/c_runtime_api.h>
#include <tvm/runtime/crt/error_codes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stops the program; called when continuing would be wrong. Does not return. */
#if defined(__GNUC__) || defined(__clang__)
void __attribute__((noreturn)) TVMPlatformAbort(tvm_crt_error_t code);
#else
void TVMPlatformAbort(tvm_crt_error_t code);
#endif

/* Prepares clocks, consoles and the like. The application decides when to call it. */
tvm_crt_error_t TVMPlatformInitialize(void);

/* vsnprintf for applications whose C library has none. Returns the characters written. */
size_t TVMPlatformFormatMessage(char* out_buf, size_t out_buf_size_bytes, const char* fmt,
                                va_list args);

/* Memory of num_bytes on dev, aligned for any element type. */
tvm_crt_error_t TVMPlatformMemoryAllocate(size_t num_bytes, DLDevice dev, void** out_ptr);
tvm_crt_error_t TVMPlatformMemoryFree(void* ptr, DLDevice dev);

/* A stop watch: at most one measurement runs at a time. */
tvm_crt_error_t TVMPlatformTimerStart(void);
tvm_crt_error_t TVMPlatformTimerStop(double* elapsed_time_seconds);

/* Called around a measurement, for instance to raise the clock. */
tvm_crt_error_t TVMPlatformBeforeMeasurement(void);
tvm_crt_error_t TVMPlatformAfterMeasurement(void);

/* Fills buffer with random bytes. The runtime's weak default says it is not implemented. */
tvm_crt_error_t TVMPlatformGenerateRandom(uint8_t* buffer, size_t num_bytes);

#ifdef __cplusplus
}
#endif

#endif /* TVM_RUNTIME_CRT_PLATFORM_H_ */
