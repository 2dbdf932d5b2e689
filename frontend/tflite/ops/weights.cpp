// Quantised weights of operators on reals.
#include "frontend/tflite/ops/weights.h"

namespace mlfc {

Value& real_weights(TfliteNode& node, int index) {
  Value& stored = node.input(index);
  if (is_float(stored.type.dtype)) return stored;
  const TfliteQuantization& quantization = node.input_quantization(index);
  if (quantization.empty()) {
    fail(node, "its input ", index, " holds integers without a scale, but the others are reals");
  }
  const auto count = static_cast<int64_t>(quantization.scales.size());
  const Shape shape = quantization.per_axis() ? Shape{count} : Shape{};
  const std::vector<double> scales(quantization.scales.begin(), quantization.scales.end());
  const std::vector<double> zero_points(quantization.zero_points.begin(),
                                        quantization.zero_points.end());
  Value& scale = node.constant(tensor_of(DType::f32, shape, scales));
  Value& zero_point = node.constant(tensor_of(stored.type.dtype, shape, zero_points));
  return node.add("dequantize_linear", {&stored, &scale, &zero_point},
                  {{"axis", static_cast<int64_t>(quantization.axis)}});
}

}  // namespace mlfc
