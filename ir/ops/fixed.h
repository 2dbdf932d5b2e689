// Words that operators of fixed-point integers share: widening, rescaling and limiting, and the
// attributes that say how. An integer q stands for the real number scale * (q - zero point); how
// scales become multipliers and shifts is for whoever makes the node to decide.
#pragma once

#include <string>
#include <vector>

#include "ir/kernel_builder.h"
#include "ir/operator.h"

namespace mlfc {

/// i32(x) - zero_point.
Expr distance_from(const Expr& x, int64_t zero_point);
/// `sum` times a scale that attributes PREFIX_multiplier and PREFIX_shift give.
Expr rescaled_by(const Node& node, const Expr& sum, const std::string& prefix);
/// rescale, or rescale_up or rescale_once where attribute `rounding` is "twice_up" or "once"; a sum
/// of dtype i64 is rescaled wide. The result is i32.
Expr rescaled(const Node& node, const Expr& sum, const Expr& multiplier, const Expr& shift);
/// value + zero point, limited to low .. high and the output's range, in the output's dtype.
Expr as_output(const Node& node, const Expr& value);

/// The value between two of a table's 513 entries, which lie 128 steps apart, for a 16-bit number
/// in an i32.
Expr interpolated(const TensorRef& table, const Expr& x);

/// PREFIX_multiplier and PREFIX_shift: the scale 1 unless given.
void add_scale(std::vector<AttributeSpec>& specs, const std::string& prefix);
/// zero_point, low, high, dtype, rounding: what as_output() and rescaled() read.
void add_output(std::vector<AttributeSpec>& specs);

/// The element type attribute `dtype` names; fails unless it is an integer of up to 32 bits.
DType output_dtype(const Node& node);
/// Fails unless multipliers and shifts are ones that rescale() knows.
void check_scale(const Node& node, const std::string& prefix);
void check_rounding(const Node& node);

}  // namespace mlfc
