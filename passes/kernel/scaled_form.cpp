// Takes scales out of expressions, and keeps the integers that remain tidy.
#include "passes/kernel/scaled_form.h"

#include <algorithm>

namespace mlfc {

namespace {

bool is_integer_literal(const Expr& expr) {
  return expr->kind == ExprKind::constant && !expr->is_real;
}

// f32 holds every integer up to 2^24. Known integers (a bias) may be larger: whoever sums them in
// integers is more exact than the text.
bool keeps_its_value(const Expr& number, const KnownValues& known) {
  constexpr int64_t kLimit = int64_t{1} << 24;
  const std::optional<Range> range = value_range(number);
  return (range && range->first >= -kLimit && range->last <= kLimit) || known.knows(number);
}

}  // namespace

std::optional<ScaledForm> scaled_form(const Expr& expr, const std::vector<Axis>& reduced,
                                      const KnownValues& known) {
  if (expr.dtype() != DType::f32) return std::nullopt;
  const Expr one = real_expr(1, DType::f32);
  if (expr->kind == ExprKind::cast && is_integer(expr->args[0].dtype())) {
    const Expr& number = expr->args[0];
    if (bytes_of(number.dtype()) > 4 || number.dtype() == DType::u32) return std::nullopt;
    if (!keeps_its_value(number, known)) return std::nullopt;
    return ScaledForm{one, cast_expr(DType::i32, number)};
  }
  if (is_call(expr, "mul")) {
    const auto a = scaled_form(expr->args[0], reduced, known);
    const auto b = scaled_form(expr->args[1], reduced, known);
    if (a && b) return ScaledForm{a->scale * b->scale, a->number * b->number};
  }
  const bool depends = std::any_of(reduced.begin(), reduced.end(), [&](const Axis& axis) {
    return mentions_axis(expr, axis.name);
  });
  if (depends || !known.knows(expr)) return std::nullopt;
  return ScaledForm{expr, integer_expr(1, DType::i32)};
}

Expr plus_constant(const Expr& value, int64_t constant) {
  for (const bool adds : {true, false}) {
    if (!is_call(value, adds ? "add" : "sub")) continue;
    const Expr& a = value->args[0];
    const Expr& b = value->args[1];
    if (is_integer_literal(b)) {
      return plus_constant(a, constant + (adds ? b->integer : -b->integer));
    }
    if (adds && is_integer_literal(a)) return plus_constant(b, constant + a->integer);
  }
  if (constant == 0) return value;
  return constant < 0 ? value - integer_expr(-constant, value.dtype())
                      : value + integer_expr(constant, value.dtype());
}

Expr integer_cast(DType dtype, const Expr& value) {
  if (value->kind != ExprKind::cast || !is_integer(value->args[0].dtype())) {
    return cast_expr(dtype, value);
  }
  const Expr& inner = value->args[0];
  const std::optional<Range> range = value_range(inner), middle = dtype_range(value.dtype());
  const bool kept = range && middle && range->first >= middle->first && range->last <= middle->last;
  return kept ? integer_cast(dtype, inner) : cast_expr(dtype, value);
}

Expr tidied_integers(const Expr& part) {
  if (part->kind == ExprKind::cast && is_integer(part.dtype()) &&
      is_integer(part->args[0].dtype())) {
    return integer_cast(part.dtype(), part->args[0]);
  }
  const bool is_sum = is_call(part, "add") || is_call(part, "sub");
  const bool constant = is_sum && part.dtype() == DType::i32 && is_integer_literal(part->args[1]);
  if (!constant) return {};
  const int64_t amount = part->args[1]->integer;
  return plus_constant(part->args[0], is_call(part, "add") ? amount : -amount);
}

}  // namespace mlfc
