// Divides expressions by a known scale as far inside as it will go, where it meets the factor that
// is there already, and absorbs limits into the saturation.
#include "passes/kernel/requantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "passes/kernel/scaled_form.h"

namespace mlfc {
namespace {

bool is_literal(const Expr& expr) {
  return expr->kind == ExprKind::constant;
}
double number_of(const Expr& literal) {
  return literal->is_real ? literal->real : static_cast<double>(literal->integer);
}

class Division {
 public:
  Division(KnownValues& known, Expr divisor) : known_(known), divisor_(std::move(divisor)) {}

  Expr of(const Expr& expr) { return divided(expr, divisor_); }

 private:
  bool is_positive(const Expr& divisor) const { return known_.extremes(divisor).first > 0; }

  // True when dividing costs nothing because a known factor or summand takes it. Limits change
  // sides when the divisor is negative; then they stay where they are.
  bool absorbs(const Expr& expr, const Expr& divisor) const {
    if (known_.knows(expr)) return true;
    if (expr->kind != ExprKind::call) return false;
    const auto& args = expr->args;
    if (is_call(expr, "mul")) return known_.knows(args[0]) || known_.knows(args[1]);
    if (is_call(expr, "div")) return known_.knows(args[1]) && absorbs(args[0], args[1] * divisor);
    if (is_call(expr, "neg")) return absorbs(args[0], divisor);
    const bool is_limit = is_call(expr, "min") || is_call(expr, "max");
    if (is_limit && !is_positive(divisor)) return false;
    if (is_limit || is_call(expr, "add") || is_call(expr, "sub")) {
      return absorbs(args[0], divisor) && absorbs(args[1], divisor);
    }
    return is_call(expr, "select") && absorbs(args[1], divisor) && absorbs(args[2], divisor);
  }

  Expr divided(const Expr& expr, const Expr& divisor) {
    if (known_.knows(expr)) {
      const Expr quotient = expr / divisor;
      const Expr stored = known_.precomputed(quotient, "shift");
      // Not worth storing: then perhaps a factor in it takes the divisor.
      if (!same(stored, quotient) || !is_call(expr, "mul")) return stored;
    }
    const bool is_limit = is_call(expr, "min") || is_call(expr, "max");
    const bool enters = absorbs(expr, divisor) || (is_limit && is_positive(divisor));
    if (!enters) return expr / divisor;
    std::vector<Expr> args = expr->args;
    if (is_call(expr, "mul")) {
      const size_t factor = known_.knows(args[1]) ? 1 : 0;
      return args[1 - factor] * known_.precomputed(args[factor] / divisor, "factor");
    }
    if (is_call(expr, "div")) return divided(args[0], args[1] * divisor);
    const size_t first = is_call(expr, "select") ? 1 : 0;
    for (size_t i = first; i < args.size(); ++i) args[i] = divided(args[i], divisor);
    return call_expr(*expr->function, args);
  }

  KnownValues& known_;
  Expr divisor_;
};

// --- the parts of a quantizing expression ----------------------------------------------------

struct Quantization {
  DType dtype = DType::none;
  double low = 0, high = 0;  ///< after the zero point has been added
  int64_t zero = 0;
  Expr value = {};  ///< in steps, not rounded yet
};

// Takes limits that are literals off `expr`; the ones further out win.
Expr without_limits(Expr expr, double& low, double& high) {
  while (is_call(expr, "min") || is_call(expr, "max")) {
    const bool is_min = is_call(expr, "min");
    const size_t literal = is_literal(expr->args[1]) ? 1 : 0;
    if (!is_literal(expr->args[literal])) break;
    const double limit = number_of(expr->args[literal]);
    if (std::isnan(limit)) break;
    const double rounded = std::clamp(std::nearbyint(limit), low, high);
    (is_min ? high : low) = rounded;
    expr = expr->args[1 - literal];
  }
  return expr;
}

std::optional<Quantization> quantization_of(const Expr& expr) {
  if (expr->kind != ExprKind::cast || !is_integer(expr.dtype()) || bytes_of(expr.dtype()) > 2) {
    return std::nullopt;
  }
  if (expr->args[0].dtype() != DType::f32) return std::nullopt;
  const Range all = *dtype_range(expr.dtype());
  Quantization parts{.dtype = expr.dtype(),
                     .low = static_cast<double>(all.first),
                     .high = static_cast<double>(all.last)};
  const Expr limited = expr->args[0];
  Expr inner = without_limits(limited, parts.low, parts.high);
  if (&*inner == &*limited) return std::nullopt;  // nothing saturates: another kind of cast
  if (is_call(inner, "add") && is_literal(inner->args[1])) {
    const double zero = number_of(inner->args[1]);
    if (zero != std::nearbyint(zero) || std::fabs(zero) > 1e6) return std::nullopt;
    parts.zero = static_cast<int64_t>(zero);
    inner = inner->args[0];
  }
  if (!is_call(inner, "round_even")) return std::nullopt;
  parts.value = inner->args[0];
  return parts;
}

// cast(min(max(low, x), high)): of NaN, too, the cast sees low.
bool is_limited_to_numbers(const Expr& cast) {
  if (cast->kind != ExprKind::cast || !is_call(cast->args[0], "min")) return false;
  const Expr& most = cast->args[0]->args[0];
  return is_call(most, "max") && is_literal(most->args[0]) && is_literal(cast->args[0]->args[1]);
}

// Limits of what is rounded become limits of the result: rounding keeps order.
void absorb_limits(Quantization& parts) {
  const auto zero = static_cast<double>(parts.zero);
  double low = parts.low - zero, high = parts.high - zero;
  parts.value = without_limits(parts.value, low, high);
  parts.low = low + zero;
  parts.high = high + zero;
}

// The integer behind f32(i), rounded or not.
Expr exact_integer(const Expr& value) {
  if (value->kind != ExprKind::cast || !is_integer(value->args[0].dtype())) return {};
  const std::optional<Range> range = value_range(value->args[0]);
  constexpr int64_t kLimit = int64_t{1} << 24;
  if (!range || range->first < -kLimit || range->last > kLimit) return {};
  return integer_cast(DType::i32, value->args[0]);
}

Expr saturated(const Expr& value, int64_t low, int64_t high, DType dtype) {
  Expr result = value;
  const std::optional<Range> range = value_range(value);
  if (!range || range->first < low) result = max_expr(integer_expr(low, DType::i32), result);
  if (!range || range->last > high) result = min_expr(result, integer_expr(high, DType::i32));
  return integer_cast(dtype, result);
}

Expr normal_form(const Quantization& parts) {
  const Expr zero = integer_expr(parts.zero, DType::i32);
  if (const Expr number = exact_integer(parts.value); !number.empty()) {
    return saturated(plus_constant(number, parts.zero), static_cast<int64_t>(parts.low),
                     static_cast<int64_t>(parts.high), parts.dtype);
  }
  const auto offset = static_cast<double>(parts.zero);
  const Expr low = real_expr(parts.low - offset, DType::f32);
  const Expr high = real_expr(parts.high - offset, DType::f32);
  const Expr limited = min_expr(max_expr(low, parts.value), high);
  const Expr rounded = cast_expr(DType::i32, call_expr("round_even", {limited}));
  return cast_expr(parts.dtype, plus_constant(rounded, parts.zero));
}

// x / scale, rounded: the division goes to where a factor waits for it.
Expr without_division(const Expr& value, KnownValues& known) {
  if (!is_call(value, "div") || !known.knows(value->args[1])) return value;
  const Expr& scale = value->args[1];
  return Division(known, scale).of(value->args[0]);
}

}  // namespace

Expr with_normal_quantization(const Expr& expr, KnownValues& known) {
  return rewritten(expr, [&](const Expr& part) -> Expr {
    std::optional<Quantization> parts = quantization_of(part);
    if (!parts) return tidied_integers(part);
    parts->value = without_division(parts->value, known);
    absorb_limits(*parts);
    return normal_form(*parts);
  });
}

Expr with_normal_rounding(const Expr& expr) {
  return rewritten(expr, [](const Expr& part) -> Expr {
    if (!is_limited_to_numbers(part)) return {};
    const std::optional<Quantization> parts = quantization_of(part);
    return parts ? normal_form(*parts) : Expr();
  });
}

}  // namespace mlfc
