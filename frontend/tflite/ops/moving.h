// What rules that only move elements share. They serve plain and quantised numbers alike, because
// operands and results have one scale.
#pragma once

#include "frontend/tflite/rule.h"

namespace mlfc {

/// Fails unless the result has the scale and zero point of input `index`.
void check_same_scale(const TfliteNode& node, int index, int output = 0);
/// What stands for the real 0 in the result: its zero point.
Value& real_zero(TfliteNode& node, int output = 0);
/// `axis`, negative ones counted from the end; fails outside the rank.
int64_t axis_in(const TfliteNode& node, int64_t axis, int rank);
/// The only number of a constant input.
int64_t constant_integer(TfliteNode& node, int index);
/// Elements [start, end) with a step along one axis; a negative step walks backwards from start.
Value& sliced(TfliteNode& node, Value& x, int64_t axis, int64_t start, int64_t end,
              int64_t step = 1);

}  // namespace mlfc
