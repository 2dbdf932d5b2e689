// Statistics of the elements that one point of a normalization covers: stages that leave the mean
// and the inverse of the spread in scalars of the kernel.
#pragma once

#include <functional>

#include "ir/ops/axes.h"

namespace mlfc {

/// Reads the element under a fresh set of reduced axes of the current stage.
using ElementOf = std::function<Expr(Reducer& reducer)>;

/// Where the scalars are kept: rank-0 locals of the kernel.
struct Moments {
  Expr mean = {};
  Expr inverse = {};  ///< 1 / sqrt(variance + epsilon)
};

/// Two stages: the mean of `count` elements, then the inverse of their standard deviation. The
/// caller goes on with a new stage. `dtype` is what statistics are computed in.
Moments add_moments(KernelBuilder& k, DType dtype, int64_t count, double epsilon,
                    const ElementOf& element);
/// One stage: 1 / sqrt(mean of squares + epsilon).
Expr add_inverse_rms(KernelBuilder& k, DType dtype, int64_t count, double epsilon,
                     const ElementOf& element);

}  // namespace mlfc
