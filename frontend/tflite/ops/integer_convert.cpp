// Between real and quantised tensors, and between quantised tensors on different scales.
#include <algorithm>

#include "frontend/tflite/quantized.h"

namespace mlfc {
namespace {

/// A quantised tensor on the scale of `target`, at the ratio of the scales in double arithmetic.
Value& moved(TfliteNode& node, int index, const TfliteTensor& target) {
  const TfliteTensor& source = node.input_tensor(index);
  check_per_tensor(node, source);
  const Quantization& from = source.quantization;
  const Quantization& to = target.quantization;
  const bool same = from.scales == to.scales && from.zero_points == to.zero_points;
  if (same && source.dtype == target.dtype) return node.input(index);
  const double ratio = static_cast<double>(from.scale()) / static_cast<double>(to.scale());
  const ScaleConstants scale = scale_constants(node, {ratio});
  return node.add("requantize_fixed", {&node.input(index), scale.multiplier, scale.shift},
                  {{"x_zero_point", from.zero_point()},
                   {"zero_point", to.zero_point()},
                   {"dtype", to_text(target.dtype)}});
}

void quantize(TfliteNode& node) {
  const TfliteTensor& output = node.output_tensor(0);
  check_per_tensor(node, output);
  if (!is_float(node.dtype(0))) {
    node.set_output(0, moved(node, 0, output));
    return;
  }
  node.set_output(
      0,
      node.add(
          "quantize_away", {&node.input(0), &node.scalar(DType::f32, output.quantization.scale())},
          {{"zero_point", output.quantization.zero_point()}, {"dtype", to_text(output.dtype)}}));
}

Value& real_constant(TfliteNode& node, const std::vector<float>& numbers) {
  Shape shape;
  if (numbers.size() > 1) shape.push_back(static_cast<int64_t>(numbers.size()));
  return node.constant(tensor_of(DType::f32, shape, {numbers.begin(), numbers.end()}));
}

void dequantize(TfliteNode& node) {
  const Quantization& quantization = node.input_quantization(0);
  if (quantization.empty()) fail(node, "its input has no scale");
  std::vector<Value*> inputs = {&node.input(0), &real_constant(node, quantization.scales)};
  const std::vector<int64_t>& points = quantization.zero_points;
  const bool shifted = std::any_of(points.begin(), points.end(), [](int64_t p) { return p != 0; });
  if (shifted) {
    Shape shape;
    if (points.size() > 1) shape.push_back(static_cast<int64_t>(points.size()));
    inputs.push_back(
        &node.constant(tensor_of(node.dtype(0), shape, {points.begin(), points.end()})));
  }
  node.set_output(0, node.add("dequantize_linear", inputs,
                              {{"axis", static_cast<int64_t>(quantization.axis)}}));
}

void concatenation(TfliteNode& node) {
  std::vector<Value*> parts;
  for (int i = 0; i < node.input_count(); ++i) {
    parts.push_back(&moved(node, i, node.output_tensor(0)));
  }
  Value& joined = node.add("concat", parts, {{"axis", node.integer("axis")}});
  node.set_output(0, limited(node, joined, activation_range(node)));
}

const RegisteredTfliteRules registered({
    {.name = "QUANTIZE", .computes = Computes::quantized, .convert = quantize},
    {.name = "DEQUANTIZE", .computes = Computes::quantized, .convert = dequantize},
    {.name = "CONCATENATION", .computes = Computes::quantized, .convert = concatenation},
});

}  // namespace
}  // namespace mlfc
