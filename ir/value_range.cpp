// Interval arithmetic on integer expressions.
#include "ir/value_range.h"

#include <algorithm>
#include <cmath>

namespace mlfc {
namespace {

bool lies_within(const Range& inner, const Range& outer) {
  return inner.first >= outer.first && inner.last <= outer.last;
}

Range hull(std::initializer_list<int64_t> values) {
  return {std::min(values), std::max(values)};
}

// The exact bounds of an operation on operands of 32 bits or less: nothing here overflows.
std::optional<Range> exact_range(const Expr& call, const Ranges& axes) {
  const std::string_view name = call->function->name;
  if (call->args.empty() || call->args.size() > 3) return std::nullopt;
  std::vector<Range> args;
  for (size_t i = name == "select" ? 1 : 0; i < call->args.size(); ++i) {
    const std::optional<Range> range = value_range(call->args[i], axes);
    const Range small{-(int64_t{1} << 33), int64_t{1} << 33};
    if (!range || !lies_within(*range, small)) return std::nullopt;
    args.push_back(*range);
  }
  const Range& a = args[0];
  const Range& b = args.back();
  if (name == "neg") return Range{-a.last, -a.first};
  if (name == "abs") {
    const int64_t largest = std::max(std::abs(a.first), std::abs(a.last));
    const bool crosses = a.first < 0 && a.last > 0;
    return Range{crosses ? 0 : std::min(std::abs(a.first), std::abs(a.last)), largest};
  }
  if (args.size() != 2) return std::nullopt;
  if (name == "select") return Range{std::min(a.first, b.first), std::max(a.last, b.last)};
  if (name == "add") return Range{a.first + b.first, a.last + b.last};
  if (name == "sub") return Range{a.first - b.last, a.last - b.first};
  if (name == "min") return Range{std::min(a.first, b.first), std::min(a.last, b.last)};
  if (name == "max") return Range{std::max(a.first, b.first), std::max(a.last, b.last)};
  const int64_t limit = int64_t{1} << 31;
  const bool fits = lies_within(a, {-limit, limit}) && lies_within(b, {-limit, limit});
  if (name == "mul" && fits) {
    return hull({a.first * b.first, a.first * b.last, a.last * b.first, a.last * b.last});
  }
  return std::nullopt;
}

// A literal operand of min or max, and the other operand.
std::optional<std::pair<double, Expr>> limit_of(const Expr& call) {
  for (int i = 0; i < 2; ++i) {
    const Expr& literal = call->args[i];
    if (literal->kind != ExprKind::constant) continue;
    const double value = literal->is_real ? literal->real : static_cast<double>(literal->integer);
    return std::pair(value, call->args[1 - i]);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Range> dtype_range(DType dtype) {
  if (dtype == DType::boolean) return Range{0, 1};
  if (!is_integer(dtype) || bytes_of(dtype) > 4) return std::nullopt;
  const int bits = 8 * bytes_of(dtype);
  if (info(dtype).kind == DTypeKind::unsigned_integer) return Range{0, (int64_t{1} << bits) - 1};
  return Range{-(int64_t{1} << (bits - 1)), (int64_t{1} << (bits - 1)) - 1};
}

std::optional<Range> rounded_range(const Expr& expr) {
  if (!is_float(expr.dtype())) return std::nullopt;
  if (is_call(expr, "round_even")) return rounded_range(expr->args[0]);
  double low = -INFINITY, high = INFINITY;
  Expr inner = expr;
  // The outermost limits hold whatever is inside.
  while (is_call(inner, "min") || is_call(inner, "max")) {
    const auto limit = limit_of(inner);
    if (!limit) break;
    if (is_call(inner, "min")) high = std::min(high, limit->first);
    if (is_call(inner, "max")) low = std::max(low, limit->first);
    inner = limit->second;
  }
  if (!std::isfinite(low) || !std::isfinite(high) || low > high) return std::nullopt;
  if (std::fabs(low) > 1e9 || std::fabs(high) > 1e9) return std::nullopt;
  return Range{static_cast<int64_t>(std::floor(low)), static_cast<int64_t>(std::ceil(high))};
}

bool may_wrap(const Expr& call, const Ranges& axes) {
  const std::optional<Range> range = exact_range(call, axes), whole = dtype_range(call.dtype());
  return !range || !whole || !lies_within(*range, *whole);
}

bool any_may_wrap(const Expr& expr) {
  bool wraps = false;
  for_each(expr, [&](const Expr& part) {
    const bool is_narrow = is_integer(part.dtype()) && bytes_of(part.dtype()) <= 4;
    wraps |= part->kind == ExprKind::call && is_narrow && may_wrap(part);
  });
  return wraps;
}

std::optional<Range> value_range(const Expr& expr, const Ranges& axes) {
  const std::optional<Range> whole = dtype_range(expr.dtype());
  if (expr->kind == ExprKind::constant && !expr->is_real) {
    return Range{expr->integer, expr->integer};
  }
  if (expr->kind == ExprKind::axis) {
    const auto found = axes.find(expr->name);
    return found == axes.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<Range> range;
  if (expr->kind == ExprKind::cast) {
    const Expr& inner = expr->args[0];
    range = is_float(inner.dtype()) ? rounded_range(inner) : value_range(inner, axes);
  } else if (expr->kind == ExprKind::call) {
    range = exact_range(expr, axes);
  }
  if (!whole) return range;
  return range && lies_within(*range, *whole) ? range : whole;
}

}  // namespace mlfc
