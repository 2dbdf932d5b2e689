// Scalar expressions as C99; see the header for the rules.
#include "codegen/c/c_expr.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "codegen/c/c_helpers.h"
#include "codegen/c/c_numbers.h"
#include "ir/error.h"
#include "ir/tensor.h"
#include "ir/value_range.h"

namespace mlfc {
namespace {

constexpr int kAtom = 100;  // binds tighter than any operator

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string float_literal(double value, DType dtype) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(value)) return value < 0 ? "(-INFINITY)" : "INFINITY";
  char buffer[64];
  const bool single = dtype != DType::f64;
  const auto result = single
                          ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value))
                          : std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text(buffer, result.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  if (single) text += 'f';
  return value < 0 || std::signbit(value) ? "(" + text + ")" : text;
}

// The bits of an f16 or bf16, which C knows as uint16_t.
std::string half_literal(double value, DType dtype) {
  Tensor tensor(TensorType{dtype, {}, {}});
  tensor.set_real(0, value);
  uint16_t bits = 0;
  std::memcpy(&bits, tensor.bytes.data(), sizeof bits);
  return fmt::format("0x{:04x}", bits);
}

std::string integer_literal(int64_t value, DType dtype) {
  const bool is_unsigned = info(dtype).kind == DTypeKind::unsigned_integer;
  if (dtype == DType::u64) return fmt::format("UINT64_C({})", static_cast<uint64_t>(value));
  // The lowest values have no literal of their own in C.
  if (value == INT64_MIN) return "(-INT64_C(9223372036854775807) - 1)";
  if (dtype == DType::i64) {
    return value < 0 ? fmt::format("(-INT64_C({}))", -value) : fmt::format("INT64_C({})", value);
  }
  if (value == INT32_MIN) return "(-2147483647 - 1)";
  if (is_unsigned && bytes_of(dtype) == 4) return fmt::format("{}u", value);
  return value < 0 ? fmt::format("({})", value) : std::to_string(value);
}

// Whether C computes this dtype's arithmetic in a wider type, so that results need a cast back.
bool is_narrow(DType dtype) {
  return is_integer(dtype) && bytes_of(dtype) < 4;
}

bool may_overflow(std::string_view function) {
  return function == "add" || function == "sub" || function == "mul" || function == "neg" ||
         function == "shift_left";
}

// i32(round_even(min(max(low, x), high))), what becomes of a sum that is requantized.
struct Rounding {
  Expr value = {};
  int64_t low = 0, high = 0;
};

std::optional<Rounding> rounding_of(const Expr& cast) {
  const auto is_integer_literal = [](const Expr& expr) {
    constexpr double kLimit = 1 << 22;
    return expr->kind == ExprKind::constant && expr->is_real && std::fabs(expr->real) <= kLimit &&
           expr->real == std::nearbyint(expr->real);
  };
  if (cast.dtype() != DType::i32 || !is_call(cast->args[0], "round_even")) return std::nullopt;
  const Expr& least = cast->args[0]->args[0];
  if (least.dtype() != DType::f32 || !is_call(least, "min")) return std::nullopt;
  const Expr& most = least->args[0];
  const bool limited = is_integer_literal(least->args[1]) && is_call(most, "max") &&
                       is_integer_literal(most->args[0]);
  if (!limited) return std::nullopt;
  const Rounding rounding{most->args[1], static_cast<int64_t>(most->args[0]->real),
                          static_cast<int64_t>(least->args[1]->real)};
  return rounding.low <= rounding.high ? std::optional(rounding) : std::nullopt;
}

// (int32_t)x - 128 of an unsigned byte, and the like. Where a machine multiplies unsigned by signed
// bytes, gcc 12 takes such a factor of a sum of products for unsigned; made of unsigned arithmetic
// it is safe.
bool is_centred_byte(const Expr& expr, const Ranges& ranges) {
  const std::string_view name = expr->function->name;
  if (name != "add" && name != "sub") return false;
  const std::optional<Range> before = value_range(expr->args[0], ranges);
  const std::optional<Range> after = value_range(expr, ranges);
  return before && after && before->first >= 0 && after->first < 0 && after->first >= -128 &&
         after->last <= 127;
}

// Arithmetic of axes and literals that cannot leave 32 bits on the way.
bool is_small_index(const Expr& expr, const Ranges& ranges) {
  constexpr int64_t kLimit = INT32_MAX;
  if (expr->kind == ExprKind::axis) return true;
  if (expr->kind == ExprKind::constant) return !expr->is_real;
  const std::optional<Range> range = range_of(expr, ranges);
  return expr->kind == ExprKind::call && range && range->first >= -kLimit &&
         range->last <= kLimit &&
         std::all_of(expr->args.begin(), expr->args.end(),
                     [&](const Expr& arg) { return is_small_index(arg, ranges); });
}

std::string unsigned_type(DType dtype) {
  return bytes_of(dtype) == 8 ? "uint64_t" : "uint32_t";
}

}  // namespace

std::string c_compute_type(DType dtype) {
  if (dtype == DType::boolean) return "int";
  return std::string(info(compute_dtype(dtype)).c_name);
}

std::string CExprPrinter::print(const Expr& expr, int context) const {
  switch (expr->kind) {
    case ExprKind::constant:
      return print_constant(expr);
    case ExprKind::axis:
      return "(int64_t)" + expr->name;
    case ExprKind::local:
      return expr->name;
    case ExprKind::read:
      return print_read(expr);
    case ExprKind::cast:
      return print_cast(expr);
    case ExprKind::call:
      return print_call(expr, context);
  }
  throw InternalError("unknown kind of expression");
}

std::string CExprPrinter::print_constant(const Expr& expr) const {
  const DType dtype = expr.dtype();
  if (!is_float(dtype)) return integer_literal(expr->integer, dtype);
  const double value = expr->is_real ? expr->real : static_cast<double>(expr->integer);
  if (bytes_of(dtype) == 2) return half_literal(value, dtype);
  if (!std::isfinite(value)) needs_.math = true;
  return float_literal(value, dtype);
}

// Elements of f16 and bf16 tensors are values only after conversion; the cast around them asks for
// it (print_cast), so a bare read here is the stored form, and so is a literal.
std::string CExprPrinter::print_read(const Expr& expr) const {
  const std::string text = element(expr->name, expr->args);
  if (expr->otherwise.empty()) return text;
  return fmt::format("({} ? {} : {})", inside_test(expr), text, print(expr->otherwise, 0));
}

std::string CExprPrinter::inside_test(const Expr& read) const {
  const TensorType& type = scope_.tensors.at(read->name);
  std::string test;
  const auto add = [&](const std::string& condition) {
    test += (test.empty() ? "" : " && ") + condition;
  };
  for (size_t dim = 0; dim < read->args.size(); ++dim) {
    const Expr index_expr = simplified_index(read->args[dim], scope_.ranges);
    const std::optional<Range> range = range_of(index_expr, scope_.ranges);
    const int64_t extent = type.shape[dim];
    const std::string text = print_index(index_expr, 0);
    if (!range || range->first < 0) add(fmt::format("{} >= 0", text));
    if (!range || range->last >= extent) add(fmt::format("{} < {}", text, extent));
  }
  return test.empty() ? "1" : test;
}

std::string CExprPrinter::print_cast(const Expr& expr) const {
  const Expr& operand = expr->args[0];
  const DType from = operand.dtype(), to = expr.dtype();
  const bool counts = from == DType::i64 && operand->kind != ExprKind::constant &&
                      (affine_of(operand) || is_small_index(operand, scope_.ranges));
  if (operand->kind == ExprKind::axis || counts) {
    return fmt::format("({})({})", c_compute_type(to), index(operand));
  }
  needs_.rounds |= is_float(from) && is_integer(to);
  if (const auto rounding = rounding_of(expr)) {
    const bool is_number = is_certainly_a_number(rounding->value, scope_.numbers);
    const CConversion conversion = is_number ? nearest() : nearest_or_low();
    needs_.helpers[nearest().helper_name] = nearest().helper_text;
    needs_.helpers[conversion.helper_name] = conversion.helper_text;
    return fmt::format("{}({}, {}, {})", conversion.helper_name, print(rounding->value, 0),
                       rounding->low, rounding->high);
  }
  const std::string text = print(operand, kAtom);
  const CConversion conversion = conversion_between(from, to);
  if (!conversion.helper_name.empty()) {
    needs_.helpers[conversion.helper_name] = conversion.helper_text;
    needs_.math |= conversion.needs_math;
    return fmt::format("{}({})", conversion.helper_name, print(operand, 0));
  }
  if (to == DType::boolean) return fmt::format("({} != 0)", text);
  return fmt::format("({}){}", info(to).c_name, text);
}

std::string CExprPrinter::helper(const ScalarFunction& function, DType dtype) const {
  const std::string suffix = to_text(dtype), type = std::string(info(dtype).c_name);
  const std::string remainder = !is_float(dtype)      ? "({T})(a % b)"
                                : dtype == DType::f64 ? "fmod(a, b)"
                                                      : "fmodf(a, b)";
  std::string text = replaced(std::string(function.c_helper), "{REM}", remainder);
  text = replaced(replaced(text, "{T}", type), "{S}", suffix);
  return text;
}

// C does not define shifts by as many bits as there are, or more; here they leave 0.
std::string CExprPrinter::print_call(const Expr& expr, int context) const {
  const std::string_view name = expr->function->name;
  const bool shifts = (name == "shift_left" || name == "shift_right") &&
                      info(expr.dtype()).kind == DTypeKind::unsigned_integer;
  if (!shifts) return print_operation(expr, context);
  const int bits = 8 * bytes_of(expr.dtype());
  const std::optional<Range> distance = value_range(expr->args[1], scope_.ranges);
  if (distance && distance->first >= 0 && distance->last < bits) {
    return print_operation(expr, context);
  }
  return fmt::format("({} < {} ? {} : 0)", print(expr->args[1], kAtom), bits,
                     print_operation(expr, 1));
}

std::string CExprPrinter::print_operation(const Expr& expr, int context) const {
  const ScalarFunction& function = *expr->function;
  const Expr& typed = expr->args[function.condition_first ? 1 : 0];
  const DType dtype = typed.dtype();
  // Rounded from f64, results of the C library are the same everywhere.
  if (function.is_library && dtype == DType::f32 && scope_.makes_integers) {
    std::vector<Expr> wide;
    for (const Expr& arg : expr->args) wide.push_back(cast_expr(DType::f64, arg));
    return print(cast_expr(DType::f32, call_expr(function, wide)), context);
  }
  const std::string_view form = dtype == DType::f32   ? function.c_float
                                : dtype == DType::f64 ? function.c_double
                                                      : function.c_integer;
  check(!form.empty(), "'", function.name, "' has no C for ", dtype);
  // Floats often have a function of libm instead; an unused helper is a warning for clang.
  const bool calls_helper = form.find("mlfc_") != std::string_view::npos;
  if (calls_helper) {
    const std::string text = helper(function, dtype);
    const size_t name = text.find("mlfc_");
    needs_.helpers[text.substr(name, text.find('(') - name)] = text;
  }
  const bool calls_libm = is_float(dtype) && form.find('(') != std::string_view::npos;
  needs_.math |= calls_libm || function.c_helper.find("{REM}") != std::string_view::npos;

  const bool wraps = !is_float(dtype) && bytes_of(dtype) >= 4 && may_overflow(function.name) &&
                     info(dtype).kind == DTypeKind::signed_integer &&
                     (may_wrap(expr, scope_.ranges) || is_centred_byte(expr, scope_.ranges));
  const bool is_operator = !function.infix.empty() && form.find("mlfc_") == std::string_view::npos;
  std::string text(form);
  for (size_t i = 0; i < expr->args.size(); ++i) {
    // The right operand needs parentheses also at equal strength: a - (b - c).
    const int strength = !is_operator ? kAtom : function.precedence + (i > 0 ? 1 : 0);
    const bool separated = form.find("({" + std::to_string(i) + "}") != std::string_view::npos &&
                           form.find("({0} ") == std::string_view::npos;
    std::string operand = print(expr->args[i], separated ? 0 : strength);
    // Two minus signs in a row would be another operator.
    if (function.name == "neg" && operand.starts_with('-')) operand = "(" + operand + ")";
    if (wraps) operand = fmt::format("({}){}", unsigned_type(dtype), print(expr->args[i], kAtom));
    text = replaced(text, "{" + std::to_string(i) + "}", operand);
  }
  text = replaced(replaced(text, "{S}", to_text(dtype)), "{T}", info(dtype).c_name);
  const bool cast_back = is_integer(expr.dtype()) && (is_narrow(dtype) || wraps);
  if (cast_back) return fmt::format("({})({})", info(dtype).c_name, text);
  const bool weaker = is_operator && function.precedence < context;
  const bool bare_operator = !is_operator && form.find(' ') != std::string_view::npos &&
                             form.front() == '{' && context > 0;
  return weaker || bare_operator ? "(" + text + ")" : text;
}

std::string CExprPrinter::index(const Expr& expr) const {
  return print_index(simplified_index(expr, scope_.ranges), 0);
}

std::string CExprPrinter::print_index(const Expr& expr, int context) const {
  if (expr->kind == ExprKind::axis) return expr->name;
  if (expr->kind == ExprKind::constant) return std::to_string(expr->integer);
  const bool computes = expr->kind == ExprKind::call && expr.dtype() == DType::i64;
  if (!computes) return fmt::format("({})({})", scope_.index_type, print(expr, 0));
  const std::string_view name = expr->function->name;
  const auto operand = [&](size_t i, int strength) { return print_index(expr->args[i], strength); };
  const auto infix = [&](std::string_view symbol, int strength) {
    const std::string text =
        fmt::format("{} {} {}", operand(0, strength), symbol, operand(1, strength + 1));
    return strength < context ? "(" + text + ")" : text;
  };
  if (name == "add") return infix("+", 6);
  if (name == "sub") return infix("-", 6);
  if (name == "mul") return infix("*", 7);
  if (name == "neg") {
    const std::string text = operand(0, kAtom);
    return text.starts_with('-') ? "-(" + text + ")" : "-" + text;
  }
  const bool is_minimum = name == "min";
  if (is_minimum || name == "max") {
    const std::string a = operand(0, 5), b = operand(1, 5);
    return fmt::format("({} {} {} ? {} : {})", a, is_minimum ? "<" : ">", b, operand(0, 0),
                       operand(1, 0));
  }
  const bool divides = name == "floor_div" || name == "floor_mod" || name == "div" || name == "rem";
  if (divides) {
    const std::optional<Range> left = range_of(expr->args[0], scope_.ranges);
    const std::optional<Range> right = range_of(expr->args[1], scope_.ranges);
    const bool plain = left && right && left->first >= 0 && right->first > 0;
    const bool quotient = name == "floor_div" || name == "div";
    if (plain) return infix(quotient ? "/" : "%", 7);
    const DType dtype = scope_.index_type == "int32_t" ? DType::i32 : DType::i64;
    const bool floors = name.substr(0, 5) == "floor";
    if (!floors)
      return fmt::format("({} {} {})", operand(0, 7), quotient ? "/" : "%", operand(1, 8));
    const std::string text = helper(*expr->function, dtype);
    const std::string helper_name = fmt::format("mlfc_{}_{}", name, to_text(dtype));
    needs_.helpers[helper_name] = text;
    return fmt::format("{}({}, {})", helper_name, operand(0, 0), operand(1, 0));
  }
  if (name == "select") {
    return fmt::format("({} ? {} : {})", print(expr->args[0], 1), operand(1, 0), operand(2, 0));
  }
  return fmt::format("({})({})", scope_.index_type, print(expr, 0));
}

// Where an element is, by the tensor's layout: a sum of digit * stride.
Expr CExprPrinter::place(const std::string& tensor, const std::vector<Expr>& indices) const {
  const auto found = scope_.tensors.find(tensor);
  check(found != scope_.tensors.end(), "the generated code reads '", tensor,
        "', which is not there");
  const Layout layout = found->second.explicit_layout();
  Expr sum = integer_expr(layout.offset, DType::i64);
  for (size_t axis = 0; axis < indices.size(); ++axis) {
    Expr rest = cast_expr(DType::i64, indices[axis]);
    const auto& digits = layout.axes[axis];
    for (size_t digit = digits.size(); digit-- > 1;) {
      const Expr extent = integer_expr(digits[digit].extent, DType::i64);
      sum = sum + floor_mod(rest, extent) * integer_expr(digits[digit].stride, DType::i64);
      rest = floor_div(rest, extent);
    }
    sum = sum + rest * integer_expr(digits[0].stride, DType::i64);
  }
  return simplified_index(sum, scope_.ranges);
}

std::string CExprPrinter::element(const std::string& tensor,
                                  const std::vector<Expr>& indices) const {
  const auto found = scope_.tensors.find(tensor);
  if (found != scope_.tensors.end() && found->second.shape.empty() && !found->second.layout &&
      scope_.scalars.contains(tensor)) {
    return tensor;
  }
  return fmt::format("{}[{}]", tensor, print_index(place(tensor, indices), 0));
}

std::string CExprPrinter::combined(Combine combine, DType dtype, const std::string& a,
                                   const std::string& b) const {
  const Expr left = local_expr(a, dtype), right = local_expr(b, dtype);
  return print_call(mlfc::combined(combine, left, right), 0);
}

}  // namespace mlfc
