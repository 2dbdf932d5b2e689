// Floating-point operations on top of exact sums (softfloat_terms.h): special values first, then an
// exact integer result, then one rounding.
#include "softfloat.h"

#include "softfloat_terms.h"

namespace snitch {
namespace {

Term product(const Number& a, const Number& b) {
  return {a.sign != b.sign, u128{a.mantissa} * b.mantissa, a.exponent + b.exponent};
}

Term term(const Number& a) {
  return {a.sign, a.mantissa, a.exponent};
}

// Decides everything a sum of terms with special operands can be before any arithmetic: a product
// of infinity and zero or infinities of both signs are invalid, NaNs win, infinities win next.
struct Specials {
  bool nan = false;
  bool positive = false;
  bool negative = false;
  uint8_t flags = 0;

  void see(const Number& a) {
    if (a.kind == Kind::nan) nan = true;
    if (a.signalling) flags |= invalid;
    if (a.kind == Kind::infinity) (a.sign ? negative : positive) = true;
  }
  void see(const Number& a, const Number& b) {
    if (a.signalling || b.signalling) flags |= invalid;
    const bool times_zero = (a.kind == Kind::infinity && b.kind == Kind::zero) ||
                            (a.kind == Kind::zero && b.kind == Kind::infinity);
    if (times_zero) {
      flags |= invalid;
      nan = true;
    }
    if (a.kind == Kind::nan || b.kind == Kind::nan) {
      nan = true;
    } else if (!times_zero && (a.kind == Kind::infinity || b.kind == Kind::infinity)) {
      (a.sign != b.sign ? negative : positive) = true;
    }
  }
  // True if the result is settled; it is then in `result`.
  bool settle(Format format, uint64_t& result, uint8_t& into) {
    if (!nan && positive && negative) {
      nan = true;
      flags |= invalid;
    }
    into |= flags;
    if (nan) {
      result = canonical_nan(format);
    } else if (positive || negative) {
      result = pack_infinity(format, negative);
    }
    return nan || positive || negative;
  }
};

// -1, 0, 1 for ordered numbers; the caller has dealt with NaNs.
int compare(Format format, uint64_t a, uint64_t b) {
  const int width = info(format).width;
  const uint64_t magnitude = (uint64_t{1} << (width - 1)) - 1;
  const bool sign_a = (a >> (width - 1)) & 1;
  const bool sign_b = (b >> (width - 1)) & 1;
  const auto value_a = static_cast<int64_t>(a & magnitude) * (sign_a ? -1 : 1);
  const auto value_b = static_cast<int64_t>(b & magnitude) * (sign_b ? -1 : 1);
  return value_a < value_b ? -1 : value_a > value_b;
}

}  // namespace

uint64_t canonical_nan(Format format) {
  return pack_infinity(format, false) | (uint64_t{1} << (info(format).mantissa_bits - 1));
}

bool is_nan(Format format, uint64_t bits) {
  const uint64_t magnitude = (uint64_t{1} << (info(format).width - 1)) - 1;
  return (bits & magnitude) > pack_infinity(format, false);
}

bool is_signalling(Format format, uint64_t bits) {
  return is_nan(format, bits) && !((bits >> (info(format).mantissa_bits - 1)) & 1);
}

uint64_t SoftFloat::add(Format format, uint64_t a, uint64_t b) {
  const Number x = unpack(format, a);
  const Number y = unpack(format, b);
  Specials special;
  special.see(x);
  special.see(y);
  uint64_t result = 0;
  if (special.settle(format, result, flags)) return result;
  return add_terms(format, term(x), term(y), rounding, flags);
}

uint64_t SoftFloat::multiply(Format format, uint64_t a, uint64_t b) {
  const Number x = unpack(format, a);
  const Number y = unpack(format, b);
  Specials special;
  special.see(x, y);
  uint64_t result = 0;
  if (special.settle(format, result, flags)) return result;
  const Term p = product(x, y);
  return round_pack(format, p.sign, p.mantissa, p.exponent, false, rounding, flags);
}

uint64_t SoftFloat::fused(Format source, Format result_format, uint64_t a, uint64_t b, uint64_t c) {
  const Number x = unpack(source, a);
  const Number y = unpack(source, b);
  const Number z = unpack(result_format, c);
  Specials special;
  special.see(x, y);
  special.see(z);
  uint64_t result = 0;
  if (special.settle(result_format, result, flags)) return result;
  return add_terms(result_format, product(x, y), term(z), rounding, flags);
}

uint64_t SoftFloat::dot2(Format source, Format result_format, const uint64_t a[2],
                         const uint64_t b[2], uint64_t c) {
  if (rounding == Rounding::nearest_even && result_format == Format::f32) {
    double x[5];
    uint64_t quick = 0;
    if (source != Format::f32 && as_double(source, a[0], x[0]) && as_double(source, a[1], x[1]) &&
        as_double(source, b[0], x[2]) && as_double(source, b[1], x[3]) &&
        as_double(result_format, c, x[4]) &&
        sum_of_doubles(x[0] * x[2], x[1] * x[3], x[4], quick, flags))
      return quick;
  }
  std::array<Term, 3> terms;
  Specials special;
  for (int i = 0; i < 2; i++) {
    const Number x = unpack(source, a[i]);
    const Number y = unpack(source, b[i]);
    special.see(x, y);
    terms[i] = product(x, y);
  }
  const Number z = unpack(result_format, c);
  special.see(z);
  terms[2] = term(z);
  uint64_t result = 0;
  if (special.settle(result_format, result, flags)) return result;
  return add_three(result_format, terms, rounding, flags);
}

uint64_t SoftFloat::sum3(Format source, Format result_format, uint64_t a0, uint64_t a1,
                         uint64_t c) {
  if (rounding == Rounding::nearest_even && result_format == Format::f32) {
    double x[3];
    uint64_t quick = 0;
    if (as_double(source, a0, x[0]) && as_double(source, a1, x[1]) &&
        as_double(result_format, c, x[2]) && sum_of_doubles(x[0], x[1], x[2], quick, flags))
      return quick;
  }
  const std::array<Number, 3> numbers = {unpack(source, a0), unpack(source, a1),
                                         unpack(result_format, c)};
  std::array<Term, 3> terms;
  Specials special;
  for (int i = 0; i < 3; i++) {
    special.see(numbers[i]);
    terms[i] = term(numbers[i]);
  }
  uint64_t result = 0;
  if (special.settle(result_format, result, flags)) return result;
  return add_three(result_format, terms, rounding, flags);
}

uint64_t SoftFloat::divide(Format format, uint64_t a, uint64_t b) {
  const Number x = unpack(format, a);
  const Number y = unpack(format, b);
  const bool sign = x.sign != y.sign;
  if (x.signalling || y.signalling) flags |= invalid;
  if (x.kind == Kind::nan || y.kind == Kind::nan) return canonical_nan(format);
  if ((x.kind == Kind::infinity && y.kind == Kind::infinity) ||
      (x.kind == Kind::zero && y.kind == Kind::zero)) {
    flags |= invalid;
    return canonical_nan(format);
  }
  if (x.kind == Kind::infinity) return pack_infinity(format, sign);
  if (y.kind == Kind::infinity || x.kind == Kind::zero) return pack_zero(format, sign);
  if (y.kind == Kind::zero) {
    flags |= divide_by_zero;
    return pack_infinity(format, sign);
  }
  const int shift = 127 - top_bit(x.mantissa);
  const u128 dividend = u128{x.mantissa} << shift;
  const u128 quotient = dividend / y.mantissa;
  return round_pack(format, sign, quotient, x.exponent - shift - y.exponent,
                    dividend % y.mantissa != 0, rounding, flags);
}

uint64_t SoftFloat::square_root(Format format, uint64_t a) {
  const Number x = unpack(format, a);
  if (x.signalling) flags |= invalid;
  if (x.kind == Kind::nan) return canonical_nan(format);
  if (x.kind == Kind::zero) return a;
  if (x.sign) {
    flags |= invalid;
    return canonical_nan(format);
  }
  if (x.kind == Kind::infinity) return a;
  int shift = 126 - top_bit(x.mantissa);
  if ((x.exponent - shift) % 2 != 0) shift--;
  u128 rest = u128{x.mantissa} << shift;
  u128 root = 0;
  for (u128 bit = u128{1} << 126; bit; bit >>= 2) {  // digit by digit, exact
    const bool fits = rest >= root + bit;
    if (fits) rest -= root + bit;
    root = (root >> 1) + (fits ? bit : 0);
  }
  return round_pack(format, false, root, (x.exponent - shift) / 2, rest != 0, rounding, flags);
}

uint64_t SoftFloat::convert(Format source, Format result, uint64_t a) {
  const Number x = unpack(source, a);
  if (x.signalling) flags |= invalid;
  if (x.kind == Kind::nan) return canonical_nan(result);
  if (x.kind == Kind::infinity) return pack_infinity(result, x.sign);
  return round_pack(result, x.sign, x.mantissa, x.exponent, false, rounding, flags);
}

uint64_t SoftFloat::minimum(Format format, uint64_t a, uint64_t b) {
  if (is_signalling(format, a) || is_signalling(format, b)) flags |= invalid;
  const bool nan_a = is_nan(format, a);
  if (nan_a && is_nan(format, b)) return canonical_nan(format);
  if (nan_a) return b;
  if (is_nan(format, b)) return a;
  const int order = compare(format, a, b);
  if (order == 0) return a | b;  // of two zeros the negative one
  return order < 0 ? a : b;
}

uint64_t SoftFloat::maximum(Format format, uint64_t a, uint64_t b) {
  if (is_signalling(format, a) || is_signalling(format, b)) flags |= invalid;
  const bool nan_a = is_nan(format, a);
  if (nan_a && is_nan(format, b)) return canonical_nan(format);
  if (nan_a) return b;
  if (is_nan(format, b)) return a;
  const int order = compare(format, a, b);
  if (order == 0) return a & b;  // of two zeros the positive one
  return order > 0 ? a : b;
}

bool SoftFloat::equal(Format format, uint64_t a, uint64_t b) {
  if (is_signalling(format, a) || is_signalling(format, b)) flags |= invalid;
  if (is_nan(format, a) || is_nan(format, b)) return false;
  return compare(format, a, b) == 0;
}

bool SoftFloat::less(Format format, uint64_t a, uint64_t b) {
  if (is_nan(format, a) || is_nan(format, b)) {
    flags |= invalid;
    return false;
  }
  return compare(format, a, b) < 0;
}

bool SoftFloat::less_or_equal(Format format, uint64_t a, uint64_t b) {
  if (is_nan(format, a) || is_nan(format, b)) {
    flags |= invalid;
    return false;
  }
  return compare(format, a, b) <= 0;
}

uint32_t SoftFloat::to_int(Format format, uint64_t a, bool is_signed) {
  const Number x = unpack(format, a);
  const uint32_t largest = is_signed ? 0x7fffffffu : 0xffffffffu;
  const uint32_t lowest = is_signed ? 0x80000000u : 0u;
  const bool huge =
      x.kind == Kind::infinity || (x.kind == Kind::finite && x.exponent + top_bit(x.mantissa) > 40);
  if (x.kind == Kind::nan || huge) {
    flags |= invalid;
    return x.kind == Kind::nan || !x.sign ? largest : lowest;
  }
  if (x.kind == Kind::zero) return 0;
  bool lost = false;
  const auto magnitude =
      static_cast<int64_t>(round_shift(x.mantissa, -x.exponent, false, rounding, x.sign, lost));
  const int64_t value = x.sign ? -magnitude : magnitude;
  const int64_t limit_low = is_signed ? -(int64_t{1} << 31) : 0;
  const int64_t limit_high = is_signed ? (int64_t{1} << 31) - 1 : (int64_t{1} << 32) - 1;
  if (value < limit_low || value > limit_high) {
    flags |= invalid;
    return value < limit_low ? lowest : largest;
  }
  if (lost) flags |= inexact;
  return static_cast<uint32_t>(value);
}

uint64_t SoftFloat::from_int(Format format, uint32_t value, bool is_signed) {
  const bool sign = is_signed && (value >> 31);
  const uint32_t magnitude = sign ? 0u - value : value;
  return round_pack(format, sign, magnitude, 0, false, rounding, flags);
}

uint32_t classify(Format format, uint64_t bits) {
  const Number x = unpack(format, bits);
  const FormatInfo& f = info(format);
  if (x.kind == Kind::nan) return x.signalling ? 1u << 8 : 1u << 9;
  if (x.kind == Kind::infinity) return x.sign ? 1u << 0 : 1u << 7;
  if (x.kind == Kind::zero) return x.sign ? 1u << 3 : 1u << 4;
  const bool normal = (x.mantissa >> f.mantissa_bits) != 0;
  if (normal) return x.sign ? 1u << 1 : 1u << 6;
  return x.sign ? 1u << 2 : 1u << 5;
}

}  // namespace snitch
