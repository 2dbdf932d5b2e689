// The expression that turns reals back into integers, in its one normal form:
//
//     i8(i32(round_even(min(max(low, x * m), high))) + zero)
//
// with a single known factor m, and with whatever else only limits the result - a relu, a clip -
// taken into low and high.
#pragma once

#include "passes/kernel/known_values.h"

namespace mlfc {

/// `expr` with every quantizing expression in it in normal form; see the top of the file. The
/// quotient of scales is computed once, in f32.
Expr with_normal_quantization(const Expr& expr, KnownValues& known);

/// The same for reals that come from anywhere: the value stays what it is, NaN included.
Expr with_normal_rounding(const Expr& expr);

}  // namespace mlfc
