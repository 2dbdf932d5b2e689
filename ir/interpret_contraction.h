// Contractions - sums of products, the bulk of the arithmetic of most models - as matrix products.
// The factors are evaluated into two matrices by the row evaluator, whatever they read and however
// they convert it (padding, strides, zero points, f16), and Eigen multiplies the matrices.
#pragma once

#include <functional>
#include <optional>

#include "ir/kernel.h"
#include "ir/row_evaluator.h"

namespace mlfc {

struct Contraction {
  Expr left = {}, right = {};
  /// Axes only the left factor depends on, only the right one, and both of them.
  std::vector<Axis> rows = {}, columns = {}, batch = {};
  std::vector<Axis> reduce = {};
  DType dtype = DType::none;
};

/// The stage's reduction as a contraction, if it is one, if a matrix product computes it exactly
/// enough (integers: exactly) and if it is large enough to be worth it.
std::optional<Contraction> contraction_of(const Kernel& kernel, const Stage& stage);

/// A row of finished sums: `sums` in the C++ type of the dtype's RowClass, for the points of `row`.
using UseSums = std::function<void(const Row& row, const void* sums)>;
/// Computes the sums (without the reduction's initial value) of all points. `scope` knows all axes;
/// `frame` has a place for each of them.
void run_contraction(const Contraction& contraction, const RowScope& scope, const AxisFrame& frame,
                     const UseSums& use);

/// The axes as a box, by their slots in the scope.
Box box_of(const std::vector<Axis>& axes, const RowScope& scope);

}  // namespace mlfc
