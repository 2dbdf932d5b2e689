// Pools and reductions of quantised tensors. Pools keep the scale and are limited to what the
// activation lets through; sums and means go through a rescaling that a mean's divisor is part of.
#include <algorithm>
#include <bit>

#include "frontend/tflite/ops/windows.h"
#include "frontend/tflite/quantized.h"

namespace mlfc {
namespace {

void pool(TfliteNode& node, const char* op) {
  if (node.rank(0) != 4) fail(node, "its image must have 4 dimensions but is ", node.input(0).type);
  check_same_quantization(node, node.input_tensor(0), node.output_tensor(0));
  const Shape taps = {node.integer("filter_height"), node.integer("filter_width")};
  Attributes attributes = window_attributes_2d(node, {node.shape(0)[1], node.shape(0)[2]}, taps);
  attributes["kernel_shape"] = taps;
  Value& x = node.channels_first(node.input(0));
  Value& result = node.add(op, {&x}, attributes);
  node.set_output(0, node.channels_last(limited(node, result, activation_range(node))));
}

/// The scale of a sum over the output's, divided by `count` in integers: the multiplier is shifted
/// left as far as the count has bits, then divided.
FixedScale shared_scale(double scale, int64_t count) {
  FixedScale fixed = fixed_scale(scale);
  const int64_t bits = std::bit_width(static_cast<uint64_t>(count)) - 1;
  const int64_t shift = std::min<int64_t>({bits, 32, 31 + fixed.shift});
  return {(fixed.multiplier << shift) / count, fixed.shift - shift};
}

void reduce(TfliteNode& node, bool is_mean) {
  check_per_tensor(node, node.input_tensor(0));
  check_per_tensor(node, node.output_tensor(0));
  const std::vector<int64_t> axes = node.constant_integers(1);
  Value& wide = node.add("cast", {&node.input(0)}, {{"to", std::string("i32")}});
  Value& sum = axes.empty() ? wide
                            : node.add("reduce_sum", {&wide, &node.integers_constant(axes)},
                                       {{"keepdims", int64_t{node.flag("keep_dims") ? 1 : 0}}});
  const int64_t outputs = std::max<int64_t>(sum.type.elements(), 1);
  const int64_t count = std::max<int64_t>(wide.type.elements() / outputs, 1);
  const double scale = static_cast<double>(scale_of(node, node.input_tensor(0))) /
                       static_cast<double>(scale_of(node, node.output_tensor(0)));
  const FixedScale fixed = is_mean ? shared_scale(scale, count) : fixed_scale(scale);
  Attributes attributes = stored_as_output(node);
  attributes["x_zero_point"] = zero_of(node, node.input_tensor(0)) * count;
  Value& y = node.add("requantize_fixed",
                      {&sum, &node.scalar(DType::i32, static_cast<double>(fixed.multiplier)),
                       &node.scalar(DType::i32, static_cast<double>(fixed.shift))},
                      attributes);
  node.set_output(0, y);
}

const RegisteredTfliteRules registered({
    {.name = "AVERAGE_POOL_2D",
     .computes = Computes::quantized,
     .convert = [](TfliteNode& node) { pool(node, "average_pool"); }},
    {.name = "MAX_POOL_2D",
     .computes = Computes::quantized,
     .convert = [](TfliteNode& node) { pool(node, "max_pool"); }},
    {.name = "MEAN",
     .computes = Computes::quantized,
     .inputs = 2,
     .convert = [](TfliteNode& node) { reduce(node, true); }},
    {.name = "SUM",
     .computes = Computes::quantized,
     .inputs = 2,
     .convert = [](TfliteNode& node) { reduce(node, false); }},
});

}  // namespace
}  // namespace mlfc
