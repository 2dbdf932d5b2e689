// How far computed tensors are from expected ones.
#pragma once

#include <optional>
#include <string>

#include "ir/tensor.h"

namespace mlfc {

/// Recorded data in the type the model uses. Tools record bfloat16 as its bits in 16-bit integers,
/// and reals as whole numbers or as f64; what counts is the value. Anything else stays as it is.
Tensor as_recorded_for(DType dtype, const Tensor& recorded);

/// Absent: the default of the element type. |got - want| <= rtol |want| + atol max(1, max |want|).
struct Tolerance {
  std::optional<double> rtol = {};
  std::optional<double> atol = {};
};

struct Difference {
  double max_absolute = 0;  ///< over all elements that are numbers on both sides
  double max_relative = 0;
  int64_t mismatches = 0;  ///< elements outside the tolerance
  /// What is wrong, with the first element outside the tolerance; empty when all is well.
  std::string problem = {};
};

/// Integers and booleans must be equal; NaN equals NaN.
Difference compare(const Tensor& got, const Tensor& want, const Tolerance& tolerance = {});

}  // namespace mlfc
