// The fast loops over rows against the scalar function table, which defines the functions.
#include "ir/row_functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace mlfc {
namespace {

template <typename T>
std::vector<T> corner_values() {
  if constexpr (std::is_floating_point_v<T>) {
    using Limits = std::numeric_limits<T>;
    return {0,
            T(-0.0),
            1,
            -1,
            T(0.1),
            T(-2.5),
            3,
            1e9,
            Limits::max(),
            Limits::denorm_min(),
            Limits::infinity(),
            -Limits::infinity(),
            Limits::quiet_NaN()};
  } else {
    using Limits = std::numeric_limits<T>;
    return {0, 1, -1, 2, -3, 127, -128, Limits::max(), Limits::min(), Limits::max() - 1};
  }
}

// Bit patterns, so that NaN equals NaN and 0 differs from -0.
template <typename T>
std::string bits_of(T value) {
  if (std::is_floating_point_v<T> && value != value) return "nan";
  const auto* bytes = reinterpret_cast<const unsigned char*>(&value);
  return std::string(bytes, bytes + sizeof value);
}

template <typename T>
void compare_with_table(const ScalarFunction& function, DType dtype) {
  const RowFunction native = native_row_function(function, dtype);
  if (native == nullptr || function.condition_first) return;
  const std::vector<T> corners = corner_values<T>();
  std::vector<T> a, b, c;
  for (const T x : corners) {
    for (const T y : corners) {
      a.push_back(x);
      b.push_back(y);
      c.push_back(corners[a.size() % corners.size()]);
    }
  }
  const int count = static_cast<int>(a.size());
  const void* args[] = {a.data(), b.data(), c.data()};
  const auto run_as = [&](auto kind) {
    using Result = decltype(kind);
    std::vector<Result> fast(a.size()), slow(a.size());
    native(count, fast.data(), args);
    apply_table_row(function, dtype, count, slow.data(), args);
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(bits_of(fast[i]), bits_of(slow[i]))
          << function.name << "(" << a[i] << ", " << b[i] << ") of " << to_text(dtype);
    }
  };
  if (function.result == ResultRule::boolean) {
    run_as(int64_t{});
  } else {
    run_as(T{});
  }
}

TEST(RowFunctions, FastLoopsDoWhatTheTableSays) {
  for (const ScalarFunction& function : scalar_functions()) {
    if (function.real != nullptr) {
      compare_with_table<float>(function, DType::f32);
      compare_with_table<double>(function, DType::f64);
    }
    if (function.integer != nullptr) {
      compare_with_table<int64_t>(function, DType::i64);
      compare_with_table<int64_t>(function, DType::u64);
    }
  }
}

TEST(RowFunctions, SelectTakesEachElementFromOneSide) {
  const int64_t condition[] = {1, 0, 1};
  const float yes[] = {1, 2, 3}, no[] = {-1, -2, -3};
  const void* args[] = {condition, yes, no};
  float result[3];
  native_row_function(*find_scalar_function("select"), DType::f32)(3, result, args);
  EXPECT_EQ(std::vector<float>(result, result + 3), (std::vector<float>{1, -2, 3}));
}

TEST(RowFunctions, ValuesWrapToTheirWidth) {
  int64_t row[] = {127, 128, -129, 256, 300};
  wrap_row(DType::i8, 5, row);
  EXPECT_EQ(std::vector<int64_t>(row, row + 5), (std::vector<int64_t>{127, -128, 127, 0, 44}));
  int64_t unsigned_row[] = {-1, 65536, 65535};
  wrap_row(DType::u16, 3, unsigned_row);
  EXPECT_EQ(std::vector<int64_t>(unsigned_row, unsigned_row + 3),
            (std::vector<int64_t>{65535, 0, 65535}));
  int64_t truths[] = {-7, 0, 2};
  wrap_row(DType::boolean, 3, truths);
  EXPECT_EQ(std::vector<int64_t>(truths, truths + 3), (std::vector<int64_t>{1, 0, 1}));
}

TEST(RowFunctions, ConversionsTruncateSaturateAndRound) {
  const float reals[] = {1.9F, -1.9F, 300, NAN, 1e30F, -1e30F};
  int64_t integers[6];
  convert_row(DType::f32, DType::i32, 6, integers, reals);
  EXPECT_EQ(integers[0], 1);
  EXPECT_EQ(integers[1], -1);
  EXPECT_EQ(integers[3], 0);
  convert_row(DType::f32, DType::i8, 3, integers, reals);
  EXPECT_EQ(integers[2], 44);
  convert_row(DType::f32, DType::boolean, 4, integers, reals);
  EXPECT_EQ(integers[3], 1);  // NaN is not zero

  const int64_t large[] = {16777217, -1};
  float rounded[2];
  convert_row(DType::i64, DType::f32, 2, rounded, large);
  EXPECT_EQ(rounded[0], 16777216.0F);
  convert_row(DType::u64, DType::f32, 2, rounded, large);
  EXPECT_EQ(rounded[1], 18446744073709551616.0F);
  const float fine[] = {1.0004883F};  // half way between two halves
  convert_row(DType::f32, DType::f16, 1, rounded, fine);
  EXPECT_EQ(rounded[0], 1.0F);
}

TEST(RowFunctions, FreeConversionsChangeNothing) {
  const std::vector<DType> dtypes = {DType::boolean, DType::i8,  DType::i16, DType::i32,
                                     DType::i64,     DType::u8,  DType::u16, DType::u32,
                                     DType::u64,     DType::f16, DType::f32, DType::f64};
  for (const DType from : dtypes) {
    for (const DType to : dtypes) {
      if (!converts_for_free(from, to)) continue;
      if (row_class(from) == RowClass::i64) {
        std::vector<int64_t> row = corner_values<int64_t>(), result(row.size());
        wrap_row(from, static_cast<int>(row.size()), row.data());
        convert_row(from, to, static_cast<int>(row.size()), result.data(), row.data());
        EXPECT_EQ(row, result) << to_text(from) << " to " << to_text(to);
      } else {
        EXPECT_EQ(row_class(from), row_class(to));
        EXPECT_GE(bytes_of(to), bytes_of(from));
      }
    }
  }
}

}  // namespace
}  // namespace mlfc
