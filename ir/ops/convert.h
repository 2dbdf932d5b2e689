// Conversions of numbers between element types that are defined for every input.
#pragma once

#include "ir/expr.h"
#include "ir/operator.h"

namespace mlfc {

/// `value` in the type `dtype` is computed in. Reals become integers by truncation and saturate at
/// the ends of the range; integers wrap as in C; anything to boolean asks for not 0.
Expr converted_expr(DType dtype, const Expr& value);

/// The smallest and the largest number of an integer type, as reals.
double lowest_of(DType dtype);
double highest_of(DType dtype);

/// Fails unless attribute `bits` is 0 (all of the type) or leaves some of the 8 of a byte unused.
/// Integers of fewer bits are stored as bytes whose values keep to their range.
void check_bits(const Node& node, DType dtype);

}  // namespace mlfc
