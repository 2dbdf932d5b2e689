// An expression of reals as a scale times an integer: what dequantized data and their products are.
//
//     f32(i32(x[i]) - 3) * 0.5 * (f32(i32(w[j])) * s[c])   is   0.5 * s[c]  times  (x - 3) * w
#pragma once

#include <optional>

#include "passes/kernel/known_values.h"

namespace mlfc {

struct ScaledForm {
  Expr scale = {};   ///< a known f32; the literal 1 when there is none
  Expr number = {};  ///< i32
};

/// Nullopt when there is no such form, or when the scale would depend on one of `reduced`.
std::optional<ScaledForm> scaled_form(const Expr& expr, const std::vector<Axis>& reduced,
                                      const KnownValues& known);

/// value + constant with constants joined: (i - 3) + 3 is i.
Expr plus_constant(const Expr& value, int64_t constant);

/// A conversion of integers to a type that certainly holds them, without detours:
/// i8(i32(a)) of an i8 is a.
Expr integer_cast(DType dtype, const Expr& value);

/// One step of rewritten(): casts of integers without detours, constants joined, x - -3 as x + 3.
Expr tidied_integers(const Expr& part);

}  // namespace mlfc
