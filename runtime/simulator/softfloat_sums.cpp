// Three-term sums on doubles. Kernels on small floats do little else, and integer arithmetic on
// wide mantissas takes ten times as long.
#include <bit>
#include <cmath>

#include "softfloat_terms.h"

namespace snitch {
namespace {

// What the rounded sum of two doubles misses of the exact one (Knuth's two-sum).
double error_of(double a, double b, double sum) {
  const double b_part = sum - a;
  const double a_part = sum - b_part;
  return (a - a_part) + (b - b_part);
}

// Moves a sum that has an error to its neighbour with an odd last bit, on the side of the exact
// value. Rounding that to fewer bits gives what rounding the exact value would.
double round_to_odd(double sum, double error) {
  auto bits = std::bit_cast<uint64_t>(sum);
  if (bits & 1) return sum;
  bits += (error > 0) == (sum > 0) ? 1 : -1;
  return std::bit_cast<double>(bits);
}

}  // namespace

bool as_double(Format format, uint64_t bits, double& value) {
  auto raw = static_cast<uint32_t>(bits);
  switch (format) {
    case Format::f8:  // the upper half of an f16
      raw <<= 8;
      [[fallthrough]];
    case Format::f16:
      if ((raw & 0x7c00) == 0x7c00) return false;
      // The exponent is moved by a multiplication, which does subnormal numbers too.
      value = std::bit_cast<float>(((raw & 0x7fff) << 13) | ((raw & 0x8000) << 16)) * 0x1p112;
      return true;
    case Format::bf16:
      raw <<= 16;
      [[fallthrough]];
    case Format::f32:
      if ((raw & 0x7f800000) == 0x7f800000) return false;
      value = std::bit_cast<float>(raw);
      return true;
    default:
      return false;
  }
}

bool sum_of_doubles(double a, double b, double c, uint64_t& result, uint8_t& flags) {
  constexpr double smallest = 0x1p-120;  // away from where f32 loses bits or overflows
  constexpr double largest = 0x1p127;
  const double pair = a + b;
  if (error_of(a, b, pair) != 0) return false;
  double sum = pair + c;
  const double error = error_of(pair, c, sum);
  if (error != 0) sum = round_to_odd(sum, error);
  const double size = std::fabs(sum);
  if (!(size >= smallest && size < largest)) return false;
  const auto rounded = static_cast<float>(sum);
  if (error != 0 || rounded != sum) flags |= inexact;
  result = std::bit_cast<uint32_t>(rounded);
  return true;
}

}  // namespace snitch
