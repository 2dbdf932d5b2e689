// The parts of exact arithmetic: numbers as integer mantissas times powers of two, sums of such
// terms, and the one place where a result is rounded into a format.
#pragma once

#include <array>

#include "softfloat.h"

namespace snitch {

using u128 = unsigned __int128;

enum class Kind : uint8_t { zero, finite, infinity, nan };

// value = (sign ? -1 : 1) * mantissa * 2^exponent; the mantissa of a finite number is not zero.
struct Number {
  Kind kind = Kind::zero;
  bool sign = false;
  bool signalling = false;
  int exponent = 0;
  uint64_t mantissa = 0;
};

Number unpack(Format format, uint64_t bits);
uint64_t pack_zero(Format format, bool sign);
uint64_t pack_infinity(Format format, bool sign);

// Position of the highest set bit of a value that is not zero.
int top_bit(u128 value);

// Drops `shift` low bits of the value with one rounding; `lost` tells whether it was inexact.
u128 round_shift(u128 value, int shift, bool sticky, Rounding rounding, bool sign, bool& lost);

// Rounds mantissa * 2^exponent (plus something below its last bit if `sticky`) into a format. A
// sticky mantissa must carry more bits than the format keeps, so that the sticky part stays below
// the half.
uint64_t round_pack(Format format, bool sign, u128 mantissa, int exponent, bool sticky,
                    Rounding rounding, uint8_t& flags);

// A term of a sum: an exact integer mantissa (at most 106 bits, zero for a zero) times a power of
// two.
struct Term {
  bool sign = false;
  u128 mantissa = 0;
  int exponent = 0;
};

// Sums with a single rounding.
uint64_t add_terms(Format format, Term a, Term b, Rounding rounding, uint8_t& flags);
uint64_t add_three(Format format, const std::array<Term, 3>& terms, Rounding rounding,
                   uint8_t& flags);

// The fast road for sums that round to nearest even: sums of doubles that are exact, or miss by an
// error that is known. False if the value has to take the exact road: no finite number of a format
// whose products doubles hold (`as_double`), or too far apart, too small or too large.
bool as_double(Format format, uint64_t bits, double& value);
bool sum_of_doubles(double a, double b, double c, uint64_t& result, uint8_t& flags);

}  // namespace snitch
