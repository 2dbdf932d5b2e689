// Steps of expansions between integers and the real numbers they stand for: shared by the operators
// whose tensors come with scales and zero points.
#pragma once

#include "ir/operator.h"

namespace mlfc {

/// What has a scale of its own when there is more than one.
enum class Entries : uint8_t { none, first_axis, rows, columns };

/// The inputs of a node that hold a tensor's scale and zero point; the latter may be absent.
struct Quantization {
  int scale = 0;
  int zero_point = -1;
  Entries entries = Entries::none;
};

struct QuantizedInput {
  int value = 0;
  Quantization quantization = {};
};

/// The real numbers that `x` stands for.
Value& dequantized(Expansion& expansion, Value& x, const Quantization& quantization);
/// The integers that stand for `x`: of the zero point's type, or `fallback` where there is none.
Value& quantized(Expansion& expansion, Value& x, const Quantization& quantization, DType fallback);
/// The real numbers that input `bias` stands for: sums of products of operands with the scales in
/// inputs `scale_a` and `scale_b`, times `factor`.
Value& dequantized_bias(Expansion& expansion, int bias, int scale_a, int scale_b,
                        double factor = 1);

}  // namespace mlfc
