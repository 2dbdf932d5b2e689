// From reals to quantised tensors, and between quantised tensors on different scales.
#include "frontend/tflite/quantized.h"

namespace mlfc {
namespace {

/// A quantised tensor on the scale of `target`, at the ratio of the scales in double arithmetic.
Value& moved(TfliteNode& node, int index, const TfliteTensor& target) {
  const TfliteTensor& source = node.input_tensor(index);
  check_per_tensor(node, source);
  check_per_tensor(node, target);
  const TfliteQuantization& from = source.quantization;
  const TfliteQuantization& to = target.quantization;
  const bool same = from.scales == to.scales && from.zero_points == to.zero_points;
  if (same && source.dtype == target.dtype) return node.input(index);
  const double ratio = static_cast<double>(from.scale()) / static_cast<double>(to.scale());
  const ScaleConstants scale = scale_constants(node, {ratio});
  return node.add("requantize_fixed", {&node.input(index), scale.multiplier, scale.shift},
                  rounded_as_wanted(node, {{"x_zero_point", from.zero_point()},
                                           {"zero_point", to.zero_point()},
                                           {"dtype", to_text(target.dtype)}}));
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
      node.add("quantize_away", {&node.input(0), &node.scalar(DType::f32, scale_of(node, output))},
               {{"zero_point", zero_of(node, output)}, {"dtype", to_text(output.dtype)}}));
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
    {.name = "QUANTIZE", .computes = Computes::either, .convert = quantize},
    {.name = "CONCATENATION", .computes = Computes::quantized, .convert = concatenation},
});

}  // namespace
}  // namespace mlfc
