// Interior and border of a split axis.
#include "passes/loop/segments.h"

#include <algorithm>

namespace mlfc {
namespace {

int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
int64_t ceil_divide(int64_t a, int64_t b) {
  return -floor_divide(-a, b);
}

// Narrows `interior` to the values v of the axis with 0 <= c*v + rest < extent for all of `rest`.
void narrow(Range& interior, const Affine& index, const Axis& axis, int64_t extent,
            const Ranges& axes) {
  const int64_t c = index.of(axis.name);
  Affine rest = index;
  rest.coefficients.erase(axis.name);
  const std::optional<Range> others = range_of(to_expr(rest), axes);
  if (c == 0 || !others) return;
  const int64_t low = -others->first, high = extent - 1 - others->last;  // low <= c*v <= high
  if (c > 0) {
    interior.first = std::max(interior.first, ceil_divide(low, c));
    interior.last = std::min(interior.last, floor_divide(high, c));
  } else {
    interior.first = std::max(interior.first, ceil_divide(high, c));
    interior.last = std::min(interior.last, floor_divide(low, c));
  }
}

}  // namespace

Range interior_of(const Kernel& kernel, const Stage& stage, const Axis& axis, const Ranges& axes) {
  Range interior{0, axis.extent - 1};
  if (!stage.reduction) return interior;
  for_each(stage.reduction->body, [&](const Expr& part) {
    if (part->kind != ExprKind::read || part->otherwise.empty()) return;
    const Param* tensor = find_param(kernel, part->name);
    for (size_t dim = 0; dim < part->args.size(); ++dim) {
      const std::optional<Affine> index = affine_of(part->args[dim]);
      if (index) narrow(interior, *index, axis, tensor->type.shape[dim], axes);
    }
  });
  return interior;
}

std::vector<Segment> cut_into_segments(int64_t extent, int64_t block, const Range& interior) {
  std::vector<Segment> segments;
  const auto is_inside = [&](int64_t begin) {
    return begin >= interior.first && begin + block - 1 <= interior.last;
  };
  int64_t begin = 0;
  for (; begin + block <= extent; begin += block) {
    const bool joins = !segments.empty() && is_inside(begin) && is_inside(segments.back().begin);
    if (joins) {
      ++segments.back().blocks;
    } else {
      segments.push_back({begin, 1, block});
    }
  }
  if (begin < extent) segments.push_back({begin, 1, extent - begin});
  return segments;
}

}  // namespace mlfc
