// Checks single expressions. The interesting part is showing that reads stay inside their tensors:
// interval arithmetic decides almost always; where it is too coarse - (i // 3) * 3 + i % 3, or a
// loop clipped by an outer one - the index is evaluated for every turn of the loops it depends on,
// or for evenly spaced ones and the last when they are too many.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "ir/verify_parts.h"

namespace mlfc {
namespace {

constexpr int64_t kMostTurns = int64_t{1} << 20;

using Environment = std::map<std::string, int64_t>;

std::optional<int64_t> evaluated(const Expr& expr, const Environment& axes) {
  if (expr->kind == ExprKind::constant && !expr->is_real) return expr->integer;
  if (expr->kind == ExprKind::axis) {
    const auto found = axes.find(expr->name);
    return found == axes.end() ? std::nullopt : std::optional(found->second);
  }
  const bool computes = expr->kind == ExprKind::call && expr->function->integer != nullptr;
  if (!computes || expr->args.size() > 3) return std::nullopt;
  int64_t args[3] = {};
  for (size_t i = 0; i < expr->args.size(); ++i) {
    const std::optional<int64_t> arg = evaluated(expr->args[i], axes);
    if (!arg) return std::nullopt;
    args[i] = *arg;
  }
  return expr->function->integer(args);
}

// Walks the turns of the loops an index depends on.
constexpr int64_t kMostIndex = int64_t{1} << 48;  // nothing real is larger, and sums still fit

class Enumeration {
 public:
  Enumeration(const Expr& index, const Surroundings& around) : index_(index) {
    std::set<std::string> needed;
    const auto need = [&](const Expr& expr) {
      for_each(expr, [&](const Expr& part) {
        if (part->kind == ExprKind::axis) needed.insert(part->name);
      });
    };
    need(index);
    // Inner loops first, because their bounds may need outer ones.
    for (size_t i = around.loops.size(); i-- > 0;) {
      const LoopVariable& loop = around.loops[i];
      if (needed.erase(loop.name) == 0) continue;
      need(loop.begin);
      need(loop.end);
      loops_.insert(loops_.begin(), &loop);
    }
  }

  std::optional<Range> range() {
    if (!loops_.empty()) {
      const std::optional<Affine> affine = affine_of(index_);
      ends_suffice_ = affine && affine->of(loops_.back()->name) != 0;
      const double depth = static_cast<double>(loops_.size()) - (ends_suffice_ ? 1 : 0);
      most_here_ = static_cast<int64_t>(std::pow(kMostTurns, 1 / std::max(depth, 1.0)));
    }
    if (!walk(0)) return std::nullopt;
    return found_;
  }

 private:
  bool walk(size_t depth) {
    if (depth == loops_.size()) {
      const std::optional<int64_t> value = evaluated(index_, axes_);
      if (!value) return false;
      const bool is_first = found_.first > found_.last;
      found_.first = is_first ? *value : std::min(found_.first, *value);
      found_.last = is_first ? *value : std::max(found_.last, *value);
      return true;
    }
    const LoopVariable& loop = *loops_[depth];
    const std::optional<int64_t> begin = evaluated(loop.begin, axes_);
    const std::optional<int64_t> end = evaluated(loop.end, axes_);
    if (!begin || !end || loop.step < 1) return false;
    if (*begin >= *end) return true;
    if (*begin < -kMostIndex || *end > kMostIndex || loop.step > kMostIndex) return false;
    const int64_t turns = (*end - 1 - *begin) / loop.step + 1;
    const int64_t last = *begin + (turns - 1) * loop.step;
    const int64_t stride = turns_between(depth, turns) * loop.step;
    for (int64_t turn = *begin; turn < last; turn += stride) {
      axes_[loop.name] = turn;
      if (!walk(depth + 1)) return false;
    }
    axes_[loop.name] = last;
    return walk(depth + 1);
  }

  // Of the innermost loop the ends are enough when the index grows or falls steadily.
  int64_t turns_between(size_t depth, int64_t turns) const {
    const bool only_ends = ends_suffice_ && depth + 1 == loops_.size();
    return only_ends ? turns : (turns + most_here_ - 1) / most_here_;
  }

  const Expr& index_;
  std::vector<const LoopVariable*> loops_;
  Environment axes_;
  bool ends_suffice_ = false;
  int64_t most_here_ = kMostTurns;  ///< turns of one loop that are looked at
  Range found_ = {0, -1};
};

// Coarse ranges of the loops: bounds by interval arithmetic.
std::optional<Ranges> loop_ranges(const Surroundings& around) {
  Ranges ranges;
  for (const LoopVariable& loop : around.loops) {
    const std::optional<Range> begin = range_of(loop.begin, ranges);
    const std::optional<Range> end = range_of(loop.end, ranges);
    if (!begin || !end) return std::nullopt;
    ranges[loop.name] = {begin->first, std::max(begin->first, end->last - 1)};
  }
  return ranges;
}

// Arithmetic on indices is not checked for overflow anywhere else.
bool stays_small(const Expr& index) {
  const std::optional<Affine> affine = affine_of(index);
  if (!affine) return true;
  const auto is_small = [](int64_t n) { return n <= kMostIndex && n >= -kMostIndex; };
  return is_small(affine->constant) &&
         std::all_of(affine->coefficients.begin(), affine->coefficients.end(),
                     [&](const auto& term) { return is_small(term.second); });
}

// Of a tensor without elements nothing is computed, so that what would be read does not matter.
bool is_never_reached(const Surroundings& around) {
  return std::ranges::any_of(around.loops, [](const LoopVariable& loop) {
    const std::optional<Range> begin = range_of(loop.begin, {});
    const std::optional<Range> end = range_of(loop.end, {});
    return begin && end && end->last <= begin->first;
  });
}

void check_index(Problems& problems, const Param& tensor, size_t axis, const Expr& index,
                 const Surroundings& around, int64_t length) {
  const int64_t extent = tensor.type.shape[axis];
  if (extent == 0 || is_never_reached(around)) return;
  if (!problems.require(stays_small(index), "index ", axis, " of ", tensor.name, ", ", index,
                        ", overflows")) {
    return;
  }
  const auto fits = [&](const Range& range) {
    return range.first > range.last || (range.first >= 0 && range.last + length <= extent);
  };
  const std::optional<Ranges> ranges = loop_ranges(around);
  const std::optional<Range> coarse = ranges ? range_of(index, *ranges) : std::nullopt;
  if (coarse && fits(*coarse)) return;
  const std::optional<Range> exact = exact_range(index, around);
  // Nothing is known of an index that is read from data; its kernel answers for it.
  if (!exact && !coarse) return;
  if (exact && fits(*exact)) return;
  const Range range = exact ? *exact : *coarse;
  problems.report("index ", axis, " of ", tensor.name, ", ", index, ", runs over ", range.first,
                  "..", range.last + length - 1, exact ? "" : " as far as can be shown",
                  ", outside of ", tensor.type);
}

void check_call(Problems& problems, const Expr& expr) {
  const ScalarFunction& function = *expr->function;
  problems.require(static_cast<int>(expr->args.size()) == function.arity, "'", function.name,
                   "' with ", expr->args.size(), " operands in ", expr);
  DType common = DType::none;
  for (size_t i = function.condition_first ? 1 : 0; i < expr->args.size(); ++i) {
    const DType dtype = expr->args[i].dtype();
    if (common == DType::none) common = dtype;
    problems.require(dtype == common, "operands of ", common, " and ", dtype, " in ", expr);
  }
  const DType result = function.result == ResultRule::boolean ? DType::boolean : common;
  problems.require(expr.dtype() == result, expr, " is of ", result, ", not ", expr.dtype());
  const bool is_defined = is_float(common) ? function.real != nullptr : function.integer != nullptr;
  const bool is_known = common != DType::none;
  problems.require(!is_known || is_defined, "'", function.name, "' has no meaning for ", common);
}

void check_read(Problems& problems, const Expr& read, const Surroundings& around) {
  const Param* tensor = around.find_tensor(read->name);
  if (!problems.require(tensor != nullptr, "there is no tensor '", read->name, "' for ", read)) {
    return;
  }
  problems.require(read.dtype() == tensor->type.dtype, read, " is of ", read.dtype(), " but ",
                   tensor->name, " of ", tensor->type.dtype);
  if (!read->otherwise.empty()) {
    for (const Expr& index : read->args) {
      problems.require(stays_small(index), "the index ", index, " of ", read->name, " overflows");
    }
    problems.require(read->otherwise.dtype() == read.dtype(), "the value of ", read,
                     " outside its tensor is of ", read->otherwise.dtype());
    problems.require(read->args.size() == tensor->type.shape.size(), read, " does not fit ",
                     tensor->type);
    return;
  }
  check_element(problems, *tensor, read->args, around);
}

}  // namespace

const Param* Surroundings::find_tensor(std::string_view name) const {
  for (size_t i = tensors.size(); i-- > 0;) {
    if (tensors[i]->name == name) return tensors[i];
  }
  return nullptr;
}

bool Surroundings::knows(std::string_view name) const {
  const auto is_it = [&](const auto& named) { return named.first == name; };
  return find_tensor(name) != nullptr || std::any_of(scalars.begin(), scalars.end(), is_it) ||
         std::any_of(loops.begin(), loops.end(), [&](const auto& l) { return l.name == name; });
}

std::optional<Range> exact_range(const Expr& index, const Surroundings& around) {
  return Enumeration(index, around).range();
}

void check_element(Problems& problems, const Param& tensor, const std::vector<Expr>& indices,
                   const Surroundings& around, const Shape& extents) {
  const size_t rank = tensor.type.shape.size();
  const bool fits = indices.size() == rank && (extents.empty() || extents.size() == rank);
  if (!problems.require(fits, indices.size(), " indices for ", tensor.name, " of ", tensor.type)) {
    return;
  }
  for (size_t axis = 0; axis < indices.size(); ++axis) {
    const DType dtype = indices[axis].dtype();
    problems.require(is_integer(dtype), "index ", indices[axis], " of ", tensor.name, " is of ",
                     dtype);
    check_index(problems, tensor, axis, indices[axis], around, extents.empty() ? 1 : extents[axis]);
  }
}

void check_expr(Problems& problems, const Expr& expr, const Surroundings& around) {
  if (!problems.require(!expr.empty(), "an expression is missing")) return;
  for_each(expr, [&](const Expr& part) {
    switch (part->kind) {
      case ExprKind::constant:
        break;
      case ExprKind::axis: {
        const auto& loops = around.loops;
        const bool is_known = std::any_of(
            loops.begin(), loops.end(), [&](const auto& loop) { return loop.name == part->name; });
        problems.require(is_known, "there is no axis '", part->name, "' around ", expr);
        break;
      }
      case ExprKind::local: {
        const auto& scalars = around.scalars;
        const auto found = std::find_if(scalars.begin(), scalars.end(), [&](const auto& scalar) {
          return scalar.first == part->name;
        });
        const bool is_known = found != scalars.end() && found->second == part.dtype();
        problems.require(is_known, "there is no ", part.dtype(), " '", part->name, "' for ", expr);
        break;
      }
      case ExprKind::read:
        check_read(problems, part, around);
        break;
      case ExprKind::call:
        check_call(problems, part);
        break;
      case ExprKind::cast:
        problems.require(part.dtype() != DType::none, "a conversion to nothing in ", expr);
        break;
    }
  });
}

void check_type(Problems& problems, const TensorType& type, std::string_view name) {
  if (!problems.require(type.dtype != DType::none, name, " has no dtype")) return;
  for (const int64_t extent : type.shape) {
    if (!problems.require(extent >= 0, name, " has the shape ", type.shape)) return;
  }
  if (!type.layout) return;
  const std::string misfit = why_misfit(*type.layout, type.shape);
  problems.require(misfit.empty(), name, " of shape ", type.shape, " has a layout with ", misfit);
}

}  // namespace mlfc
