// The scalar functions of expressions: one table row each says how the text names it, what it
// computes on reals and on integers, and how C spells it. Adding a scalar function is adding a row.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ir/type.h"

namespace mlfc {

/// What dtype a call has, given the dtype its value operands share.
enum class ResultRule : uint8_t {
  same,     ///< as the operands
  boolean,  ///< comparisons and tests
};

struct ScalarFunction {
  std::string_view name = {};
  /// Infix spelling in our text, or empty; and its binding strength (higher binds tighter).
  std::string_view infix = {};
  int precedence = 0;
  int arity = 0;
  ResultRule result = ResultRule::same;
  /// The first operand is a condition (select) and takes no part in unifying dtypes.
  bool condition_first = false;
  /// Meaning on reals and on integers (64-bit; the caller wraps to the dtype); null: not defined.
  /// Unsigned 64-bit operands arrive as their bit pattern; rows that care have `unsigned_integer`.
  double (*real)(const double* args) = nullptr;
  int64_t (*integer)(const int64_t* args) = nullptr;
  int64_t (*unsigned_integer)(const int64_t* args) = nullptr;
  /// C for float, double and integers: {0} {1} {2} are the operands, already in parentheses where
  /// needed; {T} is the C type, {S} our suffix for it (f32, i32). Empty: not defined for that
  /// dtype.
  std::string_view c_float = {};
  std::string_view c_double = {};
  std::string_view c_integer = {};
  /// A helper function the C text needs, emitted once per file and type that uses it; {T} and {S}
  /// as above, {REM} is the remainder of a and b in that type. Empty: none.
  std::string_view c_helper = {};
  /// Of the C library, for reals: the last digit is not the same on every machine.
  bool is_library = false;
};

/// Finds a row by name; null when there is none.
const ScalarFunction* find_scalar_function(std::string_view name);
/// Finds an infix row by its spelling and arity.
const ScalarFunction* find_infix(std::string_view spelling);
const std::vector<ScalarFunction>& scalar_functions();

}  // namespace mlfc
