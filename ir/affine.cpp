// Affine forms, ranges and the simplification of index arithmetic under known axis ranges.
#include "ir/affine.h"

#include <algorithm>
#include <array>

#include "ir/error.h"

namespace mlfc {
namespace {

Affine scaled(Affine affine, int64_t factor) {
  affine.constant *= factor;
  for (auto& [axis, coefficient] : affine.coefficients) coefficient *= factor;
  if (factor == 0) affine.coefficients.clear();
  return affine;
}

Affine sum(Affine a, const Affine& b) {
  a.constant += b.constant;
  for (const auto& [axis, coefficient] : b.coefficients) {
    if ((a.coefficients[axis] += coefficient) == 0) a.coefficients.erase(axis);
  }
  return a;
}

Range hull(std::array<int64_t, 4> corners) {
  const auto [low, high] = std::minmax_element(corners.begin(), corners.end());
  return {*low, *high};
}

int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

std::optional<Range> range_of_call(const Expr& call, const Ranges& axes);

// Splits an affine sum into the part every term of which `divisor` divides, and the rest.
std::pair<Affine, Affine> split_by(const Affine& affine, int64_t divisor) {
  Affine multiple, rest;
  const int64_t whole = floor_divide(affine.constant, divisor) * divisor;
  multiple.constant = whole;
  rest.constant = affine.constant - whole;
  for (const auto& [axis, coefficient] : affine.coefficients) {
    (coefficient % divisor == 0 ? multiple : rest).coefficients[axis] = coefficient;
  }
  return {multiple, rest};
}

Affine divided(const Affine& affine, int64_t divisor) {
  Affine result;
  result.constant = affine.constant / divisor;
  for (const auto& [axis, coefficient] : affine.coefficients) {
    result.coefficients[axis] = coefficient / divisor;
  }
  return result;
}

// (multiple + rest) // d is multiple / d when 0 <= rest < d, and then % d is rest.
Expr simplified_division(const Expr& call, const Ranges& axes) {
  const Expr& divisor = call->args[1];
  const bool constant = divisor->kind == ExprKind::constant && divisor->integer > 0;
  const std::optional<Affine> affine = affine_of(call->args[0]);
  if (!constant || !affine) return {};
  const int64_t d = divisor->integer;
  const auto [multiple, rest] = split_by(*affine, d);
  const std::optional<Range> range = range_of(to_expr(rest), axes);
  const bool remainder = is_call(call, "floor_mod");
  if (range && range->first >= 0 && range->last < d) {
    return to_expr(remainder ? rest : divided(multiple, d));
  }
  const bool shrinks = !multiple.coefficients.empty() || multiple.constant != 0;
  if (!shrinks) return {};
  const Expr left = call_expr(*call->function, {to_expr(rest), divisor});
  return remainder ? left : to_expr(divided(multiple, d)) + left;
}

Expr simplified_call(const Expr& call, const Ranges& axes) {
  if (is_call(call, "floor_div") || is_call(call, "floor_mod")) {
    return simplified_division(call, axes);
  }
  const bool is_min = is_call(call, "min");
  if (!is_min && !is_call(call, "max")) return {};
  // The difference decides more often than the two ranges: max(0, 1 - oh) with oh >= 1.
  const std::optional<Range> difference = range_of(call->args[0] - call->args[1], axes);
  if (!difference) return {};
  if (difference->last <= 0) return is_min ? call->args[0] : call->args[1];
  if (difference->first >= 0) return is_min ? call->args[1] : call->args[0];
  return {};
}

std::optional<Range> range_of_call(const Expr& call, const Ranges& axes) {
  if (call->function->name == "select") {
    const auto yes = range_of(call->args[1], axes), no = range_of(call->args[2], axes);
    if (!yes || !no) return std::nullopt;
    return Range{std::min(yes->first, no->first), std::max(yes->last, no->last)};
  }
  std::vector<Range> args;
  for (const Expr& arg : call->args) {
    const std::optional<Range> range = range_of(arg, axes);
    if (!range) return std::nullopt;
    args.push_back(*range);
  }
  const std::string_view name = call->function->name;
  const Range& a = args[0];
  if (name == "neg") return Range{-a.last, -a.first};
  if (args.size() != 2) return std::nullopt;
  const Range& b = args[1];
  if (name == "add") return Range{a.first + b.first, a.last + b.last};
  if (name == "sub") return Range{a.first - b.last, a.last - b.first};
  if (name == "mul") {
    return hull({a.first * b.first, a.first * b.last, a.last * b.first, a.last * b.last});
  }
  if (name == "min") return Range{std::min(a.first, b.first), std::min(a.last, b.last)};
  if (name == "max") return Range{std::max(a.first, b.first), std::max(a.last, b.last)};
  const bool positive_constant = b.first == b.last && b.first > 0;
  if (name == "floor_div" && positive_constant) {
    return Range{floor_divide(a.first, b.first), floor_divide(a.last, b.first)};
  }
  if (name == "floor_mod" && positive_constant) {
    const bool same_block = floor_divide(a.first, b.first) == floor_divide(a.last, b.first);
    if (!same_block) return Range{0, b.first - 1};
    const int64_t base = floor_divide(a.first, b.first) * b.first;
    return Range{a.first - base, a.last - base};
  }
  return std::nullopt;
}

}  // namespace

int64_t Affine::of(const std::string& axis) const {
  const auto found = coefficients.find(axis);
  return found == coefficients.end() ? 0 : found->second;
}

std::optional<Affine> affine_of(const Expr& index) {
  if (index->kind == ExprKind::constant && !index->is_real) return Affine{index->integer, {}};
  if (index->kind == ExprKind::axis) return Affine{0, {{index->name, 1}}};
  if (index->kind != ExprKind::call) return std::nullopt;
  const std::optional<Affine> a = affine_of(index->args[0]);
  if (!a) return std::nullopt;
  if (is_call(index, "neg")) return scaled(*a, -1);
  if (index->args.size() != 2) return std::nullopt;
  const std::optional<Affine> b = affine_of(index->args[1]);
  if (!b) return std::nullopt;
  if (is_call(index, "add")) return sum(*a, *b);
  if (is_call(index, "sub")) return sum(*a, scaled(*b, -1));
  if (!is_call(index, "mul")) return std::nullopt;
  if (a->coefficients.empty()) return scaled(*b, a->constant);
  if (b->coefficients.empty()) return scaled(*a, b->constant);
  return std::nullopt;
}

Expr to_expr(const Affine& affine) {
  // Large strides first, then the constant: 16*a + 4*b + c - 1 reads as one writes it by hand.
  std::vector<std::pair<std::string, int64_t>> terms(affine.coefficients.begin(),
                                                     affine.coefficients.end());
  std::stable_sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
    return std::abs(a.second) > std::abs(b.second);
  });
  // A positive term goes first so that the text does not begin with a minus.
  const auto positive =
      std::find_if(terms.begin(), terms.end(), [](const auto& term) { return term.second > 0; });
  if (positive != terms.end()) std::rotate(terms.begin(), positive, positive + 1);
  const bool constant_first = !terms.empty() && terms.front().second < 0;
  Expr result;
  if (terms.empty() || constant_first) result = integer_expr(affine.constant, DType::i64);
  for (const auto& [axis, coefficient] : terms) {
    const Expr term = axis_expr(axis) * integer_expr(std::abs(coefficient), DType::i64);
    if (result.empty()) {
      result = term;
    } else {
      result = coefficient < 0 ? result - term : result + term;
    }
  }
  if (terms.empty() || constant_first || affine.constant == 0) return result;
  const Expr constant = integer_expr(std::abs(affine.constant), DType::i64);
  return affine.constant < 0 ? result - constant : result + constant;
}

std::optional<Range> range_of(const Expr& index, const Ranges& axes) {
  // Affine sums first: axes that cancel or appear twice get their exact range.
  if (const std::optional<Affine> affine = affine_of(index)) {
    Range range{affine->constant, affine->constant};
    for (const auto& [axis, coefficient] : affine->coefficients) {
      const auto found = axes.find(axis);
      if (found == axes.end()) return std::nullopt;
      const int64_t a = coefficient * found->second.first, b = coefficient * found->second.last;
      range.first += std::min(a, b);
      range.last += std::max(a, b);
    }
    return range;
  }
  if (index->kind == ExprKind::call) return range_of_call(index, axes);
  return std::nullopt;
}

Expr simplified_index(const Expr& index, const Ranges& axes) {
  return rewritten(index, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::call || part.dtype() != DType::i64) return {};
    if (const std::optional<Affine> affine = affine_of(part)) return to_expr(*affine);
    Expr simpler = simplified_call(part, axes);
    if (simpler.empty() || same(simpler, part)) return {};
    if (const std::optional<Affine> affine = affine_of(simpler)) return to_expr(*affine);
    return simpler;
  });
}

}  // namespace mlfc
