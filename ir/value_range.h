// What numbers an integer expression can take, told from its types and clamps: an i8 that was read
// lies in -128..127, a difference of two in -255..255. Rewrites ask here whether a clamp or a
// conversion changes anything, and whether a sum can overflow.
#pragma once

#include <optional>

#include "ir/affine.h"
#include "ir/expr.h"

namespace mlfc {

/// Inclusive bounds of an expression of integer dtype; nullopt when 64-bit data are read. Axes are
/// taken from `axes`; arithmetic that may wrap yields the whole range of its dtype.
std::optional<Range> value_range(const Expr& expr, const Ranges& axes = {});

/// True unless the result of this integer operation certainly fits its dtype.
bool may_wrap(const Expr& call, const Ranges& axes = {});
/// True when some integer operation in the expression is not certain to fit its dtype. Those of 64
/// bits, which indices are made of, do not count.
bool any_may_wrap(const Expr& expr);

/// Bounds of the integers that an expression of floating dtype is clamped to before it is rounded:
/// round_even(min(max(-100, x), 27)). Nullopt when it is not.
std::optional<Range> rounded_range(const Expr& expr);

/// The whole range of an integer dtype; nullopt for those of 64 bits.
std::optional<Range> dtype_range(DType dtype);

}  // namespace mlfc
