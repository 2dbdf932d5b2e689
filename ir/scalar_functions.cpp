// The table of scalar functions. Adding one is adding a row (and its helper, if C has no spelling).
//
// Integers arrive as 64-bit values and the caller wraps the result to the dtype, so a row states
// only the mathematics. C rows see operands that are atoms or parenthesised.
#include "ir/scalar_functions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/fixed_point.h"
#include "ir/fixed_point_series.h"

namespace mlfc {
namespace {

using Unsigned = uint64_t;

int64_t wrap(Unsigned value) {
  return static_cast<int64_t>(value);
}
Unsigned bits(int64_t value) {
  return static_cast<Unsigned>(value);
}

int64_t truncating_divide(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return wrap(0U - bits(a));
  return a / b;
}
int64_t truncating_remainder(int64_t a, int64_t b) {
  return b == 0 || b == -1 ? 0 : a % b;
}
int64_t floor_divide(int64_t a, int64_t b) {
  const int64_t quotient = truncating_divide(a, b);
  const bool inexact = b != 0 && b != -1 && a % b != 0;
  return inexact && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
int64_t floor_modulo(int64_t a, int64_t b) {
  const int64_t rest = truncating_remainder(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
int64_t integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  Unsigned result = 1;
  for (Unsigned square = bits(base), rest = bits(exponent); rest != 0; rest >>= 1) {
    if ((rest & 1U) != 0) result *= square;
    square *= square;
  }
  return wrap(result);
}

// One meaning on every machine, NaN included, and the one that compiles to a single instruction:
// a NaN in the first operand is handed on, a NaN in the second is ignored.
double real_min(const double* a) {
  return a[1] < a[0] ? a[1] : a[0];
}
double real_max(const double* a) {
  return a[0] < a[1] ? a[1] : a[0];
}

// The sign of the divisor, as Python has it.
double real_floor_mod(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// Helpers are written once per element type that uses them: {T} is the C type, {S} its suffix, {F}
// the suffix of libm's functions for it.
constexpr std::string_view kMin =
    "static inline {T} mlfc_min_{S}({T} a, {T} b) { return b < a ? b : a; }\n";
constexpr std::string_view kMax =
    "static inline {T} mlfc_max_{S}({T} a, {T} b) { return a < b ? b : a; }\n";
constexpr std::string_view kAbs =
    "static inline {T} mlfc_abs_{S}({T} a) { return ({T})(a < 0 ? -a : a); }\n";
constexpr std::string_view kFloorDiv =
    "static inline {T} mlfc_floor_div_{S}({T} a, {T} b) {\n"
    "  return ({T})(a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0));\n"
    "}\n";
constexpr std::string_view kFloorMod =
    "static inline {T} mlfc_floor_mod_{S}({T} a, {T} b) {\n"
    "  const {T} r = {REM};\n"
    "  return r != 0 && (r < 0) != (b < 0) ? ({T})(r + b) : r;\n"
    "}\n";

#define REAL(expression) [](const double* a) -> double { return expression; }
#define INTEGER(expression) [](const int64_t* a) -> int64_t { return expression; }

std::vector<ScalarFunction> own_rows() {
  return {
      // Arithmetic.
      {.name = "add",
       .infix = "+",
       .precedence = 6,
       .arity = 2,
       .real = REAL(a[0] + a[1]),
       .integer = INTEGER(wrap(bits(a[0]) + bits(a[1]))),
       .c_float = "{0} + {1}",
       .c_double = "{0} + {1}",
       .c_integer = "{0} + {1}"},
      {.name = "sub",
       .infix = "-",
       .precedence = 6,
       .arity = 2,
       .real = REAL(a[0] - a[1]),
       .integer = INTEGER(wrap(bits(a[0]) - bits(a[1]))),
       .c_float = "{0} - {1}",
       .c_double = "{0} - {1}",
       .c_integer = "{0} - {1}"},
      {.name = "mul",
       .infix = "*",
       .precedence = 7,
       .arity = 2,
       .real = REAL(a[0] * a[1]),
       .integer = INTEGER(wrap(bits(a[0]) * bits(a[1]))),
       .c_float = "{0} * {1}",
       .c_double = "{0} * {1}",
       .c_integer = "{0} * {1}"},
      {.name = "div",
       .infix = "/",
       .precedence = 7,
       .arity = 2,
       .real = REAL(a[0] / a[1]),
       .integer = INTEGER(truncating_divide(a[0], a[1])),
       .unsigned_integer = INTEGER(a[1] == 0 ? 0 : wrap(bits(a[0]) / bits(a[1]))),
       .c_float = "{0} / {1}",
       .c_double = "{0} / {1}",
       .c_integer = "{0} / {1}"},
      {.name = "rem",
       .arity = 2,
       .real = REAL(std::fmod(a[0], a[1])),
       .integer = INTEGER(truncating_remainder(a[0], a[1])),
       .unsigned_integer = INTEGER(a[1] == 0 ? 0 : wrap(bits(a[0]) % bits(a[1]))),
       .c_float = "fmodf({0}, {1})",
       .c_double = "fmod({0}, {1})",
       .c_integer = "{0} % {1}"},
      {.name = "floor_div",
       .infix = "//",
       .precedence = 7,
       .arity = 2,
       .real = REAL(std::floor(a[0] / a[1])),
       .integer = INTEGER(floor_divide(a[0], a[1])),
       .unsigned_integer = INTEGER(a[1] == 0 ? 0 : wrap(bits(a[0]) / bits(a[1]))),
       .c_float = "floorf({0} / {1})",
       .c_double = "floor({0} / {1})",
       .c_integer = "mlfc_floor_div_{S}({0}, {1})",
       .c_helper = kFloorDiv},
      {.name = "floor_mod",
       .infix = "%",
       .precedence = 7,
       .arity = 2,
       .real = REAL(real_floor_mod(a[0], a[1])),
       .integer = INTEGER(floor_modulo(a[0], a[1])),
       .unsigned_integer = INTEGER(a[1] == 0 ? 0 : wrap(bits(a[0]) % bits(a[1]))),
       .c_float = "mlfc_floor_mod_{S}({0}, {1})",
       .c_double = "mlfc_floor_mod_{S}({0}, {1})",
       .c_integer = "mlfc_floor_mod_{S}({0}, {1})",
       .c_helper = kFloorMod},
      {.name = "neg",
       .infix = "-",
       .precedence = 8,
       .arity = 1,
       .real = REAL(-a[0]),
       .integer = INTEGER(wrap(0U - bits(a[0]))),
       .c_float = "-{0}",
       .c_double = "-{0}",
       .c_integer = "-{0}"},
      {.name = "abs",
       .arity = 1,
       .real = REAL(std::fabs(a[0])),
       .integer = INTEGER(a[0] < 0 ? wrap(0U - bits(a[0])) : a[0]),
       .unsigned_integer = INTEGER(a[0]),
       .c_float = "fabsf({0})",
       .c_double = "fabs({0})",
       .c_integer = "mlfc_abs_{S}({0})",
       .c_helper = kAbs},
      {.name = "min",
       .arity = 2,
       .real = real_min,
       .integer = INTEGER(std::min(a[0], a[1])),
       .unsigned_integer = INTEGER(wrap(std::min(bits(a[0]), bits(a[1])))),
       .c_float = "mlfc_min_{S}({0}, {1})",
       .c_double = "mlfc_min_{S}({0}, {1})",
       .c_integer = "mlfc_min_{S}({0}, {1})",
       .c_helper = kMin},
      {.name = "max",
       .arity = 2,
       .real = real_max,
       .integer = INTEGER(std::max(a[0], a[1])),
       .unsigned_integer = INTEGER(wrap(std::max(bits(a[0]), bits(a[1])))),
       .c_float = "mlfc_max_{S}({0}, {1})",
       .c_double = "mlfc_max_{S}({0}, {1})",
       .c_integer = "mlfc_max_{S}({0}, {1})",
       .c_helper = kMax},
      {.name = "pow",
       .arity = 2,
       .real = REAL(std::pow(a[0], a[1])),
       .integer = INTEGER(integer_power(a[0], a[1])),
       .c_float = "powf({0}, {1})",
       .c_double = "pow({0}, {1})",
       .c_integer = "({T})mlfc_ipow({0}, {1})",
       .c_helper = "static inline int64_t mlfc_ipow(int64_t base, int64_t exponent) {\n"
                   "  uint64_t result = 1, square = (uint64_t)base;\n"
                   "  if (exponent < 0) {\n"
                   "    return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;\n"
                   "  }\n"
                   "  for (uint64_t rest = (uint64_t)exponent; rest != 0; rest >>= 1) {\n"
                   "    if ((rest & 1u) != 0) result *= square;\n"
                   "    square *= square;\n"
                   "  }\n"
                   "  return (int64_t)result;\n"
                   "}\n",
       .is_library = true},
      // Elementary functions.
      {.name = "exp",
       .arity = 1,
       .real = REAL(std::exp(a[0])),
       .c_float = "expf({0})",
       .c_double = "exp({0})",
       .is_library = true},
      {.name = "log",
       .arity = 1,
       .real = REAL(std::log(a[0])),
       .c_float = "logf({0})",
       .c_double = "log({0})",
       .is_library = true},
      {.name = "log1p",
       .arity = 1,
       .real = REAL(std::log1p(a[0])),
       .c_float = "log1pf({0})",
       .c_double = "log1p({0})",
       .is_library = true},
      {.name = "expm1",
       .arity = 1,
       .real = REAL(std::expm1(a[0])),
       .c_float = "expm1f({0})",
       .c_double = "expm1({0})",
       .is_library = true},
      {.name = "sqrt",
       .arity = 1,
       .real = REAL(std::sqrt(a[0])),
       .c_float = "sqrtf({0})",
       .c_double = "sqrt({0})"},
      {.name = "erf",
       .arity = 1,
       .real = REAL(std::erf(a[0])),
       .c_float = "erff({0})",
       .c_double = "erf({0})",
       .is_library = true},
      {.name = "tanh",
       .arity = 1,
       .real = REAL(std::tanh(a[0])),
       .c_float = "tanhf({0})",
       .c_double = "tanh({0})",
       .is_library = true},
      {.name = "sin",
       .arity = 1,
       .real = REAL(std::sin(a[0])),
       .c_float = "sinf({0})",
       .c_double = "sin({0})",
       .is_library = true},
      {.name = "cos",
       .arity = 1,
       .real = REAL(std::cos(a[0])),
       .c_float = "cosf({0})",
       .c_double = "cos({0})",
       .is_library = true},
      {.name = "tan",
       .arity = 1,
       .real = REAL(std::tan(a[0])),
       .c_float = "tanf({0})",
       .c_double = "tan({0})",
       .is_library = true},
      {.name = "asin",
       .arity = 1,
       .real = REAL(std::asin(a[0])),
       .c_float = "asinf({0})",
       .c_double = "asin({0})",
       .is_library = true},
      {.name = "acos",
       .arity = 1,
       .real = REAL(std::acos(a[0])),
       .c_float = "acosf({0})",
       .c_double = "acos({0})",
       .is_library = true},
      {.name = "atan",
       .arity = 1,
       .real = REAL(std::atan(a[0])),
       .c_float = "atanf({0})",
       .c_double = "atan({0})",
       .is_library = true},
      {.name = "sinh",
       .arity = 1,
       .real = REAL(std::sinh(a[0])),
       .c_float = "sinhf({0})",
       .c_double = "sinh({0})",
       .is_library = true},
      {.name = "cosh",
       .arity = 1,
       .real = REAL(std::cosh(a[0])),
       .c_float = "coshf({0})",
       .c_double = "cosh({0})",
       .is_library = true},
      {.name = "asinh",
       .arity = 1,
       .real = REAL(std::asinh(a[0])),
       .c_float = "asinhf({0})",
       .c_double = "asinh({0})",
       .is_library = true},
      {.name = "acosh",
       .arity = 1,
       .real = REAL(std::acosh(a[0])),
       .c_float = "acoshf({0})",
       .c_double = "acosh({0})",
       .is_library = true},
      {.name = "atanh",
       .arity = 1,
       .real = REAL(std::atanh(a[0])),
       .c_float = "atanhf({0})",
       .c_double = "atanh({0})",
       .is_library = true},
      // Rounding.
      {.name = "floor",
       .arity = 1,
       .real = REAL(std::floor(a[0])),
       .integer = INTEGER(a[0]),
       .c_float = "floorf({0})",
       .c_double = "floor({0})",
       .c_integer = "{0}"},
      {.name = "ceil",
       .arity = 1,
       .real = REAL(std::ceil(a[0])),
       .integer = INTEGER(a[0]),
       .c_float = "ceilf({0})",
       .c_double = "ceil({0})",
       .c_integer = "{0}"},
      {.name = "trunc",
       .arity = 1,
       .real = REAL(std::trunc(a[0])),
       .integer = INTEGER(a[0]),
       .c_float = "truncf({0})",
       .c_double = "trunc({0})",
       .c_integer = "{0}"},
      {.name = "round_even",
       .arity = 1,
       .real = REAL(std::nearbyint(a[0])),
       .integer = INTEGER(a[0]),
       .c_float = "rintf({0})",
       .c_double = "rint({0})",
       .c_integer = "{0}"},
      // Comparisons and tests: boolean results.
      {.name = "less",
       .infix = "<",
       .precedence = 4,
       .arity = 2,
       .result = ResultRule::boolean,
       .real = REAL(a[0] < a[1]),
       .integer = INTEGER(a[0] < a[1]),
       .unsigned_integer = INTEGER(bits(a[0]) < bits(a[1])),
       .c_float = "{0} < {1}",
       .c_double = "{0} < {1}",
       .c_integer = "{0} < {1}"},
      {.name = "less_equal",
       .infix = "<=",
       .precedence = 4,
       .arity = 2,
       .result = ResultRule::boolean,
       .real = REAL(a[0] <= a[1]),
       .integer = INTEGER(a[0] <= a[1]),
       .unsigned_integer = INTEGER(bits(a[0]) <= bits(a[1])),
       .c_float = "{0} <= {1}",
       .c_double = "{0} <= {1}",
       .c_integer = "{0} <= {1}"},
      {.name = "equal",
       .infix = "==",
       .precedence = 3,
       .arity = 2,
       .result = ResultRule::boolean,
       .real = REAL(a[0] == a[1]),
       .integer = INTEGER(a[0] == a[1]),
       .c_float = "{0} == {1}",
       .c_double = "{0} == {1}",
       .c_integer = "{0} == {1}"},
      {.name = "not_equal",
       .infix = "!=",
       .precedence = 3,
       .arity = 2,
       .result = ResultRule::boolean,
       .real = REAL(a[0] != a[1]),
       .integer = INTEGER(a[0] != a[1]),
       .c_float = "{0} != {1}",
       .c_double = "{0} != {1}",
       .c_integer = "{0} != {1}"},
      {.name = "is_nan",
       .arity = 1,
       .result = ResultRule::boolean,
       .real = REAL(std::isnan(a[0])),
       .integer = INTEGER((void(a), 0)),
       .c_float = "(isnan({0}) != 0)",
       .c_double = "(isnan({0}) != 0)",
       .c_integer = "0"},
      {.name = "is_inf",
       .arity = 1,
       .result = ResultRule::boolean,
       .real = REAL(std::isinf(a[0])),
       .integer = INTEGER((void(a), 0)),
       .c_float = "(isinf({0}) != 0)",
       .c_double = "(isinf({0}) != 0)",
       .c_integer = "0"},
      {.name = "and",
       .infix = "&&",
       .precedence = 2,
       .arity = 2,
       .result = ResultRule::boolean,
       .integer = INTEGER(a[0] != 0 && a[1] != 0),
       .c_integer = "{0} && {1}"},
      {.name = "or",
       .infix = "||",
       .precedence = 1,
       .arity = 2,
       .result = ResultRule::boolean,
       .integer = INTEGER(a[0] != 0 || a[1] != 0),
       .c_integer = "{0} || {1}"},
      {.name = "xor",
       .arity = 2,
       .result = ResultRule::boolean,
       .integer = INTEGER((a[0] != 0) != (a[1] != 0)),
       .c_integer = "{0} != {1}"},
      {.name = "not",
       .infix = "!",
       .precedence = 8,
       .arity = 1,
       .result = ResultRule::boolean,
       .integer = INTEGER(a[0] == 0),
       .c_integer = "!{0}"},
      {.name = "select",
       .arity = 3,
       .condition_first = true,
       .real = REAL(a[0] != 0 ? a[1] : a[2]),
       .integer = INTEGER(a[0] != 0 ? a[1] : a[2]),
       .c_float = "({0} ? {1} : {2})",
       .c_double = "({0} ? {1} : {2})",
       .c_integer = "({0} ? {1} : {2})"},
      // Bits.
      {.name = "bit_and", .arity = 2, .integer = INTEGER(a[0] & a[1]), .c_integer = "{0} & {1}"},
      {.name = "bit_or", .arity = 2, .integer = INTEGER(a[0] | a[1]), .c_integer = "{0} | {1}"},
      {.name = "bit_xor", .arity = 2, .integer = INTEGER(a[0] ^ a[1]), .c_integer = "{0} ^ {1}"},
      {.name = "bit_not", .arity = 1, .integer = INTEGER(~a[0]), .c_integer = "~{0}"},
      {.name = "shift_left",
       .arity = 2,
       .integer = INTEGER(a[1] < 0 || a[1] > 63 ? 0 : wrap(bits(a[0]) << a[1])),
       .c_integer = "{0} << {1}"},
      {.name = "shift_right",
       .arity = 2,
       .integer = INTEGER(a[0] >> std::clamp<int64_t>(a[1], 0, 63)),
       .unsigned_integer = INTEGER(a[1] < 0 || a[1] > 63 ? 0 : wrap(bits(a[0]) >> a[1])),
       .c_integer = "{0} >> {1}"},
  };
}

#undef REAL
#undef INTEGER

const std::vector<ScalarFunction>& table() {
  static const std::vector<ScalarFunction> rows = [] {
    std::vector<ScalarFunction> all = own_rows();
    for (const ScalarFunction& row : fixed_point_functions()) all.push_back(row);
    for (const ScalarFunction& row : fixed_point_series()) all.push_back(row);
    return all;
  }();
  return rows;
}

}  // namespace

const std::vector<ScalarFunction>& scalar_functions() {
  return table();
}

const ScalarFunction* find_scalar_function(std::string_view name) {
  for (const ScalarFunction& row : table()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const ScalarFunction* find_infix(std::string_view spelling) {
  for (const ScalarFunction& row : table()) {
    if (!spelling.empty() && row.arity == 2 && row.infix == spelling) return &row;
  }
  return nullptr;
}

}  // namespace mlfc
