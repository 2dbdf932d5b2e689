// The fast road for f32 and f64 with round-to-nearest-even: the host's FPU gives the same bits and
// the same flags. The host's sticky flags are read after each operation and only cleared beforehand
// when they hold something the simulated hart has not raised yet, because clearing them is slow.
#include <bit>
#include <cmath>

#include "fpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace snitch {

#if defined(__x86_64__)
namespace {

// MXCSR has invalid, denormal, divide, overflow, underflow, precision in bits 0 to 5.
uint8_t flags_of(unsigned csr) {
  return static_cast<uint8_t>(((csr >> 5) & 1) | ((csr >> 3) & 2) | ((csr >> 1) & 4) |
                              ((csr << 1) & 8) | ((csr << 4) & 16));
}

// Keeps the compiler from moving arithmetic across the accesses to the control register.
template <typename T>
void pin(T& value) {
  asm volatile("" : "+x"(value));
}

template <typename T, typename Bits>
bool run(Op op, uint64_t raw_a, uint64_t raw_b, uint64_t raw_c, uint8_t& flags, uint64_t& result) {
  const unsigned before = _mm_getcsr();
  if (flags_of(before) & ~flags) _mm_setcsr(before & ~0x3fu);
  T a = std::bit_cast<T>(static_cast<Bits>(raw_a));
  T b = std::bit_cast<T>(static_cast<Bits>(raw_b));
  T c = std::bit_cast<T>(static_cast<Bits>(raw_c));
  pin(a);
  pin(b);
  pin(c);
  T value = 0;
  switch (op) {
    case Op::fadd:
      value = a + b;
      break;
    case Op::fsub:
      value = a - b;
      break;
    case Op::fmul:
      value = a * b;
      break;
    case Op::fmadd:
    case Op::fmac:
      value = std::fma(a, b, c);
      break;
    case Op::fmsub:
      value = std::fma(a, b, -c);
      break;
    case Op::fnmsub:
    case Op::fmre:
      value = std::fma(-a, b, c);
      break;
    case Op::fnmadd:
      value = std::fma(-a, b, -c);
      break;
    default:
      return false;
  }
  pin(value);
  flags |= flags_of(_mm_getcsr());
  constexpr Format format = sizeof(T) == 8 ? Format::f64 : Format::f32;
  const auto bits = std::bit_cast<Bits>(value);
  if (!is_nan(format, bits)) {
    result = bits;
    return true;
  }
  result = canonical_nan(format);
  // infinity * 0 + NaN is invalid here, while the host may leave the flag alone.
  const bool times_zero = (std::isinf(a) && b == 0) || (a == 0 && std::isinf(b));
  if (op >= Op::fmadd && times_zero) flags |= invalid;
  return true;
}

}  // namespace

bool execute_on_host(Op op, Format format, uint64_t a, uint64_t b, uint64_t c, uint8_t& flags,
                     uint64_t& result) {
  if (format == Format::f64) return run<double, uint64_t>(op, a, b, c, flags, result);
  if (format == Format::f32) return run<float, uint32_t>(op, a, b, c, flags, result);
  return false;
}
#else
bool execute_on_host(Op, Format, uint64_t, uint64_t, uint64_t, uint8_t&, uint64_t&) {
  return false;
}
#endif

}  // namespace snitch
