// Integers for real numbers with halves rounded away from zero, as C's round() does. ONNX rounds
// halves to even: that is quantize_linear.
#include "ir/ops/axes.h"
#include "ir/ops/convert.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::reals);
  check_accepts(node, 1, Accepts::reals);
  if (node.input(1).type.elements() != 1) {
    fail(node, "scale must be one number but is ", node.input(1).type);
  }
  return {{output_dtype(node), node.input(0).type.shape}};
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const Expr scale = k.in(1).at(std::vector<Expr>(node.input(1).type.shape.size(), Expr(0)));
  const Expr steps = rounded_away(cast_expr(scale.dtype(), k.in(0).at(at)) / scale);
  // The limits come first, so that the conversion is defined for every number; not a number
  // becomes the lowest integer. 32 bits hold the distance from any zero point.
  const auto zero_point = static_cast<double>(node.integer("zero_point"));
  const DType dtype = output_dtype(node);
  const Expr low = lowest_of(dtype) - zero_point, high = highest_of(dtype) - zero_point;
  const Expr inside = min_expr(max_expr(low, steps), high);
  k.store(k.out().at(at), as_output(node, cast_expr(DType::i32, inside)));
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs;
  add_output(specs);
  return specs;
}

const Operator quantize_away{
    .name = "quantize_away",
    .summary = "Integers that stand for real numbers, halves rounded away from zero.",
    .inputs = {"x", "scale"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{quantize_away};

}  // namespace
}  // namespace mlfc
