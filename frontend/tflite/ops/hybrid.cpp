// Real activations with integer weights, as the reference computes them.
#include "frontend/tflite/ops/hybrid.h"

#include "frontend/tflite/import.h"

namespace mlfc {
namespace {

/// The scales of the weights, one or one a channel; they are symmetric.
Value& weight_scales(TfliteNode& node, const Shape& per_channel) {
  const TfliteQuantization& quantization = node.input_quantization(1);
  for (const int64_t zero_point : quantization.zero_points) {
    if (zero_point != 0) fail(node, "its weights have the zero point ", zero_point);
  }
  const std::vector<double> scales(quantization.scales.begin(), quantization.scales.end());
  return node.constant(
      tensor_of(DType::f32, quantization.per_axis() ? per_channel : Shape{}, scales));
}

Value& real_sums(TfliteNode& node, Value& sums, Value& scale) {
  Value& reals = node.add("cast", {&sums}, {{"to", to_text(DType::f32)}});
  return node.add("mul", {&reals, &scale});
}

}  // namespace

bool is_hybrid(TfliteNode& node) {
  if (node.import_options().real_weights) return false;
  return is_float(node.dtype(0)) && node.dtype(1) == DType::i8 &&
         !node.input_quantization(1).empty();
}

Value& hybrid_product(TfliteNode& node, Value& rows) {
  const bool is_symmetric = !node.flag("asymmetric_quantize_inputs");
  const std::vector<Value*> stored =
      node.add_all("quantize_rows", {&rows}, 3, {{"symmetric", int64_t{is_symmetric ? 1 : 0}}});
  Value& weights = node.transposed(node.input(1), {1, 0});
  std::vector<Value*> operands = {stored[0], &weights};
  if (!is_symmetric) operands.push_back(stored[2]);
  Value& sums = node.add("matmul_integer", operands);
  Value& row_scales = node.reshaped(*stored[1], {rows.type.shape[0], 1});
  Value& scale = node.add("mul", {&row_scales, &weight_scales(node, {1, weights.type.shape[1]})});
  Value& result = real_sums(node, sums, scale);
  if (!node.has_input(2)) return result;
  return node.add("add", {&result, &node.input(2)});
}

Value& hybrid_convolution(TfliteNode& node, Value& x, Value& filter, Attributes attributes,
                          bool always_asymmetric) {
  const int64_t batch = x.type.shape[0];
  const int64_t channels = filter.type.shape[0];
  const bool has_zero_point = always_asymmetric || node.input_quantization(1).per_axis();
  const std::vector<Value*> stored =
      node.add_all("quantize_rows", {&x}, 3, {{"symmetric", int64_t{has_zero_point ? 0 : 1}}});
  std::vector<Value*> operands = {stored[0], &filter};
  if (has_zero_point && batch == 1) operands.push_back(&node.reshaped(*stored[2], {}));
  if (has_zero_point && batch > 1) {
    // Each image has a zero point of its own: count from it beforehand.
    const auto wide = [&](Value& value) -> Value& {
      return node.add("cast", {&value}, {{"to", to_text(DType::i16)}});
    };
    Value& zero = wide(node.reshaped(*stored[2], {batch, 1, 1, 1}));
    operands = {&node.add("sub", {&wide(*stored[0]), &zero}), &wide(filter)};
  }
  Value& sums = node.add("conv_integer", operands, std::move(attributes));
  Value& by_channel = node.add("mul", {&weight_scales(node, {1, channels, 1, 1}),
                                       &node.reshaped(*stored[1], {batch, 1, 1, 1})});
  Value& result = real_sums(node, sums, by_channel);
  if (!node.has_input(2)) return result;
  return node.add("add", {&result, &node.reshaped(node.input(2), {1, channels, 1, 1})});
}

}  // namespace mlfc
