// Zero points inside kernels: integers that stand for real numbers enter a product as their
// distance from the integer that stands for 0.
#pragma once

#include <vector>

#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {

/// The integer that stands for 0, at one place of a kernel.
struct ZeroPoint {
  Expr value = {};  ///< in its storage dtype: what padding has to be

  /// element - zero point, both widened to `accumulator` first; a zero point known to be 0 leaves
  /// only the element.
  Expr distance(const Expr& element, DType accumulator) const;
};

/// The zero point that input `input` of the node gives at `place`; an absent input means 0. When it
/// is one known number for all elements it becomes a literal, so that passes see the number.
ZeroPoint zero_point(const Node& node, const KernelBuilder& k, int input,
                     const std::vector<Expr>& place);

/// The accumulator's element type: attribute `accumulator`, i32 or i64.
DType accumulator_of(const Node& node);
/// Fails unless the operand is of 8 or 16-bit integers.
void check_narrow_integers(const Node& node, int input);
/// Fails unless every number of the scale in input `input`, where known, is positive and finite.
void check_scale(const Node& node, int input);
/// Fails unless the zero point `input`, where present, has the element type of operand `of`.
void check_zero_point_dtype(const Node& node, int input, int of);

}  // namespace mlfc
