// Arithmetic against references that share no code with it: the host's FPU for f32 and f64 in the
// rounding modes it has, exact integers for everything else.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdlib>
#include <random>

#include "exact.h"
#include "fpu.h"

namespace snitch::test {
namespace {

constexpr int samples = 100000;  // operands of an instruction in all rounding modes together

// The exact reference is slow: SIMULATOR_SAMPLES=100000 asks it as often as the host is asked.
int exact_samples() {
  const char* given = std::getenv("SIMULATOR_SAMPLES");
  return given ? std::max(100, std::atoi(given)) : 10000;
}

struct HostMode {
  Rounding rounding;
  int host;
};
const HostMode host_modes[] = {{Rounding::nearest_even, FE_TONEAREST},
                               {Rounding::to_zero, FE_TOWARDZERO},
                               {Rounding::down, FE_DOWNWARD},
                               {Rounding::up, FE_UPWARD}};
const Rounding all_modes[] = {Rounding::nearest_even, Rounding::to_zero, Rounding::down,
                              Rounding::up, Rounding::nearest_max};

// Random bits, but often with close exponents, few bits, or a special value.
class Operands {
 public:
  explicit Operands(Format format) : format_(format), random_(20240229) {}
  uint64_t next() {
    const FormatInfo& f = info(format_);
    const uint64_t mask = f.width == 64 ? ~uint64_t{0} : (uint64_t{1} << f.width) - 1;
    uint64_t bits = random_() & mask;
    const uint64_t exponent = ((uint64_t{1} << f.exponent_bits) - 1) << f.mantissa_bits;
    const uint64_t one = (uint64_t{1} << (f.exponent_bits - 1)) - 1;
    switch (random_() % 8) {
      case 0:  // near one
        return (bits & ~exponent) | ((one - 4 + random_() % 9) << f.mantissa_bits);
      case 1:  // subnormal
        return bits & ~exponent;
      case 2:  // few mantissa bits
        return bits & ~((uint64_t{1} << (f.mantissa_bits - 1)) - 1);
      case 3: {
        const uint64_t special[] = {0,
                                    1,
                                    exponent,
                                    exponent - 1,
                                    canonical_nan(format_),
                                    exponent | 1,
                                    uint64_t{1} << f.mantissa_bits,
                                    one << f.mantissa_bits};
        return special[random_() % 8] | ((random_() & 1) << (f.width - 1));
      }
      default:
        return bits;
    }
  }

 private:
  Format format_;
  std::mt19937_64 random_;
};

uint8_t host_flags() {
  const int raised = std::fetestexcept(FE_ALL_EXCEPT);
  return static_cast<uint8_t>(
      (raised & FE_INEXACT ? inexact : 0) | (raised & FE_UNDERFLOW ? underflow : 0) |
      (raised & FE_OVERFLOW ? overflow : 0) | (raised & FE_DIVBYZERO ? divide_by_zero : 0) |
      (raised & FE_INVALID ? invalid : 0));
}

template <typename T>
T host_operation(Op op, T x, T y, T z) {
  // Volatile, so that the compiler leaves the arithmetic where the rounding mode is set.
  volatile T a = x, b = y, c = z;
  switch (op) {
    case Op::fadd:
      return a + b;
    case Op::fsub:
      return a - b;
    case Op::fmul:
      return a * b;
    case Op::fdiv:
      return a / b;
    case Op::fsqrt:
      return std::sqrt(a);
    case Op::fmadd:
      return std::fma(a, b, c);
    case Op::fmsub:
      return std::fma(a, b, -c);
    case Op::fnmsub:
      return std::fma(-a, b, c);
    default:
      return std::fma(-a, b, -c);
  }
}

const Op arithmetic[] = {Op::fadd,  Op::fsub,  Op::fmul,   Op::fdiv,  Op::fsqrt,
                         Op::fmadd, Op::fmsub, Op::fnmsub, Op::fnmadd};

template <typename T, typename Bits>
void compare_with_host(Format format) {
  for (const Op op : arithmetic) {
    Operands operands(format);
    for (int n = 0; n < samples; n++) {
      const HostMode& mode = host_modes[n % 4];
      const uint64_t a = operands.next(), b = operands.next(), c = operands.next();
      std::fesetround(mode.host);
      std::feclearexcept(FE_ALL_EXCEPT);
      volatile T value = host_operation<T>(op, std::bit_cast<T>(static_cast<Bits>(a)),
                                           std::bit_cast<T>(static_cast<Bits>(b)),
                                           std::bit_cast<T>(static_cast<Bits>(c)));
      uint8_t flags = host_flags();
      std::fesetround(FE_TONEAREST);
      uint64_t expected = std::bit_cast<Bits>(static_cast<T>(value));
      if (is_nan(format, expected)) expected = canonical_nan(format);
      SoftFloat soft;
      soft.rounding = mode.rounding;
      const uint64_t got = execute_lane(op, format, format, a, b, c, soft);
      ASSERT_EQ(got, expected) << "op " << static_cast<int>(op) << std::hex << " a " << a << " b "
                               << b << " c " << c << " mode " << static_cast<int>(mode.rounding);
      // Whether infinity * 0 + NaN is invalid is left open by IEEE; RISC-V says it is.
      const bool open = op >= Op::fmadd && is_nan(format, c);
      if (!open) {
        ASSERT_EQ(soft.flags, flags) << std::hex << a << " " << b << " " << c;
      }
      // The fast road must say the same where it is taken.
      uint64_t fast = 0;
      uint8_t fast_flags = 0;
      if (mode.rounding != Rounding::nearest_even || op == Op::fdiv || op == Op::fsqrt) continue;
      ASSERT_TRUE(execute_on_host(op, format, a, b, c, fast_flags, fast));
      ASSERT_EQ(fast, expected);
      ASSERT_EQ(fast_flags, soft.flags);
    }
  }
}

TEST(AgainstHost, Single) {
  compare_with_host<float, uint32_t>(Format::f32);
}
TEST(AgainstHost, Double) {
  compare_with_host<double, uint64_t>(Format::f64);
}

TEST(AgainstHost, Conversions) {
  Operands doubles(Format::f64), singles(Format::f32);
  for (int n = 0; n < samples; n++) {
    const HostMode& mode = host_modes[n % 4];
    const uint64_t d = doubles.next(), s = singles.next();
    SoftFloat soft;
    soft.rounding = mode.rounding;
    std::fesetround(mode.host);
    volatile double wide = std::bit_cast<double>(d);
    volatile float narrow = static_cast<float>(wide);
    volatile double exact = std::bit_cast<float>(static_cast<uint32_t>(s));
    std::fesetround(FE_TONEAREST);
    const auto fix = [](Format format, uint64_t bits) {
      return is_nan(format, bits) ? canonical_nan(format) : bits;
    };
    ASSERT_EQ(soft.convert(Format::f64, Format::f32, d),
              fix(Format::f32, std::bit_cast<uint32_t>(static_cast<float>(narrow))));
    ASSERT_EQ(soft.convert(Format::f32, Format::f64, s),
              fix(Format::f64, std::bit_cast<uint64_t>(static_cast<double>(exact))));
  }
}

TEST(AgainstHost, Integers) {
  Operands doubles(Format::f64);
  std::mt19937 random(7);
  for (int n = 0; n < samples; n++) {
    const HostMode& mode = host_modes[n % 4];
    uint64_t bits = doubles.next();
    if (n & 1) bits = std::bit_cast<uint64_t>(std::ldexp(static_cast<double>(random()), -(n % 40)));
    const double d = std::bit_cast<double>(bits);
    std::fesetround(mode.host);
    volatile double whole = std::nearbyint(d);
    std::fesetround(FE_TONEAREST);
    SoftFloat soft;
    soft.rounding = mode.rounding;
    uint32_t expected = 0;
    if (std::isnan(d) || whole > 2147483647.0)
      expected = 0x7fffffff;
    else
      expected =
          whole < -2147483648.0 ? 0x80000000u : static_cast<uint32_t>(static_cast<int64_t>(whole));
    ASSERT_EQ(soft.to_int(Format::f64, bits, true), expected) << d;
    if (std::isnan(d) || whole > 4294967295.0)
      expected = 0xffffffff;
    else
      expected = whole < 0 ? 0 : static_cast<uint32_t>(whole);
    ASSERT_EQ(soft.to_int(Format::f64, bits, false), expected) << d;
    const uint32_t word = random();
    std::fesetround(mode.host);
    volatile float from = static_cast<float>(static_cast<int32_t>(word));
    std::fesetround(FE_TONEAREST);
    ASSERT_EQ(soft.from_int(Format::f32, word, true),
              std::bit_cast<uint32_t>(static_cast<float>(from)));
  }
}

// --- Exact references

class SmallFormats : public testing::TestWithParam<Format> {};

TEST_P(SmallFormats, ArithmeticIsExactlyRounded) {
  const Format format = GetParam();
  for (const Op op : {Op::fadd, Op::fsub, Op::fmul, Op::fmadd, Op::fmsub, Op::fnmsub, Op::fnmadd}) {
    Operands operands(format);
    for (int n = 0; n < exact_samples(); n++) {
      const Rounding rounding = all_modes[n % 5];
      const uint64_t a = operands.next(), b = operands.next(), c = operands.next();
      bool lost = false;
      const uint64_t expected = reference_operation(op, format, a, b, c, rounding, lost);
      SoftFloat soft;
      soft.rounding = rounding;
      ASSERT_EQ(execute_lane(op, format, format, a, b, c, soft), expected)
          << "op " << static_cast<int>(op) << std::hex << " a " << a << " b " << b << " c " << c
          << " mode " << static_cast<int>(rounding);
      ASSERT_EQ((soft.flags & inexact) != 0, lost);
    }
  }
}

TEST_P(SmallFormats, DivisionAndRootAreExactlyRounded) {
  // q is the rounded quotient if a lies on the right side of the half-way points times b.
  const Format format = GetParam();
  Operands operands(format);
  for (int n = 0; n < exact_samples(); n++) {
    const uint64_t a = operands.next(), b = operands.next();
    const Value x = value_of(format, a), y = value_of(format, b);
    if (x.kind != Kind::finite || y.kind != Kind::finite || y.number.is_zero()) continue;
    SoftFloat soft;
    soft.rounding = Rounding::to_zero;
    const Value q = value_of(format, soft.divide(format, a, b));
    ASSERT_LE((q.number * y.number).compare_magnitude(x.number), 0);
    soft.rounding = x.negative != y.negative ? Rounding::down : Rounding::up;
    const Value away = value_of(format, soft.divide(format, a, b));
    if (away.kind == Kind::finite) {
      ASSERT_GE((away.number * y.number).compare_magnitude(x.number), 0);
    }
    if (x.negative) continue;
    soft.rounding = Rounding::to_zero;
    const Value root = value_of(format, soft.square_root(format, a));
    ASSERT_LE((root.number * root.number).compare_magnitude(x.number), 0);
    soft.rounding = Rounding::up;
    const Value above = value_of(format, soft.square_root(format, a));
    ASSERT_GE((above.number * above.number).compare_magnitude(x.number), 0);
  }
}

TEST_P(SmallFormats, ConversionsAreExactlyRounded) {
  const Format format = GetParam();
  for (const Format other :
       {Format::f8, Format::f8alt, Format::f16, Format::bf16, Format::f32, Format::f64}) {
    Operands operands(format);
    for (int n = 0; n < exact_samples(); n++) {
      const Rounding rounding = all_modes[n % 5];
      const uint64_t a = operands.next();
      bool lost = false;
      const Value x = value_of(format, a);
      const uint64_t expected = reference_sum(other, {x}, rounding, lost);
      SoftFloat soft;
      soft.rounding = rounding;
      ASSERT_EQ(soft.convert(format, other, a), expected) << std::hex << a;
      ASSERT_EQ((soft.flags & inexact) != 0, lost);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SmallFormats,
                         testing::Values(Format::f8, Format::f8alt, Format::f16, Format::bf16,
                                         Format::f32));

struct Widening {
  Format source;
  Format result;
};

class DotProducts : public testing::TestWithParam<Widening> {};

TEST_P(DotProducts, RoundOnce) {
  const auto [source, result] = GetParam();
  Operands operands(source), accumulators(result);
  for (int n = 0; n < exact_samples(); n++) {
    const Rounding rounding = all_modes[n % 5];
    const uint64_t a[2] = {operands.next(), operands.next()};
    uint64_t b[2] = {operands.next(), operands.next()};
    uint64_t c = accumulators.next();
    if (n % 3 == 0) b[1] = b[0];
    if (n % 7 == 0) c = 0;
    SoftFloat soft;
    soft.rounding = rounding;
    const uint64_t got = soft.dot2(source, result, a, b, c);
    bool lost = false;
    const uint64_t expected =
        reference_sum(result,
                      {times(value_of(source, a[0]), value_of(source, b[0])),
                       times(value_of(source, a[1]), value_of(source, b[1])), value_of(result, c)},
                      rounding, lost);
    const uint64_t magnitude = (uint64_t{1} << (info(result).width - 1)) - 1;
    if ((expected & magnitude) == 0) {
      ASSERT_EQ(got & magnitude, 0u);  // the sign of an exact zero is checked elsewhere
      continue;
    }
    ASSERT_EQ(got, expected) << std::hex << a[0] << "*" << b[0] << " + " << a[1] << "*" << b[1]
                             << " + " << c << " mode " << static_cast<int>(rounding);
    const bool finite = value_of(result, expected).kind == Kind::finite;
    if (finite) {
      ASSERT_EQ((soft.flags & inexact) != 0, lost) << std::hex << a[0] << " " << b[0] << " " << c;
    }
    const uint64_t sum = soft.sum3(source, result, a[0], a[1], c);
    const uint64_t expected_sum =
        reference_sum(result, {value_of(source, a[0]), value_of(source, a[1]), value_of(result, c)},
                      rounding, lost);
    if (expected_sum & magnitude) {
      ASSERT_EQ(sum, expected_sum);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, DotProducts,
    testing::Values(Widening{Format::f16, Format::f32}, Widening{Format::bf16, Format::f32},
                    Widening{Format::f8, Format::f16}, Widening{Format::f8alt, Format::f16},
                    Widening{Format::f8, Format::bf16}, Widening{Format::f16, Format::f16},
                    Widening{Format::f32, Format::f32}));

// Sums that end on or next to the middle between two results, where a second rounding would show.
TEST(DotProduct, RoundsTiesOnce) {
  std::mt19937 random(11);
  SoftFloat convert;
  const auto half = [&](int value, int exponent) {
    const float scaled = std::ldexp(static_cast<float>(value), exponent);
    return convert.convert(Format::f32, Format::f16, std::bit_cast<uint32_t>(scaled));
  };
  int inexact_sums = 0;
  for (int n = 0; n < exact_samples(); n++) {
    const int down = static_cast<int>(random() % 4) * 6;  // the second product far below the first
    const uint64_t a[2] = {half(static_cast<int>(random() % 511) - 255, 0),
                           half(static_cast<int>(random() % 3) - 1, -down)};
    const uint64_t b[2] = {half(static_cast<int>(random() % 511) - 255, 0), half(1, -down / 2)};
    const float large = std::ldexp(static_cast<float>(random() % (1 << 24)), random() % 4);
    const uint64_t c = std::bit_cast<uint32_t>(random() % 2 ? large : -large);
    bool lost = false;
    const uint64_t expected = reference_sum(
        Format::f32,
        {times(value_of(Format::f16, a[0]), value_of(Format::f16, b[0])),
         times(value_of(Format::f16, a[1]), value_of(Format::f16, b[1])), value_of(Format::f32, c)},
        Rounding::nearest_even, lost);
    SoftFloat soft;
    const uint64_t got = soft.dot2(Format::f16, Format::f32, a, b, c);
    if ((expected << 1 & 0xffffffff) == 0) continue;
    ASSERT_EQ(got, expected) << std::hex << a[0] << " " << a[1] << " " << b[0] << " " << b[1] << " "
                             << c;
    ASSERT_EQ((soft.flags & inexact) != 0, lost);
    inexact_sums += lost;
  }
  EXPECT_GT(inexact_sums, exact_samples() / 10);
}

// Total cancellation down to the smallest product, as measured on the hardware.
TEST(DotProduct, KeepsWhatCancellationReveals) {
  const uint64_t a[2] = {0x7800, 0xf800};  // 2^15, -2^15
  const uint64_t b[2] = {0x7800, 0x7800};
  SoftFloat soft;
  EXPECT_EQ(soft.dot2(Format::f16, Format::f32, a, b, 0x21800000), 0x21800000u);  // 2^-60
  EXPECT_EQ(soft.flags, 0);
}

TEST(SmallFormatValues, HaveTheirLayouts) {
  SoftFloat soft;
  EXPECT_EQ(soft.convert(Format::f8, Format::f32, 0x3c), 0x3f800000u);     // e5m2: 1.0
  EXPECT_EQ(soft.convert(Format::f8alt, Format::f32, 0x38), 0x3f800000u);  // e4m3: 1.0
  EXPECT_EQ(soft.convert(Format::f16, Format::f32, 0x3c00), 0x3f800000u);
  EXPECT_EQ(soft.convert(Format::bf16, Format::f32, 0x3f80), 0x3f800000u);
  EXPECT_EQ(soft.convert(Format::f16, Format::f32, 0x0001), 0x33800000u);  // 2^-24
}

}  // namespace
}  // namespace snitch::test
