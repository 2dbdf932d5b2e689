// Fixed-point arithmetic and its rows of the scalar function table. The C++ functions define the
// meaning; the C text says the same for the generated code. Shifts of negative numbers to the right
// are arithmetic in both (C leaves that to the compiler, and all of them agree).
#include "ir/fixed_point.h"

#include <algorithm>

namespace mlfc {
namespace {

int32_t low_word(int64_t value) {
  return static_cast<int32_t>(static_cast<uint32_t>(value));
}
int32_t shifted_left(int32_t value, int bits) {
  return low_word(static_cast<int64_t>(static_cast<uint64_t>(value) << bits));
}
/// Bits to shift by on one side of zero; 0 when `shift` lies on the other.
int bits_of_shift(int64_t shift) {
  return shift > 0 ? static_cast<int>(shift & 31) : 0;
}

}  // namespace

// Halves up is also what gemmlowp's high product does, although it is written there as a division
// that truncates: its nudge for negative products is one less.
int32_t high_product(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return static_cast<int32_t>((int64_t{a} * b + (int64_t{1} << 30)) >> 31);
}

int32_t halved(int32_t a, int bits) {
  const uint32_t mask = (1U << (bits & 31)) - 1;
  const uint32_t rest = static_cast<uint32_t>(a) & mask;
  const uint32_t threshold = (mask >> 1) + (a < 0 ? 1 : 0);
  return (a >> (bits & 31)) + (rest > threshold ? 1 : 0);
}

int32_t rescale(int32_t sum, int32_t multiplier, int shift) {
  const int32_t left = shifted_left(sum, bits_of_shift(shift));
  return halved(high_product(left, multiplier), bits_of_shift(-int64_t{shift}));
}

int32_t rescale_up(int32_t sum, int32_t multiplier, int shift) {
  const int32_t high = high_product(shifted_left(sum, bits_of_shift(shift)), multiplier);
  const int right = bits_of_shift(-int64_t{shift});
  return static_cast<int32_t>((high + ((int64_t{1} << right) >> 1)) >> right);
}

int32_t rescale_once(int32_t sum, int32_t multiplier, int shift) {
  const int right = 31 - bits_of_shift(shift) + bits_of_shift(-int64_t{shift});
  const int64_t half = (int64_t{1} << right) >> 1;
  return low_word((int64_t{sum} * multiplier + half) >> right);
}

int64_t rescale_wide(int64_t sum, int64_t multiplier, int64_t shift) {
  const int64_t reduced = multiplier < 0x7fff0000 ? (multiplier + 0x8000) >> 16 : 0x7fff;
  const int right = std::max(15 - bits_of_shift(shift) + bits_of_shift(-shift), 1);
  const uint64_t product = static_cast<uint64_t>(sum) * static_cast<uint64_t>(reduced);
  return static_cast<int64_t>(product + (uint64_t{1} << (right - 1))) >> right;
}

int32_t saturating_left_shift(int32_t value, int bits) {
  const int64_t wide = int64_t{value} * (int64_t{1} << (bits & 31));
  return static_cast<int32_t>(std::clamp<int64_t>(wide, INT32_MIN, INT32_MAX));
}

// Newton-Raphson on d = (1 + a) / 2 from the line 48/17 - 32/17 d; x has two integer bits.
int32_t inverse_of_one_plus(int32_t a) {
  constexpr int32_t one = 1 << 29, start = 1515870810, slope = -1010580540;
  const int32_t half = (a >> 1) + (1 << 30);
  int32_t x = start + high_product(half, slope);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = one - high_product(half, x);
    x = low_word(int64_t{x} + saturating_left_shift(high_product(x, error), 2));
  }
  return saturating_left_shift(x, 1);
}

namespace {

/// exp(a) for a in [-1/4, 0), in units of 2^-31: a Taylor polynomial around -1/8.
int32_t exp_of_small(int32_t a) {
  constexpr int32_t exp_of_centre = 1895147668, third = 715827883;
  const int32_t x = a + (1 << 28);
  const int32_t x2 = high_product(x, x);
  const int32_t x3 = high_product(x2, x);
  const int32_t x4 = high_product(x2, x2);
  const int32_t higher = halved(high_product(halved(x4, 2) + x3, third) + x2, 1);
  return exp_of_centre + high_product(exp_of_centre, x + higher);
}

}  // namespace

// a is a multiple of -1/4 plus a small rest; each bit of the multiple is a factor exp(-2^e).
int32_t exp_of_negative(int32_t a, int integer_bits) {
  constexpr int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308,
                                 39332535,   720401,     242};
  if (a == 0) return INT32_MAX;
  const int fraction_bits = 31 - integer_bits;
  const int32_t quarter = 1 << (fraction_bits - 2);
  const int32_t rest = (a & (quarter - 1)) - quarter;
  int32_t result = exp_of_small(saturating_left_shift(rest, integer_bits));
  const auto multiple = static_cast<uint32_t>(rest - a);
  for (int exponent = -2; exponent < integer_bits; ++exponent) {
    const bool is_set = (multiple >> (fraction_bits + exponent) & 1U) != 0;
    if (is_set) result = high_product(result, factors[exponent + 2]);
  }
  return result;
}

int leading_zeros(uint32_t value) {
  int zeros = 32;
  for (; value != 0; value >>= 1) --zeros;
  return zeros;
}

namespace {

template <typename Rescale>
void apply(int count, void* result, const void* const* args, Rescale function) {
  auto* out = static_cast<int64_t*>(result);
  const auto* sum = static_cast<const int64_t*>(args[0]);
  const auto* multiplier = static_cast<const int64_t*>(args[1]);
  const auto* shift = static_cast<const int64_t*>(args[2]);
  for (int i = 0; i < count; ++i) out[i] = function(sum[i], multiplier[i], shift[i]);
}

}  // namespace

void rescale_row(int count, void* result, const void* const* args) {
  apply(count, result, args, [](int64_t sum, int64_t multiplier, int64_t shift) {
    return rescale(low_word(sum), low_word(multiplier), low_word(shift));
  });
}
void rescale_up_row(int count, void* result, const void* const* args) {
  apply(count, result, args, [](int64_t sum, int64_t multiplier, int64_t shift) {
    return rescale_up(low_word(sum), low_word(multiplier), low_word(shift));
  });
}
void rescale_once_row(int count, void* result, const void* const* args) {
  apply(count, result, args, [](int64_t sum, int64_t multiplier, int64_t shift) {
    return rescale_once(low_word(sum), low_word(multiplier), low_word(shift));
  });
}
void rescale_wide_row(int count, void* result, const void* const* args) {
  apply(count, result, args, rescale_wide);
}

std::vector<ScalarFunction> fixed_point_functions() {
#define WORD(i) low_word(a[i])
#define INTEGER(expression) [](const int64_t* a) -> int64_t { return expression; }
  return {
      {.name = "high_product",
       .arity = 2,
       .integer = INTEGER(high_product(WORD(0), WORD(1))),
       .c_integer = "mlfc_high_product_{S}({0}, {1})",
       .c_helper = "static inline {T} mlfc_high_product_{S}({T} a, {T} b) {\n"
                   "  const int64_t product = (int64_t)(int32_t)a * (int32_t)b;\n"
                   "  const int64_t half_up = (product + (INT64_C(1) << 30)) >> 31;\n"
                   "  return ({T})(half_up > INT32_MAX ? INT32_MAX : half_up);\n"
                   "}\n"},
      {.name = "halved",
       .arity = 2,
       .integer = INTEGER(halved(WORD(0), WORD(1))),
       .c_integer = "mlfc_halved_{S}({0}, {1})",
       .c_helper = "static inline {T} mlfc_halved_{S}({T} a, {T} bits) {\n"
                   "  const int32_t value = (int32_t)a;\n"
                   "  const uint32_t mask = (1u << ((uint32_t)bits & 31u)) - 1u;\n"
                   "  const uint32_t rest = (uint32_t)value & mask;\n"
                   "  const uint32_t threshold = (mask >> 1) + (value < 0 ? 1u : 0u);\n"
                   "  const int32_t down = value >> ((uint32_t)bits & 31u);\n"
                   "  return ({T})(down + (rest > threshold ? 1 : 0));\n"
                   "}\n"},
      {.name = "rescale",
       .arity = 3,
       .integer = INTEGER(rescale(WORD(0), WORD(1), WORD(2))),
       .c_integer = "mlfc_rescale_{S}({0}, {1}, {2})",
       // The larger half of the second rounding, minus one for negative products, is what sends
       // halves away from zero; 64 bits hold it without overflow.
       .c_helper = "static inline {T} mlfc_rescale_{S}({T} sum, {T} multiplier, {T} shift) {\n"
                   "  const uint32_t bits = (uint32_t)shift;\n"
                   "  const uint32_t left = (int32_t)shift > 0 ? bits & 31u : 0u;\n"
                   "  const uint32_t right = (int32_t)shift > 0 ? 0u : (0u - bits) & 31u;\n"
                   "  const int64_t product = (int64_t)(int32_t)((uint32_t)sum << left) * "
                   "(int32_t)multiplier;\n"
                   "  int64_t high = (product + (INT64_C(1) << 30)) >> 31;\n"
                   "  const int64_t half = (INT64_C(1) << right) >> 1;\n"
                   "  if (high > INT32_MAX) high = INT32_MAX;\n"
                   "  return ({T})((high + half - (high < 0 && right > 0 ? 1 : 0)) >> right);\n"
                   "}\n"},
      {.name = "rescale_up",
       .arity = 3,
       .integer = INTEGER(rescale_up(WORD(0), WORD(1), WORD(2))),
       .c_integer = "mlfc_rescale_up_{S}({0}, {1}, {2})",
       .c_helper = "static inline {T} mlfc_rescale_up_{S}({T} sum, {T} multiplier, {T} shift) {\n"
                   "  const uint32_t bits = (uint32_t)shift;\n"
                   "  const uint32_t left = (int32_t)shift > 0 ? bits & 31u : 0u;\n"
                   "  const uint32_t right = (int32_t)shift > 0 ? 0u : (0u - bits) & 31u;\n"
                   "  const int64_t product = (int64_t)(int32_t)((uint32_t)sum << left) * "
                   "(int32_t)multiplier;\n"
                   "  int64_t high = (product + (INT64_C(1) << 30)) >> 31;\n"
                   "  if (high > INT32_MAX) high = INT32_MAX;\n"
                   "  return ({T})((high + ((INT64_C(1) << right) >> 1)) >> right);\n"
                   "}\n"},
      {.name = "rescale_once",
       .arity = 3,
       .integer = INTEGER(rescale_once(WORD(0), WORD(1), WORD(2))),
       .c_integer = "mlfc_rescale_once_{S}({0}, {1}, {2})",
       .c_helper =
           "static inline {T} mlfc_rescale_once_{S}({T} sum, {T} multiplier, {T} shift) {\n"
           "  const uint32_t bits = (uint32_t)shift;\n"
           "  const uint32_t right =\n"
           "      (int32_t)shift > 0 ? 31u - (bits & 31u) : 31u + ((0u - bits) & 31u);\n"
           "  const int64_t half = (INT64_C(1) << right) >> 1;\n"
           "  return ({T})(int32_t)(((int64_t)(int32_t)sum * (int32_t)multiplier + half) >> "
           "right);\n"
           "}\n"},
      {.name = "rescale_wide",
       .arity = 3,
       .integer = INTEGER(rescale_wide(a[0], a[1], a[2])),
       .c_integer = "({T})mlfc_rescale_wide({0}, {1}, {2})",
       .c_helper =
           "static inline int64_t mlfc_rescale_wide(int64_t sum, int64_t multiplier, int64_t "
           "shift) {\n"
           "  const int64_t reduced =\n"
           "      multiplier < 0x7fff0000 ? (multiplier + 0x8000) >> 16 : 0x7fff;\n"
           "  const uint32_t bits = (uint32_t)shift;\n"
           "  const uint32_t left = shift > 0 ? bits & 31u : 0u;\n"
           "  const uint32_t right = shift > 0 ? (left < 14u ? 15u - left : 1u) : 15u + ((0u - "
           "bits) & 31u);\n"
           "  const uint64_t product = (uint64_t)sum * (uint64_t)reduced;\n"
           "  return (int64_t)(product + (UINT64_C(1) << (right - 1u))) >> right;\n"
           "}\n"},
      {.name = "inverse_of_one_plus",
       .arity = 1,
       .integer = INTEGER(inverse_of_one_plus(WORD(0))),
       .c_integer = "mlfc_inverse_of_one_plus_{S}({0})",
       .c_helper =
           "static inline {T} mlfc_inverse_of_one_plus_{S}({T} a) {\n"
           "  const int64_t half = ((int32_t)a >> 1) + (1 << 30), unit = INT64_C(1) << 30;\n"
           "  int64_t x = 1515870810 + ((half * -1010580540 + unit) >> 31);\n"
           "  for (int i = 0; i < 3; i++) {\n"
           "    const int64_t error = (1 << 29) - ((half * x + unit) >> 31);\n"
           "    const int64_t step = ((x * error + unit) >> 31) * 4;\n"
           "    x += step > INT32_MAX ? INT32_MAX : step < INT32_MIN ? INT32_MIN : step;\n"
           "    x = (int32_t)(uint32_t)x;\n"
           "  }\n"
           "  x *= 2;\n"
           "  return ({T})(x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : x);\n"
           "}\n"},
      {.name = "leading_zeros",
       .arity = 1,
       .integer = INTEGER(leading_zeros(static_cast<uint32_t>(a[0]))),
       .c_integer = "({T})mlfc_leading_zeros((uint32_t){0})",
       .c_helper = "static inline int mlfc_leading_zeros(uint32_t value) {\n"
                   "  int zeros = 32;\n"
                   "  for (; value != 0; value >>= 1) zeros--;\n"
                   "  return zeros;\n"
                   "}\n"},
  };
#undef WORD
#undef INTEGER
}

}  // namespace mlfc
