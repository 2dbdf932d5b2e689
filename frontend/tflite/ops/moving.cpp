// Helpers of rules that only move elements.
#include "frontend/tflite/ops/moving.h"

namespace mlfc {

void check_same_scale(const TfliteNode& node, int index, int output) {
  const TfliteQuantization& from = node.input_quantization(index);
  const TfliteQuantization& to = node.output_quantization(output);
  if (from.empty() || to.empty()) return;
  if (from.scales == to.scales && from.zero_points == to.zero_points) return;
  fail(node, "its input '", node.input_tensor(index).name, "' has another scale or zero point ",
       "than its output, although it only moves numbers");
}

Value& real_zero(TfliteNode& node, int output) {
  const TfliteTensor& result = node.output_tensor(output);
  const double zero =
      result.quantization.empty() ? 0 : static_cast<double>(result.quantization.zero_point());
  return node.scalar(result.dtype, zero);
}

int64_t axis_in(const TfliteNode& node, int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    fail(node, "axis ", axis, " does not exist in a tensor of rank ", rank);
  }
  return axis < 0 ? axis + rank : axis;
}

int64_t constant_integer(TfliteNode& node, int index) {
  const std::vector<int64_t> values = node.constant_integers(index);
  if (values.size() != 1) {
    fail(node, "its input ", index, " must be one number but holds ", values.size());
  }
  return values.front();
}

Value& sliced(TfliteNode& node, Value& x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  const auto list = [&](int64_t value) { return &node.integers_constant({value}); };
  return node.add("slice", {&x, list(start), list(end), list(axis), list(step)});
}

}  // namespace mlfc
