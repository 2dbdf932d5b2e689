// Takes a range of each axis, with any non-zero step. Starts and ends may count from the end and
// may lie outside; they are limited to what exists.
#include <algorithm>

#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

struct Range {
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = 0;
};

Range limited(const Node& node, int64_t extent, int64_t start, int64_t end, int64_t step) {
  if (step == 0) fail(node, "'steps' holds 0; a slice must move");
  // Backwards, the last position is extent - 1 and "before the first" is -1.
  const int64_t lowest = step > 0 ? 0 : -1;
  const int64_t highest = step > 0 ? extent : extent - 1;
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  start = std::clamp(start, std::min<int64_t>(0, highest), std::max<int64_t>(highest, 0));
  end = std::clamp(end, lowest, std::max(highest, lowest));
  const int64_t distance = step > 0 ? end - start : start - end;
  if (distance <= 0) return {.start = start, .step = 1, .count = 0};
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0U - static_cast<uint64_t>(step);
  const auto count = static_cast<int64_t>((static_cast<uint64_t>(distance) - 1) / stride) + 1;
  return {.start = start, .step = count == 1 ? 1 : step, .count = count};
}

std::vector<Range> ranges_of(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::vector<int64_t> starts = constant_integers(node, 1);
  const std::vector<int64_t> ends = constant_integers(node, 2);
  std::vector<int64_t> axes;
  if (node.has_input(3)) {
    axes = constant_integers(node, 3);
  } else {
    for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  }
  std::vector<int64_t> steps(starts.size(), 1);
  if (node.has_input(4)) steps = constant_integers(node, 4);
  const size_t count = starts.size();
  if (ends.size() != count || axes.size() != count || steps.size() != count) {
    fail(node, "starts, ends, axes and steps must have equally many entries: ", count, ", ",
         ends.size(), ", ", axes.size(), ", ", steps.size());
  }
  std::vector<Range> ranges;
  for (const int64_t extent : x.shape) ranges.push_back({.count = extent});
  const std::vector<int> dims = normalized_axes(node, axes, x.rank());
  for (size_t i = 0; i < count; ++i) {
    ranges[dims[i]] = limited(node, x.shape[dims[i]], starts[i], ends[i], steps[i]);
  }
  return ranges;
}

std::vector<TensorType> infer(const Node& node) {
  Shape shape;
  for (const Range& range : ranges_of(node)) shape.push_back(range.count);
  return {{node.input(0).type.dtype, shape}};
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> from;
  for (const Range& range : ranges_of(node)) {
    from.push_back(at[from.size()] * Expr(range.step) + Expr(range.start));
  }
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

void adopt(ForeignNode& node) {
  attribute_to_input(node, "starts", 1);
  attribute_to_input(node, "ends", 2);
  attribute_to_input(node, "axes", 3);
}

const Operator slice{
    .name = "slice",
    .summary = "A range of each axis.",
    .onnx = {"Slice"},
    .inputs = {"x", "starts!", "ends!", "axes?!", "steps?!"},
    .adopt = adopt,
    .infer = infer,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered{slice};

}  // namespace
}  // namespace mlfc
