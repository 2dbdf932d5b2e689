// The place of an element as a sum of terms. A term is an axis, or floor_div of a sum by a
// constant; floor_mod(e, d) is rewritten to e - d * floor_div(e, d), after which a reshape's
// divisions cancel.
#include "passes/memory/place_of.h"

#include <map>
#include <string>

#include "ir/print.h"

namespace mlfc {
namespace {

// Coefficients by the text of the term, which is canonical because terms are built from sums.
struct Sum {
  int64_t constant = 0;
  std::map<std::string, int64_t> axes = {};
  struct Quotient {
    std::map<std::string, int64_t> axes = {};
    int64_t constant = 0, divisor = 1;
    auto operator<=>(const Quotient&) const = default;
  };
  std::map<Quotient, int64_t> quotients = {};
};

void add(Sum& sum, const Sum& other, int64_t factor) {
  sum.constant += factor * other.constant;
  for (const auto& [axis, coefficient] : other.axes) {
    if ((sum.axes[axis] += factor * coefficient) == 0) sum.axes.erase(axis);
  }
  for (const auto& [quotient, coefficient] : other.quotients) {
    if ((sum.quotients[quotient] += factor * coefficient) == 0) sum.quotients.erase(quotient);
  }
}

// floor_div of a sum: of plain axes it is a new term; (e // a) // b is e // (a * b).
std::optional<Sum> quotient_of(const Sum& dividend, int64_t divisor) {
  if (divisor == 1) return dividend;
  Sum result;
  if (dividend.quotients.empty()) {
    result.quotients[{dividend.axes, dividend.constant, divisor}] = 1;
    return result;
  }
  const bool single = dividend.quotients.size() == 1 && dividend.axes.empty() &&
                      dividend.constant == 0 && dividend.quotients.begin()->second == 1;
  if (!single) return std::nullopt;
  Sum::Quotient inner = dividend.quotients.begin()->first;
  inner.divisor *= divisor;
  result.quotients[inner] = 1;
  return result;
}

std::optional<Sum> sum_of(const Expr& expr) {
  Sum sum;
  if (expr->kind == ExprKind::constant && !expr->is_real) {
    sum.constant = expr->integer;
    return sum;
  }
  if (expr->kind == ExprKind::axis) {
    sum.axes[expr->name] = 1;
    return sum;
  }
  if (expr->kind != ExprKind::call || expr->args.size() != 2) return std::nullopt;
  const std::optional<Sum> a = sum_of(expr->args[0]), b = sum_of(expr->args[1]);
  if (!a || !b) return std::nullopt;
  const std::string_view name = expr->function->name;
  if (name == "add" || name == "sub") {
    sum = *a;
    add(sum, *b, name == "add" ? 1 : -1);
    return sum;
  }
  const auto is_constant = [](const Sum& s) { return s.axes.empty() && s.quotients.empty(); };
  if (name == "mul" && (is_constant(*a) || is_constant(*b))) {
    const bool left = is_constant(*a);
    add(sum, left ? *b : *a, left ? a->constant : b->constant);
    return sum;
  }
  const bool divides = name == "floor_div" || name == "floor_mod";
  if (!divides || !is_constant(*b) || b->constant < 1) return std::nullopt;
  const std::optional<Sum> quotient = quotient_of(*a, b->constant);
  if (!quotient || name == "floor_div") return quotient;
  sum = *a;
  add(sum, *quotient, -b->constant);
  return sum;
}

}  // namespace

std::optional<Affine> place_of(const TensorType& type, const std::vector<Expr>& indices) {
  const Layout layout = type.explicit_layout();
  if (!layout.is_strided()) return std::nullopt;
  const std::vector<int64_t> strides = layout.strides();
  Sum place;
  place.constant = layout.offset;
  for (size_t dim = 0; dim < indices.size(); ++dim) {
    const std::optional<Sum> index = sum_of(indices[dim]);
    if (!index) return std::nullopt;
    add(place, *index, strides[dim]);
  }
  if (!place.quotients.empty()) return std::nullopt;
  return Affine{place.constant, place.axes};
}

}  // namespace mlfc
