// See the header.
#include "codegen/c/schedule_parts.h"

#include <algorithm>

#include "ir/affine.h"

namespace mlfc {

int64_t stride_in(const TensorType& type, const std::vector<Expr>& indices,
                  const std::string& axis) {
  const Layout layout = type.explicit_layout();
  int64_t stride = 0;
  for (size_t dim = 0; dim < indices.size(); ++dim) {
    const std::optional<Affine> index = affine_of(indices[dim]);
    if (!index) continue;
    stride += index->of(axis) * layout.axes[dim].back().stride;
  }
  return stride;
}

int64_t extent_of(const Kernel& kernel, const std::string& axis) {
  return find_axis(kernel, axis)->extent;
}

bool depends_on(const Expr& read, const std::string& axis) {
  return std::any_of(read->args.begin(), read->args.end(),
                     [&](const Expr& index) { return mentions_axis(index, axis); });
}

std::vector<Expr> reads_in(const Expr& expr) {
  std::vector<Expr> reads;
  for_each(expr, [&](const Expr& part) {
    if (part->kind == ExprKind::read) reads.push_back(part);
  });
  return reads;
}

int64_t good_block(int64_t extent, int64_t wanted, int64_t unit) {
  const int64_t most = (wanted + wanted / 3) / unit * unit;
  if (extent <= most) return extent;
  for (int64_t block = most; 2 * block > wanted; block -= unit) {
    if (extent % block == 0) return block;
  }
  return wanted;
}

int64_t divisor_up_to(int64_t extent, int64_t most) {
  for (int64_t block = most; 2 * block > most; --block) {
    if (extent % block == 0) return block;
  }
  return std::min(most, extent);
}

std::pair<std::string, std::string> split(Schedule& schedule, const std::string& axis,
                                          int64_t block) {
  if (axis.empty()) return {"", ""};
  if (block <= 1) return {axis, ""};
  schedule.words.push_back(split_word(axis, block));
  return {axis + ".o", axis + ".i"};
}

}  // namespace mlfc
