// Exact floating-point arithmetic for every format the cluster's FPU knows: every operation works
// on integers, rounds once, and reports the five IEEE flags. The FPU uses it where the host
// processor cannot give the same answer (small formats, other rounding modes, three-term sums).
#pragma once

#include <cstdint>

namespace snitch {

// The FPU's formats. f8 is e5m2, f8alt e4m3, f16 IEEE half, bf16 the upper half of a float.
enum class Format : uint8_t { none, f8, f8alt, f16, bf16, f32, f64 };

struct FormatInfo {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  int width = 0;
  const char* suffix = "";
};

const FormatInfo& info(Format format);

// Rounding modes with the numbers the instruction set gives them.
enum class Rounding : uint8_t { nearest_even, to_zero, down, up, nearest_max, dynamic = 7 };

// IEEE flags with the bit positions of fflags.
enum Flag : uint8_t { inexact = 1, underflow = 2, overflow = 4, divide_by_zero = 8, invalid = 16 };

// The quiet NaN every arithmetic instruction returns.
uint64_t canonical_nan(Format format);
bool is_nan(Format format, uint64_t bits);
bool is_signalling(Format format, uint64_t bits);

// One operation, one rounding. `flags` collects what the operation raised.
struct SoftFloat {
  Rounding rounding = Rounding::nearest_even;
  uint8_t flags = 0;

  uint64_t add(Format format, uint64_t a, uint64_t b);
  uint64_t multiply(Format format, uint64_t a, uint64_t b);
  uint64_t divide(Format format, uint64_t a, uint64_t b);
  uint64_t square_root(Format format, uint64_t a);
  // a * b + c; a and b are in `source`, c and the result in `result` (the same format, or wider).
  uint64_t fused(Format source, Format result, uint64_t a, uint64_t b, uint64_t c);
  // a0 * b0 + a1 * b1 + c with exact products and a single rounding.
  uint64_t dot2(Format source, Format result, const uint64_t a[2], const uint64_t b[2], uint64_t c);
  // a0 + a1 + c with a single rounding.
  uint64_t sum3(Format source, Format result, uint64_t a0, uint64_t a1, uint64_t c);
  uint64_t convert(Format source, Format result, uint64_t a);
  // IEEE 754-2019 minimumNumber / maximumNumber, as the F extension asks for.
  uint64_t minimum(Format format, uint64_t a, uint64_t b);
  uint64_t maximum(Format format, uint64_t a, uint64_t b);
  bool equal(Format format, uint64_t a, uint64_t b);           // quiet
  bool less(Format format, uint64_t a, uint64_t b);            // signalling
  bool less_or_equal(Format format, uint64_t a, uint64_t b);   // signalling
  uint32_t to_int(Format format, uint64_t a, bool is_signed);  // saturates
  uint64_t from_int(Format format, uint32_t value, bool is_signed);
};

// The ten-bit class mask of fclass.
uint32_t classify(Format format, uint64_t bits);

}  // namespace snitch
