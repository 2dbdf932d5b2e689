// Between element types, and between reals and quantised numbers.
#include "frontend/tflite/ops/weights.h"

namespace mlfc {
namespace {

void cast(TfliteNode& node) {
  const DType to = node.output_tensor(0).dtype;
  if (to == DType::none) {
    fail(node, "casts to ", node.output_tensor(0).type_name, ", which is not supported");
  }
  node.set_output(0, node.add("cast", {&node.input(0)}, {{"to", to_text(to)}}));
}

/// From quantised numbers, or from f16, to reals.
void dequantize(TfliteNode& node) {
  if (!is_float(node.dtype(0))) {
    node.set_output(0, real_weights(node, 0));
    return;
  }
  cast(node);
}

const RegisteredTfliteRules registered({
    {.name = "CAST", .computes = Computes::either, .convert = cast},
    {.name = "DEQUANTIZE", .computes = Computes::either, .convert = dequantize},
});

}  // namespace
}  // namespace mlfc
