// Iterations and series in fixed point. Numbers with n integer bits are in units of 2^(n - 31); a
// product of numbers has the integer bits of both, and gets back to fewer by a saturating shift.
#include "ir/fixed_point_series.h"

#include <algorithm>

#include "ir/fixed_point.h"

namespace mlfc {
namespace {

int32_t wrapped(int64_t value) {
  return static_cast<int32_t>(static_cast<uint32_t>(value));
}

/// Newton-Raphson on value * 4^n in [1/2, 2), with three integer bits, from the guess 1.
int32_t inverse_sqrt_of_normal(int32_t value) {
  constexpr int32_t half_three = (1 << 28) + (1 << 27), half_sqrt_2 = 1518500250;
  const int32_t half_value = halved(value >> 1, 1);
  int32_t x = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = saturating_left_shift(high_product(high_product(x, x), x), 6);
    const int64_t step = int64_t{high_product(half_three, x)} - high_product(half_value, cube);
    x = saturating_left_shift(wrapped(step), 3);
  }
  return high_product(x, half_sqrt_2);
}

struct Normal {
  int32_t value = 0;
  int right_shift = 11;
};
/// The value times a power of four, in [2^27, 2^29), and what that does to the result's shift.
Normal normalised(int32_t value) {
  Normal normal = {value};
  while (normal.value >= 1 << 29) {
    normal.value /= 4;
    ++normal.right_shift;
  }
  while (normal.value < 1 << 27) {
    normal.value *= 4;
    --normal.right_shift;
  }
  return normal;
}

/// `exponent` with six integer bits, and a quarter more or less.
int32_t adjusted_exponent(int exponent, int quarters) {
  constexpr int32_t quarter = 1 << 23;
  const int64_t sum = int64_t{saturating_left_shift(exponent, 25)} + int64_t{quarters} * quarter;
  return static_cast<int32_t>(std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX));
}

}  // namespace

int32_t inverse_sqrt_multiplier(int32_t value) {
  if (value <= 1) return INT32_MAX;
  const Normal normal = normalised(value);
  const int32_t result = inverse_sqrt_of_normal(normal.value);
  return wrapped(int64_t{result} << std::max(-normal.right_shift, 0));
}

int32_t inverse_sqrt_shift(int32_t value) {
  return value <= 1 ? 0 : -std::max(normalised(value).right_shift, 0);
}

// The value is r * 2^e with r near sqrt(sqrt(1/2)), of which there are two candidates; log(r) is a
// quotient of polynomials in q, twice r's distance from there.
int32_t log_of_sum(int32_t value) {
  constexpr int32_t log_2 = 1488522236, centre = 1805811301, sqrt_half = 1518500250;
  constexpr int32_t alpha_n = 117049297, alpha_d = 127690142, alpha_i = 1057819769,
                    alpha_f = 638450708;
  constexpr int integer_bits = 12;
  value = std::max(value, 1 << 19);
  const int zeros = leading_zeros(static_cast<uint32_t>(value));
  const int32_t smaller = high_product(value, sqrt_half);
  const int smaller_zeros = leading_zeros(static_cast<uint32_t>(smaller)) - 1;
  const int32_t r_a =
      saturating_left_shift(high_product(saturating_left_shift(value, zeros - 1), sqrt_half), 1);
  const int32_t r = std::min(r_a, saturating_left_shift(value, smaller_zeros));
  const int32_t exponent = std::max(adjusted_exponent(integer_bits - zeros, 1),
                                    adjusted_exponent(integer_bits - smaller_zeros, -1));

  const auto p = static_cast<int32_t>((int64_t{r} + centre + 1) / 2);
  const int32_t q = wrapped(2 * (int64_t{r} - centre));
  const int32_t square = high_product(q, q);
  const int32_t numerator = high_product(q, r) + high_product(high_product(q, square), alpha_n);
  const int32_t denominator =
      high_product(p, alpha_i + q + high_product(alpha_d, square)) + high_product(alpha_f, q);
  const int32_t log_r = high_product(halved(numerator, 6), inverse_of_one_plus(denominator));
  return saturating_left_shift(high_product(exponent, log_2) + log_r, 1);
}

std::vector<ScalarFunction> fixed_point_series() {
  // What the C functions below share under names of their own; each keeps its own copy, because
  // a program may need one without the other.
  constexpr std::string_view inverse_sqrt =
      "static inline {T} mlfc_inverse_sqrt_{S}({T} value, int wants_shift) {\n"
      "  int32_t normal = (int32_t)value, shift = 11;\n"
      "  int64_t x = 1 << 28, half;\n"
      "  if (normal <= 1) return ({T})(wants_shift ? 0 : INT32_MAX);\n"
      "  for (; normal >= 1 << 29; shift++) normal /= 4;\n"
      "  for (; normal < 1 << 27; shift--) normal *= 4;\n"
      "  if (wants_shift) return ({T})(shift > 0 ? -shift : 0);\n"
      "  half = normal / 2;\n"
      "  half = half / 2 + half % 2;\n"
      "  for (int i = 0; i < 5; i++) {\n"
      "    const int64_t unit = INT64_C(1) << 30;\n"
      "    int64_t cube = (x * x + unit) >> 31;\n"
      "    cube = ((cube * x + unit) >> 31) * 64;\n"
      "    cube = cube > INT32_MAX ? INT32_MAX : cube < INT32_MIN ? INT32_MIN : cube;\n"
      "    x = (((INT64_C(3) << 27) * x + unit) >> 31) - ((half * cube + unit) >> 31);\n"
      "    x = (int64_t)(int32_t)(uint32_t)x * 8;\n"
      "    x = x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : x;\n"
      "  }\n"
      "  x = (x * 1518500250 + (INT64_C(1) << 30)) >> 31;\n"
      "  return ({T})(int32_t)((uint32_t)x << (shift < 0 ? (uint32_t)-shift : 0u));\n"
      "}\n";
  constexpr std::string_view logarithm =
      "static inline int32_t mlfc_log_product_{S}(int32_t a, int32_t b) {\n"
      "  const int64_t high = ((int64_t)a * b + (INT64_C(1) << 30)) >> 31;\n"
      "  return (int32_t)(high > INT32_MAX ? INT32_MAX : high);\n"
      "}\n"
      "static inline int32_t mlfc_log_shift_{S}(int32_t a, int bits) {\n"
      "  const int64_t wide = (int64_t)a * (INT64_C(1) << bits);\n"
      "  return (int32_t)(wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : wide);\n"
      "}\n"
      "static inline int mlfc_log_zeros_{S}(int32_t a) {\n"
      "  int zeros = 32;\n"
      "  for (uint32_t bits = (uint32_t)a; bits != 0; bits >>= 1) zeros--;\n"
      "  return zeros;\n"
      "}\n"
      "static inline {T} mlfc_log_of_sum_{S}({T} sum) {\n"
      "  const int32_t value = (int32_t)sum < 1 << 19 ? 1 << 19 : (int32_t)sum;\n"
      "  const int32_t smaller = mlfc_log_product_{S}(value, 1518500250);\n"
      "  const int zeros = mlfc_log_zeros_{S}(value);\n"
      "  const int smaller_zeros = mlfc_log_zeros_{S}(smaller) - 1;\n"
      "  const int32_t r_a = mlfc_log_shift_{S}(\n"
      "      mlfc_log_product_{S}(mlfc_log_shift_{S}(value, zeros - 1), 1518500250), 1);\n"
      "  const int32_t r_b = mlfc_log_shift_{S}(value, smaller_zeros);\n"
      "  const int32_t r = r_a < r_b ? r_a : r_b;\n"
      "  const int32_t e_a = (12 - zeros) * (1 << 25) + (1 << 23);\n"
      "  const int32_t e_b = (12 - smaller_zeros) * (1 << 25) - (1 << 23);\n"
      "  const int32_t exponent = e_a > e_b ? e_a : e_b;\n"
      "  const int32_t p = (int32_t)(((int64_t)r + 1805811301 + 1) / 2);\n"
      "  const int32_t q = (int32_t)((uint32_t)(r - 1805811301) * 2u);\n"
      "  const int32_t square = mlfc_log_product_{S}(q, q);\n"
      "  const int32_t numerator = mlfc_log_product_{S}(q, r) +\n"
      "      mlfc_log_product_{S}(mlfc_log_product_{S}(q, square), 117049297);\n"
      "  const int32_t denominator =\n"
      "      mlfc_log_product_{S}(p, 1057819769 + q +\n"
      "                                     mlfc_log_product_{S}(127690142, square)) +\n"
      "      mlfc_log_product_{S}(638450708, q);\n"
      "  const int32_t half = (denominator >> 1) + (1 << 30);\n"
      "  const int32_t down = numerator >> 6, rest = numerator & 63;\n"
      "  const int32_t rounded = down + (rest > (numerator < 0 ? 32 : 31) ? 1 : 0);\n"
      "  int32_t x = 1515870810 + mlfc_log_product_{S}(half, -1010580540);\n"
      "  for (int i = 0; i < 3; i++) {\n"
      "    const int32_t error = (1 << 29) - mlfc_log_product_{S}(half, x);\n"
      "    x += mlfc_log_shift_{S}(mlfc_log_product_{S}(x, error), 2);\n"
      "  }\n"
      "  x = mlfc_log_product_{S}(rounded, mlfc_log_shift_{S}(x, 1));\n"
      "  return ({T})mlfc_log_shift_{S}(mlfc_log_product_{S}(exponent, 1488522236) + x, 1);\n"
      "}\n";
#define WORD static_cast<int32_t>(static_cast<uint32_t>(a[0]))
#define INTEGER(expression) [](const int64_t* a) -> int64_t { return expression; }
  return {
      {.name = "inverse_sqrt_multiplier",
       .arity = 1,
       .integer = INTEGER(inverse_sqrt_multiplier(WORD)),
       .c_integer = "mlfc_inverse_sqrt_{S}({0}, 0)",
       .c_helper = inverse_sqrt},
      {.name = "inverse_sqrt_shift",
       .arity = 1,
       .integer = INTEGER(inverse_sqrt_shift(WORD)),
       .c_integer = "mlfc_inverse_sqrt_{S}({0}, 1)",
       .c_helper = inverse_sqrt},
      {.name = "log_of_sum",
       .arity = 1,
       .integer = INTEGER(log_of_sum(WORD)),
       .c_integer = "mlfc_log_of_sum_{S}({0})",
       .c_helper = logarithm},
  };
#undef WORD
#undef INTEGER
}

}  // namespace mlfc
