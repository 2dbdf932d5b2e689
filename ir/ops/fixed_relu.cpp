// Rectifiers of quantised elements in fixed point: elements above their zero point go through one
// scale, those below through another, which for prelu applies to the product with the slope.
#include "ir/ops/elementwise.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

using Operands = std::vector<Expr>;

Expr rectified(const Node& node, const Expr& x, const Expr& below) {
  const Expr zero = integer_expr(0, DType::i32);
  const Expr above = rescaled_by(node, x, "above");
  return as_output(node, select_expr(less(x, zero), rescaled_by(node, below, "below"), above));
}

Expr leaky_relu(const Node& node, const Operands& operands) {
  const Expr x = distance_from(operands[0], node.integer("x_zero_point"));
  return rectified(node, x, x);
}

Expr prelu(const Node& node, const Operands& operands) {
  const Expr x = distance_from(operands[0], node.integer("x_zero_point"));
  return rectified(node, x, x * distance_from(operands[1], node.integer("slope_zero_point")));
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::integers);
  if (node.inputs.size() > 1) check_accepts(node, 1, Accepts::integers);
  check_rounding(node);
  check_scale(node, "above");
  check_scale(node, "below");
  return {{output_dtype(node), elementwise_shape(node)}};
}

std::vector<AttributeSpec> attributes(bool has_slope) {
  std::vector<AttributeSpec> specs = {integer("x_zero_point", 0)};
  if (has_slope) specs.push_back(integer("slope_zero_point", 0));
  add_scale(specs, "above");
  add_scale(specs, "below");
  add_output(specs);
  return specs;
}

const Operator fixed_leaky_relu{
    .name = "fixed_leaky_relu",
    .summary = "Quantised elements on another scale, negative ones on a scale of their own.",
    .inputs = {"x"},
    .attributes = attributes(false),
    .infer = infer,
    .kernel = [](const Node& node) { return elementwise_kernel(node, leaky_relu); },
};
const RegisteredOperator registered_leaky{fixed_leaky_relu};

const Operator fixed_prelu{
    .name = "fixed_prelu",
    .summary = "Quantised elements on another scale, negative ones times a slope of their own.",
    .inputs = {"x", "slope"},
    .attributes = attributes(true),
    .infer = infer,
    .kernel = [](const Node& node) { return elementwise_kernel(node, prelu); },
};
const RegisteredOperator registered_prelu{fixed_prelu};

}  // namespace
}  // namespace mlfc
