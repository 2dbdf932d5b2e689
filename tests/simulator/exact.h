// An independent reference for floating-point results: values are big integers in units of 2^-1100,
// and rounding picks between the two neighbouring numbers of the format by comparing with the point
// half-way between them. Slow, without any bit tricks, and shared with nothing in the simulator.
#pragma once

#include <cstdint>
#include <vector>

#include "instruction.h"

namespace snitch::test {

// A signed number of any size.
class Exact {
 public:
  Exact() = default;
  // magnitude * 2^exponent
  static Exact of(bool negative, uint64_t magnitude, int exponent);

  Exact operator+(const Exact& other) const;
  Exact operator-(const Exact& other) const { return *this + other.negated(); }
  Exact operator*(const Exact& other) const;
  Exact negated() const;
  bool is_zero() const { return digits_.empty(); }
  bool negative() const { return negative_; }
  // -1, 0, 1 of |this| against |other|
  int compare_magnitude(const Exact& other) const;
  Exact magnitude() const;

 private:
  void trim();
  static Exact align(const Exact& value, int exponent);
  bool negative_ = false;
  int exponent_ = 0;              // weight of the lowest bit
  std::vector<uint32_t> digits_;  // lowest first
};

enum class Kind { finite, infinite, nan };

struct Value {
  Kind kind = Kind::finite;
  bool negative = false;
  Exact number;
};

Value value_of(Format format, uint64_t bits);

// The number of the format an exact value rounds to, and whether anything was lost. A zero takes
// `zero_negative` as its sign.
uint64_t round_exact(Format format, const Exact& value, Rounding rounding, bool zero_negative,
                     bool& inexact_result);

Value times(const Value& a, const Value& b);
Value negate(Value v, bool yes);

// The sum of exact terms with one rounding, specials and the sign of zero included.
uint64_t reference_sum(Format format, const std::vector<Value>& terms, Rounding rounding,
                       bool& lost);

// An addition, multiplication or fused operation of the F extension.
uint64_t reference_operation(Op op, Format format, uint64_t a, uint64_t b, uint64_t c,
                             Rounding rounding, bool& lost);

}  // namespace snitch::test
