// Exact arithmetic on integers: a finite number is an integer mantissa times a power of two, sums
// and products of such numbers are formed without loss (or with a sticky bit far below the rounding
// position), and `round_pack` is the only place where anything is rounded.
#include "softfloat.h"

#include <algorithm>
#include <array>

namespace snitch {
namespace {

using u128 = unsigned __int128;

constexpr std::array<FormatInfo, 7> formats = {{{0, 0, 0, ""},
                                                {5, 2, 8, "b"},
                                                {4, 3, 8, "b"},
                                                {5, 10, 16, "h"},
                                                {8, 7, 16, "h"},
                                                {8, 23, 32, "s"},
                                                {11, 52, 64, "d"}}};

enum class Kind : uint8_t { zero, finite, infinity, nan };

// value = (sign ? -1 : 1) * mantissa * 2^exponent; the mantissa of a finite number is not zero.
struct Number {
  Kind kind = Kind::zero;
  bool sign = false;
  bool signalling = false;
  int exponent = 0;
  uint64_t mantissa = 0;
};

int bias_of(const FormatInfo& f) {
  return (1 << (f.exponent_bits - 1)) - 1;
}

Number unpack(Format format, uint64_t bits) {
  const FormatInfo& f = info(format);
  const uint64_t fraction = bits & ((uint64_t{1} << f.mantissa_bits) - 1);
  const int biased = static_cast<int>((bits >> f.mantissa_bits) & ((1u << f.exponent_bits) - 1));
  Number n;
  n.sign = (bits >> (f.width - 1)) & 1;
  if (biased == (1 << f.exponent_bits) - 1) {
    n.kind = fraction ? Kind::nan : Kind::infinity;
    n.signalling = fraction && !((fraction >> (f.mantissa_bits - 1)) & 1);
    return n;
  }
  n.mantissa = biased ? fraction | (uint64_t{1} << f.mantissa_bits) : fraction;
  n.exponent = std::max(biased, 1) - bias_of(f) - f.mantissa_bits;
  n.kind = n.mantissa ? Kind::finite : Kind::zero;
  return n;
}

uint64_t pack_zero(Format format, bool sign) {
  return uint64_t{sign} << (info(format).width - 1);
}

uint64_t pack_infinity(Format format, bool sign) {
  const FormatInfo& f = info(format);
  return pack_zero(format, sign) | (((uint64_t{1} << f.exponent_bits) - 1) << f.mantissa_bits);
}

int top_bit(u128 value) {
  const auto high = static_cast<uint64_t>(value >> 64);
  if (high) return 127 - __builtin_clzll(high);
  return 63 - __builtin_clzll(static_cast<uint64_t>(value));
}

// Whether magnitude bits `kept`, followed by `half` and `rest`, have to be incremented.
bool rounds_up(Rounding rounding, bool sign, bool odd, bool half, bool rest) {
  switch (rounding) {
    case Rounding::nearest_even:
      return half && (rest || odd);
    case Rounding::nearest_max:
      return half;
    case Rounding::down:
      return sign && (half || rest);
    case Rounding::up:
      return !sign && (half || rest);
    default:
      return false;
  }
}

// Drops `shift` low bits of the value with one rounding; `lost` tells whether it was inexact.
u128 round_shift(u128 value, int shift, bool sticky, Rounding rounding, bool sign, bool& lost) {
  if (shift <= 0) {
    lost = sticky;
    return value << -shift;
  }
  if (shift > 127) {
    lost = value != 0 || sticky;
    return rounds_up(rounding, sign, false, false, lost) ? 1 : 0;
  }
  const u128 kept = value >> shift;
  const u128 rest = value & ((u128{1} << shift) - 1);
  const bool half = (rest >> (shift - 1)) & 1;
  const bool below = (rest & ((u128{1} << (shift - 1)) - 1)) != 0 || sticky;
  lost = half || below;
  return kept + (rounds_up(rounding, sign, kept & 1, half, below) ? 1 : 0);
}

// Rounds mantissa * 2^exponent (plus something below its last bit if `sticky`) into a format. A
// sticky mantissa must carry more bits than the format keeps, so that the sticky part stays below
// the half.
uint64_t round_pack(Format format, bool sign, u128 mantissa, int exponent, bool sticky,
                    Rounding rounding, uint8_t& flags) {
  const FormatInfo& f = info(format);
  if (mantissa == 0) return pack_zero(format, sign);
  const int smallest = 1 - bias_of(f);  // exponent of the smallest normal number
  const int leading = exponent + top_bit(mantissa);
  const int quantum = std::max(leading, smallest) - f.mantissa_bits;
  bool lost = false;
  u128 kept = round_shift(mantissa, quantum - exponent, sticky, rounding, sign, lost);
  if (lost) {
    flags |= inexact;
    // Tiny means: below the normal range even after rounding with an unbounded exponent.
    bool ignored = false;
    const bool grows =
        leading == smallest - 1 && round_shift(mantissa, leading - f.mantissa_bits - exponent,
                                               sticky, rounding, sign, ignored) >>
                                       (f.mantissa_bits + 1);
    if (leading < smallest && !grows) flags |= underflow;
  }
  int biased = quantum + f.mantissa_bits + bias_of(f);
  if (kept >> (f.mantissa_bits + 1)) {
    kept >>= 1;
    biased++;
  }
  if (!(kept >> f.mantissa_bits)) biased = 0;
  if (biased >= (1 << f.exponent_bits) - 1) {
    flags |= overflow | inexact;
    const bool to_largest = rounding == Rounding::to_zero ||
                            (rounding == Rounding::down && !sign) ||
                            (rounding == Rounding::up && sign);
    return to_largest ? pack_infinity(format, sign) - 1 : pack_infinity(format, sign);
  }
  const uint64_t fraction = static_cast<uint64_t>(kept) & ((uint64_t{1} << f.mantissa_bits) - 1);
  return pack_zero(format, sign) | (static_cast<uint64_t>(biased) << f.mantissa_bits) | fraction;
}

// A term of a sum: an exact integer mantissa (at most 106 bits) times a power of two.
struct Term {
  bool sign = false;
  u128 mantissa = 0;  // zero for a zero term
  int exponent = 0;
};

bool sign_of_zero_sum(bool all_negative, Rounding rounding) {
  return all_negative || rounding == Rounding::down;
}

// The sum of two terms with a sticky bit; 106-bit mantissas keep 19 spare bits when they are moved
// to bit 124, so whatever is shifted out lies below every bit a cancellation could reveal.
uint64_t add_terms(Format format, Term a, Term b, Rounding rounding, uint8_t& flags) {
  if (a.mantissa == 0 && b.mantissa == 0) {
    const bool same = a.sign == b.sign;
    return pack_zero(format, same ? a.sign : sign_of_zero_sum(false, rounding));
  }
  if (a.mantissa == 0)
    return round_pack(format, b.sign, b.mantissa, b.exponent, false, rounding, flags);
  if (b.mantissa == 0)
    return round_pack(format, a.sign, a.mantissa, a.exponent, false, rounding, flags);
  for (Term* t : {&a, &b}) {
    const int shift = 124 - top_bit(t->mantissa);
    t->mantissa <<= shift;
    t->exponent -= shift;
  }
  if (a.exponent < b.exponent) std::swap(a, b);
  const int distance = a.exponent - b.exponent;
  if (distance > 0) {
    const bool gone = distance > 126;
    const u128 rest = gone ? b.mantissa : b.mantissa & ((u128{1} << distance) - 1);
    b.mantissa = (gone ? 0 : b.mantissa >> distance) | (rest ? 1 : 0);
  }
  if (a.sign == b.sign)
    return round_pack(format, a.sign, a.mantissa + b.mantissa, a.exponent, false, rounding, flags);
  if (a.mantissa == b.mantissa) return pack_zero(format, sign_of_zero_sum(false, rounding));
  const bool sign = a.mantissa > b.mantissa ? a.sign : b.sign;
  const u128 difference =
      a.mantissa > b.mantissa ? a.mantissa - b.mantissa : b.mantissa - a.mantissa;
  return round_pack(format, sign, difference, a.exponent, false, rounding, flags);
}

// A two's complement fixed-point number wide enough for any three terms of the formats up to f32.
class WideSum {
 public:
  void add(const Term& term) {
    const int position = term.exponent + lowest;
    int word = position / 64;
    const int bit = position % 64;
    std::array<uint64_t, words> value{};
    for (int piece = 0; piece < 3 && word < words; piece++, word++) {
      const int shift = 64 * piece - bit;  // bits of the mantissa below this word
      value[word] = static_cast<uint64_t>(shift >= 128 ? 0
                                          : shift >= 0 ? term.mantissa >> shift
                                                       : term.mantissa << -shift);
    }
    bool carry = term.sign;
    for (int i = 0; i < words; i++) {
      const u128 sum = u128{sum_[i]} + (term.sign ? ~value[i] : value[i]) + (carry ? 1 : 0);
      sum_[i] = static_cast<uint64_t>(sum);
      carry = (sum >> 64) != 0;
    }
  }

  uint64_t round(Format format, Rounding rounding, uint8_t& flags) {
    const bool sign = sum_[words - 1] >> 63;
    if (sign) negate();
    int top = words - 1;
    while (top > 0 && !sum_[top]) top--;
    if (!sum_[top]) return pack_zero(format, sign_of_zero_sum(false, rounding));
    const u128 mantissa = (u128{sum_[top]} << 64) | (top ? sum_[top - 1] : 0);
    bool sticky = false;
    for (int i = 0; i < top - 1; i++) sticky |= sum_[i] != 0;
    return round_pack(format, sign, mantissa, 64 * (top - 1) - lowest, sticky, rounding, flags);
  }

 private:
  void negate() {
    bool carry = true;
    for (uint64_t& word : sum_) {
      word = ~word + (carry ? 1 : 0);
      carry = carry && word == 0;
    }
  }
  static constexpr int lowest = 320;  // bit 0 weighs 2^-320
  static constexpr int words = 10;
  std::array<uint64_t, words> sum_{};
};

uint64_t add_three(Format format, const std::array<Term, 3>& terms, Rounding rounding,
                   uint8_t& flags) {
  int low = 1 << 20;
  int high = -(1 << 20);
  bool all_negative = true;
  for (const Term& t : terms) {
    all_negative = all_negative && t.sign;
    if (t.mantissa == 0) continue;
    low = std::min(low, t.exponent);
    high = std::max(high, t.exponent + top_bit(t.mantissa));
  }
  if (high < low)
    return pack_zero(format, all_negative || (rounding == Rounding::down &&
                                              (terms[0].sign || terms[1].sign || terms[2].sign)));
  if (high - low > 120) {
    WideSum sum;
    for (const Term& t : terms)
      if (t.mantissa) sum.add(t);
    return sum.round(format, rounding, flags);
  }
  __int128 sum = 0;
  for (const Term& t : terms) {
    if (!t.mantissa) continue;
    const auto value = static_cast<__int128>(t.mantissa << (t.exponent - low));
    sum += t.sign ? -value : value;
  }
  if (sum == 0) return pack_zero(format, sign_of_zero_sum(false, rounding));
  const auto magnitude = static_cast<u128>(sum < 0 ? -sum : sum);
  return round_pack(format, sum < 0, magnitude, low, false, rounding, flags);
}

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

const FormatInfo& info(Format format) {
  return formats[static_cast<size_t>(format)];
}

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
