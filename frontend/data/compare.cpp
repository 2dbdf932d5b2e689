// The comparison used by validate and by the pass checker's reports.
#include "frontend/data/compare.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"

namespace mlfc {
namespace {

struct Bounds {
  double rtol = 0;
  double atol = 0;
};

/// Storage in f16 or bf16 rounds every intermediate, and frameworks differ in what they round; four
/// units in the last place of the 11 or 8 bits of significand are allowed.
Bounds bounds_of(DType dtype, const Tolerance& tolerance) {
  Bounds bounds;
  if (dtype == DType::f32 || dtype == DType::f64) bounds = {1e-4, 1e-5};
  if (dtype == DType::f16) bounds = {4e-3, 2e-3};
  if (dtype == DType::bf16) bounds = {3.2e-2, 1.6e-2};
  if (!is_float(dtype)) return bounds;
  return {tolerance.rtol.value_or(bounds.rtol), tolerance.atol.value_or(bounds.atol)};
}

std::string index_text(const Shape& shape, int64_t place) {
  std::vector<int64_t> index;
  for (const int64_t stride : row_major_strides(shape)) {
    index.push_back(place / stride);
    place %= stride;
  }
  return to_text(index);
}

double largest_magnitude(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    const double value = std::abs(tensor.real(i));
    if (std::isfinite(value)) largest = std::max(largest, value);
  }
  return largest;
}

Difference compare_reals(const Tensor& got, const Tensor& want, const Bounds& bounds) {
  Difference difference;
  const double atol = bounds.atol * std::max(1.0, largest_magnitude(want));
  for (int64_t i = 0; i < want.type.elements(); ++i) {
    const double a = got.real(i);
    const double b = want.real(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double error = std::abs(a - b);
    if (std::isfinite(error)) {
      difference.max_absolute = std::max(difference.max_absolute, error);
      if (b != 0) difference.max_relative = std::max(difference.max_relative, error / std::abs(b));
    }
    if (std::isfinite(error) && error <= bounds.rtol * std::abs(b) + atol) continue;
    if (difference.mismatches++ == 0) {
      difference.problem = fmt::format("element {} is {:.9g}, expected {:.9g}",
                                       index_text(want.type.shape, i), a, b);
    }
  }
  return difference;
}

Difference compare_integers(const Tensor& got, const Tensor& want) {
  Difference difference;
  for (int64_t i = 0; i < want.type.elements(); ++i) {
    const int64_t a = got.integer(i);
    const int64_t b = want.integer(i);
    if (a == b) continue;
    const double error = std::abs(static_cast<double>(a) - static_cast<double>(b));
    difference.max_absolute = std::max(difference.max_absolute, error);
    if (difference.mismatches++ == 0) {
      difference.problem =
          fmt::format("element {} is {}, expected {}", index_text(want.type.shape, i), a, b);
    }
  }
  return difference;
}

}  // namespace

Tensor as_recorded_for(DType dtype, const Tensor& recorded) {
  const DType given = recorded.type.dtype;
  if (dtype == DType::bf16 && given == DType::u16) {
    Tensor bits = recorded;
    bits.type.dtype = DType::bf16;
    return bits;
  }
  const bool by_value = is_float(dtype) && (is_integer(given) || given == DType::f64);
  return by_value && given != dtype ? converted(recorded, dtype) : recorded;
}

Difference compare(const Tensor& got, const Tensor& recorded, const Tolerance& tolerance) {
  const Tensor want = as_recorded_for(got.type.dtype, recorded);
  if (got.type.dtype != want.type.dtype || got.type.shape != want.type.shape) {
    Difference difference;
    difference.problem = concat_text("is ", got.type.plain(), ", expected ", want.type.plain());
    difference.mismatches = want.type.elements();
    return difference;
  }
  const bool real = is_float(want.type.dtype);
  Difference difference = real ? compare_reals(got, want, bounds_of(want.type.dtype, tolerance))
                               : compare_integers(got, want);
  if (difference.mismatches > 1) {
    difference.problem +=
        fmt::format(" ({} of {} elements differ)", difference.mismatches, want.type.elements());
  }
  return difference;
}

}  // namespace mlfc
