// Fixed-point arithmetic against exact rational numbers, at the corners where roundings differ.
//
// The reference knows fractions and three ways to round them and nothing of shifts or nudges.
#include "ir/fixed_point.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "ir/fixed_point_series.h"
#include "tests/unit/random_kernel.h"

namespace mlfc {
namespace {

// Wide enough for every product below.
__extension__ using Wide = __int128;

enum class Halves { up, away_from_zero };

/// The integer nearest to numerator / 2^bits.
Wide nearest(Wide numerator, int bits, Halves halves) {
  const Wide denominator = Wide{1} << bits;
  Wide floor = numerator / denominator;
  if (floor * denominator > numerator) --floor;
  const Wide rest = numerator - floor * denominator;
  if (2 * rest < denominator) return floor;
  if (2 * rest > denominator) return floor + 1;
  return halves == Halves::up || numerator >= 0 ? floor + 1 : floor;
}

int32_t twice_rounded(int32_t sum, int32_t multiplier, int shift,
                      Halves halves = Halves::away_from_zero) {
  // The left shift keeps 32 bits.
  const Wide modulus = Wide{1} << 32;
  Wide scaled = Wide{sum} * (Wide{1} << (shift > 0 ? shift : 0)) % modulus;
  if (scaled < -(modulus / 2)) scaled += modulus;
  if (scaled >= modulus / 2) scaled -= modulus;
  Wide high = nearest(scaled * multiplier, 31, Halves::up);
  if (high > INT32_MAX) high = INT32_MAX;
  return static_cast<int32_t>(nearest(high, shift < 0 ? -shift : 0, halves));
}

std::vector<ScalarFunction> all_rows() {
  std::vector<ScalarFunction> rows = fixed_point_functions();
  for (const ScalarFunction& row : fixed_point_series()) rows.push_back(row);
  return rows;
}

std::vector<int32_t> corner_sums() {
  std::vector<int32_t> sums = {0, INT32_MAX, INT32_MIN, INT32_MIN + 1};
  for (int bit = 0; bit < 31; ++bit) {
    for (int near = -2; near <= 2; ++near) {
      const auto sum = static_cast<int32_t>((int64_t{1} << bit) + near);
      sums.push_back(sum);
      sums.push_back(-sum);
    }
  }
  return sums;
}

std::vector<int32_t> corner_multipliers() {
  return {0,          1,          1 << 30,        (1 << 30) + 1, 0x60000000, 0x5a827999,
          0x7ffeffff, 0x7fff0000, 0x7fff0000 - 1, INT32_MAX - 1, INT32_MAX};
}

TEST(FixedPoint, RescaleRoundsTheProductAndThenTheDivision) {
  for (const int32_t sum : corner_sums()) {
    for (const int32_t multiplier : corner_multipliers()) {
      for (int shift = -31; shift <= 30; ++shift) {
        ASSERT_EQ(rescale(sum, multiplier, shift), twice_rounded(sum, multiplier, shift))
            << sum << " * " << multiplier << " shift " << shift;
        ASSERT_EQ(rescale_up(sum, multiplier, shift),
                  twice_rounded(sum, multiplier, shift, Halves::up))
            << sum << " * " << multiplier << " shift " << shift;
      }
    }
  }
}

TEST(FixedPoint, RescaleOnceRoundsTheExactProduct) {
  for (const int32_t sum : corner_sums()) {
    for (const int32_t multiplier : corner_multipliers()) {
      for (int shift = -31; shift <= 30; ++shift) {
        const Wide exact = nearest(Wide{sum} * multiplier, 31 - shift, Halves::up);
        if (exact > INT32_MAX || exact < INT32_MIN) continue;
        ASSERT_EQ(rescale_once(sum, multiplier, shift), static_cast<int32_t>(exact))
            << sum << " * " << multiplier << " shift " << shift;
      }
    }
  }
}

TEST(FixedPoint, RescaleWideRoundsTheMultiplierToSixteenBits) {
  Random random(7);
  for (int i = 0; i < 20000; ++i) {
    const auto sum = static_cast<int64_t>(random.bits()) >> (16 + random.below(40));
    const int32_t multiplier = random.one_of(corner_multipliers());
    const int shift = static_cast<int>(random.between(-31, 7));
    Wide reduced = nearest(multiplier, 16, Halves::up);
    if (reduced > 0x7fff) reduced = 0x7fff;
    const Wide exact = nearest(Wide{sum} * reduced, 15 - shift, Halves::up);
    ASSERT_EQ(rescale_wide(sum, multiplier, shift), static_cast<int64_t>(exact))
        << sum << " * " << multiplier << " shift " << shift;
  }
}

TEST(FixedPoint, TheTwoRoundingsDiffer) {
  // 3 * 0.5 is 1.5 less an epsilon: rounded at once it is 1; its first rounding makes it 1.5,
  // then 2.
  EXPECT_EQ(rescale(-3, 1 << 30, 0), -1);
  EXPECT_EQ(rescale(-3, 1 << 30, -1), -1);
  EXPECT_EQ(rescale_once(-3, 1 << 30, -1), -1);
  EXPECT_EQ(rescale(3, INT32_MAX, -1), 2);
  EXPECT_EQ(rescale_once(3, INT32_MAX, -1), 1);
  EXPECT_EQ(rescale(-3, INT32_MAX, -1), -2);
  EXPECT_EQ(rescale_once(-3, INT32_MAX, -1), -1);
}

TEST(FixedPoint, HighProductSaturatesTheOneOverflow) {
  EXPECT_EQ(high_product(INT32_MIN, INT32_MIN), INT32_MAX);
  EXPECT_EQ(high_product(INT32_MIN, INT32_MAX), -INT32_MAX);
  EXPECT_EQ(high_product(1 << 30, 1), 1);
  EXPECT_EQ(high_product(-(1 << 30), 1), 0);
}

TEST(FixedPoint, HalvedRoundsHalvesAwayFromZero) {
  EXPECT_EQ(halved(5, 1), 3);
  EXPECT_EQ(halved(-5, 1), -3);
  EXPECT_EQ(halved(-7, 0), -7);
  EXPECT_EQ(halved(INT32_MIN, 31), -1);
  EXPECT_EQ(halved(INT32_MAX, 31), 1);
}

TEST(FixedPoint, LeadingZerosCounts) {
  EXPECT_EQ(leading_zeros(0), 32);
  EXPECT_EQ(leading_zeros(1), 31);
  EXPECT_EQ(leading_zeros(UINT32_MAX), 0);
}

TEST(FixedPoint, InverseOfOnePlusIsWithinAFewSteps) {
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    const auto a = static_cast<int32_t>(random.bits() >> 33);
    const double exact = 0x1p31 / (1 + a * 0x1p-31);
    ASSERT_NEAR(inverse_of_one_plus(a), std::min(exact, 0x1p31 - 1), 16) << a;
  }
  EXPECT_EQ(inverse_of_one_plus(0), INT32_MAX);
}

TEST(FixedPoint, ExpOfNegativeIsWithinItsPrecision) {
  Random random(4);
  for (int i = 0; i < 20000; ++i) {
    const auto a = static_cast<int32_t>(-(random.bits() >> (33 + random.below(20))));
    for (const int integer_bits : {4, 5}) {
      const double exact = 0x1p31 * std::exp(a * std::ldexp(1.0, integer_bits - 31));
      ASSERT_NEAR(exp_of_negative(a, integer_bits), exact, 0x1p31 * 1e-6) << a;
    }
  }
  EXPECT_EQ(exp_of_negative(0, 5), INT32_MAX);
}

TEST(FixedPoint, InverseSqrtIsWithinItsPrecision) {
  Random random(5);
  for (int i = 0; i < 20000; ++i) {
    const auto value = static_cast<int32_t>(random.bits() >> (33 + random.below(28)));
    const double scale = std::ldexp(static_cast<double>(inverse_sqrt_multiplier(value)),
                                    inverse_sqrt_shift(value) - 31);
    const double exact = 1 / std::sqrt(std::max(value, 1));
    ASSERT_NEAR(scale / exact, 1, 1e-5) << value;
  }
}

TEST(FixedPoint, LogOfSumIsWithinItsPrecision) {
  Random random(6);
  for (int i = 0; i < 20000; ++i) {
    const auto value =
        static_cast<int32_t>((1 << 19) + (random.bits() >> (33 + random.below(28))) / 2);
    ASSERT_NEAR(log_of_sum(value) * 0x1p-26, std::log(value * 0x1p-19), 1e-5) << value;
  }
  EXPECT_EQ(log_of_sum(1 << 19), log_of_sum(-5));
}

TEST(FixedPoint, LeftShiftSaturates) {
  EXPECT_EQ(saturating_left_shift(1 << 29, 1), 1 << 30);
  EXPECT_EQ(saturating_left_shift(1 << 29, 2), INT32_MAX);
  EXPECT_EQ(saturating_left_shift(-(1 << 29) - 1, 2), INT32_MIN);
}

// Nothing may be undefined, whatever a program contains; sanitized builds run this.
TEST(FixedPoint, EveryOperandIsDefined) {
  const std::vector<int64_t> values = {0,  1,   -1,        31,        32,        -31,      -32,
                                       63, -64, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
  for (const ScalarFunction& row : all_rows()) {
    for (const int64_t a : values) {
      for (const int64_t b : values) {
        for (const int64_t c : values) {
          const int64_t args[] = {a, b, c};
          row.integer(args);
        }
      }
    }
  }
}

std::string replaced_all(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// A C program that calls every row on random operands and counts what differs from the C++.
std::string checking_program(const std::string& type, const std::string& suffix, int bits) {
  Random random(bits);
  std::string helpers, calls;
  for (const ScalarFunction& row : all_rows()) {
    if (bits < 64 && row.name == "rescale_wide") continue;
    const std::string helper(row.c_helper);
    if (helpers.find(helper) == std::string::npos) helpers += helper;
    for (int i = 0; i < 400; ++i) {
      std::string call(row.c_integer);
      int64_t args[3] = {0, 0, 0};
      for (int arg = 0; arg < row.arity; ++arg) {
        const int width = arg == 2 ? 5 : static_cast<int>(random.between(2, bits - 1));
        args[arg] = static_cast<int64_t>(random.bits()) >> (64 - width - 1);
        call = replaced_all(call, "{" + std::to_string(arg) + "}",
                            "((" + type + ")INT64_C(" + std::to_string(args[arg]) + "))");
      }
      const std::string expected =
          "(" + type + ")INT64_C(" + std::to_string(row.integer(args)) + ")";
      calls += "  wrong += " + call + " != " + expected + ";\n";
    }
  }
  const std::string text = "#include <stdint.h>\n" + helpers +
                           "int main(void) {\n  int wrong = 0;\n" + calls +
                           "  return wrong != 0;\n}\n";
  return replaced_all(replaced_all(text, "{T}", type), "{S}", suffix);
}

void expect_same_in_c(const std::string& type, const std::string& suffix, int bits) {
  const std::string path = ::testing::TempDir() + "fixed_point_" + suffix;
  std::ofstream(path + ".c") << checking_program(type, suffix, bits);
  const std::string compile =
      "cc -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -fsanitize=undefined "
      "-fno-sanitize-recover=all -o " +
      path + " " + path + ".c";
  ASSERT_EQ(std::system(compile.c_str()), 0) << compile;
  EXPECT_EQ(std::system(path.c_str()), 0) << path << ".c";
}

TEST(FixedPoint, GeneratedCSaysTheSame) {
  expect_same_in_c("int32_t", "i32", 32);
  expect_same_in_c("int64_t", "i64", 64);
}

}  // namespace
}  // namespace mlfc
