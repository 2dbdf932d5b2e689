// Schoolbook arithmetic on digits of 32 bits.
#include "exact.h"

#include <algorithm>

namespace snitch::test {

Exact Exact::of(bool negative, uint64_t magnitude, int exponent) {
  Exact e;
  e.negative_ = negative;
  e.exponent_ = exponent;
  e.digits_ = {static_cast<uint32_t>(magnitude), static_cast<uint32_t>(magnitude >> 32)};
  e.trim();
  return e;
}

void Exact::trim() {
  while (!digits_.empty() && digits_.back() == 0) digits_.pop_back();
  if (digits_.empty()) negative_ = false;
}

// The same value with a lower weight of the lowest bit.
Exact Exact::align(const Exact& value, int exponent) {
  Exact e = value;
  const int shift = value.exponent_ - exponent;
  std::vector<uint32_t> digits(static_cast<size_t>(shift / 32));
  uint32_t carry = 0;
  for (const uint32_t digit : value.digits_) {
    const uint64_t wide = (uint64_t{digit} << (shift % 32)) | carry;
    digits.push_back(static_cast<uint32_t>(wide));
    carry = static_cast<uint32_t>(wide >> 32);
  }
  digits.push_back(carry);
  e.digits_ = digits;
  e.exponent_ = exponent;
  const bool sign = value.negative_;
  e.trim();
  if (!e.digits_.empty()) e.negative_ = sign;
  return e;
}

Exact Exact::negated() const {
  Exact e = *this;
  if (!e.is_zero()) e.negative_ = !e.negative_;
  return e;
}

Exact Exact::magnitude() const {
  Exact e = *this;
  e.negative_ = false;
  return e;
}

int Exact::compare_magnitude(const Exact& other) const {
  const int exponent = std::min(exponent_, other.exponent_);
  const Exact a = align(*this, exponent);
  const Exact b = align(other, exponent);
  if (a.digits_.size() != b.digits_.size()) return a.digits_.size() < b.digits_.size() ? -1 : 1;
  for (size_t i = a.digits_.size(); i-- > 0;)
    if (a.digits_[i] != b.digits_[i]) return a.digits_[i] < b.digits_[i] ? -1 : 1;
  return 0;
}

Exact Exact::operator+(const Exact& other) const {
  const int exponent = std::min(exponent_, other.exponent_);
  Exact a = align(*this, exponent);
  Exact b = align(other, exponent);
  if (a.compare_magnitude(b) < 0) std::swap(a, b);
  const bool add = a.negative_ == b.negative_;
  b.digits_.resize(a.digits_.size());
  int64_t carry = 0;
  for (size_t i = 0; i < a.digits_.size(); i++) {
    int64_t sum = int64_t{a.digits_[i]} + carry + (add ? 1 : -1) * int64_t{b.digits_[i]};
    a.digits_[i] = static_cast<uint32_t>(sum);
    carry = sum >> 32;
  }
  if (carry > 0) a.digits_.push_back(static_cast<uint32_t>(carry));
  a.trim();
  return a;
}

Exact Exact::operator*(const Exact& other) const {
  Exact e;
  e.exponent_ = exponent_ + other.exponent_;
  e.digits_.resize(digits_.size() + other.digits_.size());
  for (size_t i = 0; i < digits_.size(); i++) {
    uint64_t carry = 0;
    for (size_t j = 0; j < other.digits_.size(); j++) {
      const uint64_t sum = uint64_t{digits_[i]} * other.digits_[j] + e.digits_[i + j] + carry;
      e.digits_[i + j] = static_cast<uint32_t>(sum);
      carry = sum >> 32;
    }
    e.digits_[i + other.digits_.size()] += static_cast<uint32_t>(carry);
  }
  e.trim();
  e.negative_ = !e.is_zero() && negative_ != other.negative_;
  return e;
}

Value value_of(Format format, uint64_t bits) {
  const FormatInfo& f = info(format);
  const uint64_t fraction = bits % (uint64_t{1} << f.mantissa_bits);
  const int top = (1 << f.exponent_bits) - 1;
  const int exponent = static_cast<int>((bits >> f.mantissa_bits) & static_cast<uint64_t>(top));
  const int bias = top / 2;
  Value v;
  v.negative = (bits >> (f.width - 1)) & 1;
  if (exponent == top) {
    v.kind = fraction ? Kind::nan : Kind::infinite;
  } else if (exponent == 0) {
    v.number = Exact::of(v.negative, fraction, 1 - bias - f.mantissa_bits);
  } else {
    v.number = Exact::of(v.negative, fraction + (uint64_t{1} << f.mantissa_bits),
                         exponent - bias - f.mantissa_bits);
  }
  return v;
}

uint64_t round_exact(Format format, const Exact& value, Rounding rounding, bool zero_negative,
                     bool& inexact_result) {
  const FormatInfo& f = info(format);
  const uint64_t sign = uint64_t{1} << (f.width - 1);
  const uint64_t infinity = ((uint64_t{1} << f.exponent_bits) - 1) << f.mantissa_bits;
  inexact_result = false;
  if (value.is_zero()) return zero_negative ? sign : 0;
  // Of the format's positive numbers in order, the last one that is not above the value. Infinity
  // stands for the number that would follow the largest one.
  const auto number = [&](uint64_t bits) {
    if (bits < infinity) return value_of(format, bits).number;
    return Exact::of(false, 1, (1 << (f.exponent_bits - 1)));
  };
  uint64_t low = 0;
  uint64_t high = infinity;
  while (low + 1 < high) {
    const uint64_t middle = low + (high - low) / 2;
    (number(middle).compare_magnitude(value) <= 0 ? low : high) = middle;
  }
  if (number(high).compare_magnitude(value) <= 0) low = high;  // beyond everything
  const uint64_t signed_bits = value.negative() ? sign : 0;
  const int exactness = low == infinity ? -1 : number(low).compare_magnitude(value);
  if (exactness == 0) return signed_bits | low;
  inexact_result = true;
  bool up = false;
  if (rounding == Rounding::up) up = !value.negative();
  if (rounding == Rounding::down) up = value.negative();
  if (low == infinity) {
    const bool nearest = rounding == Rounding::nearest_even || rounding == Rounding::nearest_max;
    return signed_bits | (up || nearest ? infinity : infinity - 1);
  }
  const Exact twice = value.magnitude() + value.magnitude();
  const int half = twice.compare_magnitude(number(low) + number(low + 1));
  if (rounding == Rounding::nearest_max) up = half >= 0;
  if (rounding == Rounding::nearest_even) up = half > 0 || (half == 0 && (low & 1));
  return signed_bits | (low + (up ? 1 : 0));
}

namespace {

bool both_zero_sign(bool a, bool b, Rounding rounding) {
  return a == b ? a : rounding == Rounding::down;
}

}  // namespace

// The sum of terms given as exact values, specials and signs of zero included.
uint64_t reference_sum(Format format, const std::vector<Value>& terms, Rounding rounding,
                       bool& lost) {
  bool nan = false, plus = false, minus = false;
  for (const Value& t : terms) {
    nan = nan || t.kind == Kind::nan;
    if (t.kind == Kind::infinite) (t.negative ? minus : plus) = true;
  }
  lost = false;
  if (nan || (plus && minus)) return canonical_nan(format);
  const uint64_t infinity =
      round_exact(format, Exact::of(false, 1, 2000), Rounding::up, false, lost);
  lost = false;
  if (plus || minus) return infinity | (minus ? uint64_t{1} << (info(format).width - 1) : 0);
  Exact sum;
  bool negative = terms[0].negative;
  for (size_t i = 0; i < terms.size(); i++) {
    sum = sum + terms[i].number;
    if (i) negative = both_zero_sign(negative, terms[i].negative, rounding);
  }
  return round_exact(format, sum, rounding, negative, lost);
}

Value times(const Value& a, const Value& b) {
  Value v;
  v.negative = a.negative != b.negative;
  const bool infinite = a.kind == Kind::infinite || b.kind == Kind::infinite;
  const bool zero = (a.kind == Kind::finite && a.number.is_zero()) ||
                    (b.kind == Kind::finite && b.number.is_zero());
  if (a.kind == Kind::nan || b.kind == Kind::nan || (infinite && zero)) {
    v.kind = Kind::nan;
  } else if (infinite) {
    v.kind = Kind::infinite;
  } else {
    v.number = a.number * b.number;
  }
  return v;
}

Value negate(Value v, bool yes) {
  if (!yes) return v;
  v.negative = !v.negative;
  v.number = v.number.negated();
  return v;
}

uint64_t reference_operation(Op op, Format format, uint64_t a, uint64_t b, uint64_t c,
                             Rounding rounding, bool& lost) {
  const Value x = value_of(format, a), y = value_of(format, b), z = value_of(format, c);
  switch (op) {
    case Op::fadd:
      return reference_sum(format, {x, y}, rounding, lost);
    case Op::fsub:
      return reference_sum(format, {x, negate(y, true)}, rounding, lost);
    case Op::fmul:
      return reference_sum(format, {times(x, y)}, rounding, lost);
    case Op::fmadd:
      return reference_sum(format, {times(x, y), z}, rounding, lost);
    case Op::fmsub:
      return reference_sum(format, {times(x, y), negate(z, true)}, rounding, lost);
    case Op::fnmsub:
      return reference_sum(format, {negate(times(x, y), true), z}, rounding, lost);
    default:
      return reference_sum(format, {negate(times(x, y), true), negate(z, true)}, rounding, lost);
  }
}

}  // namespace snitch::test
