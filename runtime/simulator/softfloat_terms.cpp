// Exact sums on 128-bit integers where they fit, on a wide fixed-point number where they do not,
// and the rounding of the result.
#include "softfloat_terms.h"

#include <algorithm>

namespace snitch {
namespace {

constexpr std::array<FormatInfo, 7> formats = {{{0, 0, 0, ""},
                                                {5, 2, 8, "b"},
                                                {4, 3, 8, "b"},
                                                {5, 10, 16, "h"},
                                                {8, 7, 16, "h"},
                                                {8, 23, 32, "s"},
                                                {11, 52, 64, "d"}}};

int bias_of(const FormatInfo& f) {
  return (1 << (f.exponent_bits - 1)) - 1;
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

bool sign_of_zero_sum(bool all_negative, Rounding rounding) {
  return all_negative || rounding == Rounding::down;
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

}  // namespace

const FormatInfo& info(Format format) {
  return formats[static_cast<size_t>(format)];
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

}  // namespace snitch
