// How scales given as numbers, rows, columns or whole tensors with one dimension reduced become the
// axes and blocks of quantize_linear and dequantize_linear.
#include "ir/ops/quantized.h"

namespace mlfc {
namespace {

/// The attributes that say which entry of a scale belongs to which element of `x`.
Attributes placement(const Node& node, const Value& x, const Quantization& quantization) {
  const TensorType& scale = node.input(quantization.scale).type;
  const int rank = x.type.rank();
  if (scale.elements() == 1) return {};
  const auto reject = [&] {
    fail(node, input_name(node, quantization.scale), " is ", scale, ", which does not fit ",
         x.type.plain());
  };
  if (quantization.entries == Entries::none) {
    fail(node, input_name(node, quantization.scale), " must be one number but is ", scale);
  }
  if (scale.rank() <= 1) {
    const int64_t axis = quantization.entries == Entries::first_axis ? 0
                         : quantization.entries == Entries::rows     ? rank - 2
                                                                     : rank - 1;
    if (axis < 0) reject();
    return {{"axis", axis}};
  }
  // The tensor itself with the summed dimension reduced to 1 is one block along that dimension.
  const int64_t summed = quantization.entries == Entries::rows ? rank - 1 : rank - 2;
  const bool can_block = quantization.entries != Entries::first_axis && summed >= 0;
  if (!can_block || scale.rank() != rank || scale.shape[summed] != 1) reject();
  return {{"axis", summed}, {"block_size", x.type.shape[summed]}};
}

Value* zero_point_of(const Node& node, const Quantization& quantization) {
  const bool present = quantization.zero_point >= 0 && node.has_input(quantization.zero_point);
  return present ? &node.input(quantization.zero_point) : nullptr;
}

}  // namespace

Value& dequantized(Expansion& expansion, Value& x, const Quantization& quantization) {
  const Node& node = expansion.node();
  std::vector<Value*> inputs = {&x, &node.input(quantization.scale)};
  if (Value* zero = zero_point_of(node, quantization)) inputs.push_back(zero);
  return expansion.add("dequantize_linear", inputs, placement(node, x, quantization));
}

Value& quantized(Expansion& expansion, Value& x, const Quantization& quantization, DType fallback) {
  const Node& node = expansion.node();
  Attributes attributes = placement(node, x, quantization);
  std::vector<Value*> inputs = {&x, &node.input(quantization.scale)};
  if (Value* zero = zero_point_of(node, quantization)) {
    inputs.push_back(zero);
  } else {
    attributes["output_dtype"] = to_text(fallback);
  }
  return expansion.add("quantize_linear", inputs, std::move(attributes));
}

Value& dequantized_bias(Expansion& expansion, int bias, int scale_a, int scale_b, double factor) {
  const Node& node = expansion.node();
  Value& b = node.input(bias);
  if (b.type.dtype != DType::i32) {
    fail(node, input_name(node, bias), " must be of 32-bit integers but is ", b.type);
  }
  Value* scale = &expansion.add("mul", {&node.input(scale_a), &node.input(scale_b)});
  if (factor != 1) {
    scale = &expansion.add("mul", {scale, &expansion.scalar(scale->type.dtype, factor)});
  }
  return expansion.add("dequantize_linear", {&b, scale}, {{"axis", int64_t{b.type.rank()} - 1}});
}

}  // namespace mlfc
