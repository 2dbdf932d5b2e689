// Making, comparing and rewriting expression trees. Construction simplifies only what is plainly
// constant or neutral, so that what an operator wrote is what its kernel prints.
#include "ir/expr.h"

#include <cmath>

#include "ir/error.h"
#include "ir/tensor.h"

namespace mlfc {
namespace {

Expr make(ExprNode node) {
  return Expr(std::make_shared<const ExprNode>(std::move(node)));
}

bool is_constant(const Expr& expr) {
  return expr->kind == ExprKind::constant;
}

double real_value(const Expr& constant) {
  return constant->is_real ? constant->real : static_cast<double>(constant->integer);
}

// The dtype the value operands of a call agree on; `none` when all of them are literals.
DType common_dtype(const ScalarFunction& function, const std::vector<Expr>& args) {
  DType common = DType::none;
  for (size_t i = function.condition_first ? 1 : 0; i < args.size(); ++i) {
    const DType dtype = args[i].dtype();
    if (dtype == DType::none) continue;
    check(common == DType::none || common == dtype, "'", function.name, "' of ", common, " and ",
          dtype, " (", args[0], ", ", args[i], "); cast one of them");
    common = dtype;
  }
  return common;
}

int64_t wrapped(int64_t value, DType dtype) {
  switch (dtype) {
    case DType::i8:
      return static_cast<int8_t>(value);
    case DType::i16:
      return static_cast<int16_t>(value);
    case DType::i32:
      return static_cast<int32_t>(value);
    case DType::u8:
      return static_cast<uint8_t>(value);
    case DType::u16:
      return static_cast<uint16_t>(value);
    case DType::u32:
      return static_cast<uint32_t>(value);
    default:
      return value;
  }
}

// A literal is a value of its dtype: 0.1 of f32 is the nearest f32, on every path that computes it.
double rounded(double value, DType dtype) {
  switch (dtype) {
    case DType::f16:
      return half_to_float(float_to_half(static_cast<float>(value)));
    case DType::bf16:
      return bfloat_to_float(float_to_bfloat(static_cast<float>(value)));
    case DType::f32:
      return static_cast<float>(value);
    default:
      return value;
  }
}

// Integer constants fold (index arithmetic is full of them); reals do not, so that rounding stays
// where the kernel put it.
Expr folded_integers(const ScalarFunction& function, const std::vector<Expr>& args, DType dtype) {
  if (function.integer == nullptr || is_float(dtype)) return {};
  int64_t values[3] = {};
  for (size_t i = 0; i < args.size(); ++i) {
    if (!is_constant(args[i]) || args[i]->is_real) return {};
    values[i] = args[i]->integer;
  }
  const bool is_unsigned = info(dtype).kind == DTypeKind::unsigned_integer;
  const auto evaluate = is_unsigned && function.unsigned_integer != nullptr
                            ? function.unsigned_integer
                            : function.integer;
  const DType result = function.result == ResultRule::boolean ? DType::boolean : dtype;
  return integer_expr(wrapped(evaluate(values), dtype), result);
}

// x + 0, x * 1, x * 0 of integers: exact, so safe to drop. For reals only x * 1 and x / 1 are.
Expr without_neutral(const ScalarFunction& function, const std::vector<Expr>& args, DType dtype) {
  const std::string_view name = function.name;
  if (args.size() != 2) return {};
  const bool real = is_float(dtype);
  const Expr& a = args[0];
  const Expr& b = args[1];
  if (name == "mul" && is_literal(a, 1)) return b;
  if ((name == "mul" || name == "div" || (name == "floor_div" && !real)) && is_literal(b, 1)) {
    return a;
  }
  if (real) return {};
  if (name == "add" && is_literal(a, 0)) return b;
  if ((name == "add" || name == "sub") && is_literal(b, 0)) return a;
  const bool annihilates = name == "mul" && (is_literal(a, 0) || is_literal(b, 0));
  if (annihilates || (name == "floor_mod" && is_literal(b, 1))) return integer_expr(0, dtype);
  return {};
}

Expr with_args(const ExprNode& node, std::vector<Expr> args, Expr otherwise) {
  switch (node.kind) {
    case ExprKind::call:
      return call_expr(*node.function, std::move(args));
    case ExprKind::cast:
      return cast_expr(node.dtype, args[0]);
    case ExprKind::read:
      return read_expr(node.name, node.dtype, std::move(args), std::move(otherwise));
    default:
      break;
  }
  throw InternalError("an expression without operands cannot be rebuilt");
}

}  // namespace

Expr::Expr(double literal) : Expr(real_expr(literal)) {}
Expr::Expr(int64_t literal) : Expr(integer_expr(literal)) {}

DType Expr::dtype() const {
  return node_->dtype;
}

Expr Expr::or_else(const Expr& value) const {
  // A widened read (f16 storage) keeps its cast outside: cast(read | value).
  if (node_->kind == ExprKind::cast) {
    return cast_expr(node_->dtype, node_->args[0].or_else(value));
  }
  check(node_->kind == ExprKind::read, "or_else of something that is not a read");
  return read_expr(node_->name, node_->dtype, node_->args, value);
}

Expr axis_expr(const std::string& name) {
  return make({.kind = ExprKind::axis, .dtype = DType::i64, .name = name});
}

Expr local_expr(const std::string& name, DType dtype) {
  return make({.kind = ExprKind::local, .dtype = dtype, .name = name});
}

Expr read_expr(const std::string& tensor, DType dtype, std::vector<Expr> indices, Expr otherwise) {
  for (Expr& index : indices) index = with_dtype(index, DType::i64);
  if (!otherwise.empty()) otherwise = with_dtype(otherwise, dtype);
  return make({.kind = ExprKind::read,
               .dtype = dtype,
               .name = tensor,
               .args = std::move(indices),
               .otherwise = std::move(otherwise)});
}

Expr cast_expr(DType dtype, const Expr& value) {
  if (value.dtype() == dtype) return value;
  if (value.dtype() == DType::none) return with_dtype(value, dtype);
  const bool is_integer_literal = is_constant(value) && !value->is_real;
  if (is_integer_literal && dtype != DType::boolean) return integer_expr(value->integer, dtype);
  return make({.kind = ExprKind::cast, .dtype = dtype, .args = {value}});
}

Expr real_expr(double value, DType dtype) {
  if (dtype != DType::none && !is_float(dtype)) {
    return integer_expr(static_cast<int64_t>(value), dtype);
  }
  const double real = rounded(value, dtype);
  return make({.kind = ExprKind::constant, .dtype = dtype, .is_real = true, .real = real});
}

Expr integer_expr(int64_t value, DType dtype) {
  if (is_float(dtype)) return real_expr(static_cast<double>(value), dtype);
  return make({.kind = ExprKind::constant, .dtype = dtype, .integer = wrapped(value, dtype)});
}

Expr call_expr(std::string_view function, std::vector<Expr> args) {
  const ScalarFunction* row = find_scalar_function(function);
  check(row != nullptr, "no scalar function is called '", function, "'");
  return call_expr(*row, std::move(args));
}

Expr call_expr(const ScalarFunction& function, std::vector<Expr> args) {
  check(static_cast<int>(args.size()) == function.arity, "'", function.name, "' takes ",
        function.arity, " operands, not ", args.size());
  const DType dtype = common_dtype(function, args);
  const size_t first_value = function.condition_first ? 1 : 0;
  if (function.condition_first) args[0] = with_dtype(args[0], DType::boolean);
  if (dtype != DType::none) {
    for (size_t i = first_value; i < args.size(); ++i) args[i] = with_dtype(args[i], dtype);
  }
  if (Expr folded = folded_integers(function, args, dtype); !folded.empty()) return folded;
  if (Expr operand = without_neutral(function, args, dtype); !operand.empty()) return operand;
  const DType result = function.result == ResultRule::boolean ? DType::boolean : dtype;
  return make(
      {.kind = ExprKind::call, .dtype = result, .function = &function, .args = std::move(args)});
}

Expr with_dtype(const Expr& expr, DType dtype) {
  if (expr.dtype() != DType::none) return expr;
  if (is_constant(expr)) {
    if (expr->is_real) return real_expr(expr->real, dtype);
    return integer_expr(expr->integer, dtype);
  }
  check(expr->kind == ExprKind::call, "an untyped expression that is no literal: ", expr);
  std::vector<Expr> args = expr->args;
  for (size_t i = expr->function->condition_first ? 1 : 0; i < args.size(); ++i) {
    args[i] = with_dtype(args[i], dtype);
  }
  return call_expr(*expr->function, std::move(args));
}

Expr operator+(const Expr& a, const Expr& b) {
  return call_expr("add", {a, b});
}
Expr operator-(const Expr& a, const Expr& b) {
  return call_expr("sub", {a, b});
}
Expr operator*(const Expr& a, const Expr& b) {
  return call_expr("mul", {a, b});
}
Expr operator/(const Expr& a, const Expr& b) {
  return call_expr("div", {a, b});
}
Expr operator-(const Expr& a) {
  return call_expr("neg", {a});
}
Expr floor_div(const Expr& a, const Expr& b) {
  return call_expr("floor_div", {a, b});
}
Expr floor_mod(const Expr& a, const Expr& b) {
  return call_expr("floor_mod", {a, b});
}
Expr min_expr(const Expr& a, const Expr& b) {
  return call_expr("min", {a, b});
}
Expr max_expr(const Expr& a, const Expr& b) {
  return call_expr("max", {a, b});
}
Expr select_expr(const Expr& condition, const Expr& yes, const Expr& no) {
  return call_expr("select", {condition, yes, no});
}

bool same(const Expr& a, const Expr& b) {
  if (a.empty() || b.empty()) return a.empty() == b.empty();
  if (&*a == &*b) return true;
  const bool alike = a->kind == b->kind && a->dtype == b->dtype && a->name == b->name &&
                     a->function == b->function && a->args.size() == b->args.size();
  if (!alike) return false;
  if (is_constant(a)) {
    const bool equal = a->real == b->real || (std::isnan(a->real) && std::isnan(b->real));
    return a->is_real == b->is_real && a->integer == b->integer && equal &&
           std::signbit(a->real) == std::signbit(b->real);
  }
  for (size_t i = 0; i < a->args.size(); ++i) {
    if (!same(a->args[i], b->args[i])) return false;
  }
  return same(a->otherwise, b->otherwise);
}

bool is_literal(const Expr& expr, double value) {
  return is_constant(expr) && real_value(expr) == value;
}

bool is_call(const Expr& expr, std::string_view function) {
  return expr->kind == ExprKind::call && expr->function->name == function;
}

int64_t integer_value(const Expr& expr) {
  check(is_constant(expr) && !expr->is_real, "expected an integer constant, found ", expr);
  return expr->integer;
}

void for_each(const Expr& expr, const std::function<void(const Expr&)>& visit) {
  if (expr.empty()) return;
  visit(expr);
  for (const Expr& arg : expr->args) for_each(arg, visit);
  for_each(expr->otherwise, visit);
}

Expr rewritten(const Expr& expr, const std::function<Expr(const Expr&)>& rewrite) {
  if (expr.empty()) return expr;
  Expr result = expr;
  if (!expr->args.empty() || !expr->otherwise.empty()) {
    bool changed = false;
    std::vector<Expr> args;
    for (const Expr& arg : expr->args) {
      args.push_back(rewritten(arg, rewrite));
      changed |= &*args.back() != &*arg;
    }
    Expr otherwise = rewritten(expr->otherwise, rewrite);
    changed |= !otherwise.empty() && &*otherwise != &*expr->otherwise;
    if (changed) result = with_args(*expr, std::move(args), std::move(otherwise));
  }
  Expr replaced = rewrite(result);
  return replaced.empty() ? result : replaced;
}

Expr substituted(const Expr& expr, const AxisMap& axes) {
  return rewritten(expr, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::axis) return {};
    for (const auto& [name, value] : axes) {
      if (part->name == name) return with_dtype(value, DType::i64);
    }
    return {};
  });
}

bool mentions_axis(const Expr& expr, std::string_view axis) {
  bool found = false;
  for_each(expr,
           [&](const Expr& part) { found |= part->kind == ExprKind::axis && part->name == axis; });
  return found;
}

bool reads_tensor(const Expr& expr, std::string_view tensor) {
  bool found = false;
  for_each(expr, [&](const Expr& part) {
    found |= part->kind == ExprKind::read && part->name == tensor;
  });
  return found;
}

}  // namespace mlfc
