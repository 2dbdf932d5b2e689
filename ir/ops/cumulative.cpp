// Running sums and products along an axis, forwards or backwards, with or without the element
// itself. Each result reduces what lies before it; what would lie outside is the neutral element.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

int axis_of(const Node& node) {
  const std::vector<int64_t> axis = constant_integers(node, 1);
  if (axis.size() != 1) fail(node, "axis must be one number but has ", axis.size());
  return normalized_axis(node, axis[0], node.input(0).type.rank());
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  axis_of(node);
  return {node.input(0).type.plain()};
}

Kernel running(const Node& node, Combine combine) {
  const TensorType& x = node.input(0).type;
  const int axis = axis_of(node);
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, x.shape);
  const Expr back = k.reduce("r", x.shape[axis]);
  const Expr distance = back + Expr(node.integer("exclusive") != 0 ? 1 : 0);
  std::vector<Expr> place = at;
  place[axis] = node.integer("reverse") != 0 ? at[axis] + distance : at[axis] - distance;
  const Expr term = k.in(0).at(place).or_else(combine == Combine::product ? 1 : 0);
  k.store(k.out().at(at), k.reduction(combine, term));
  return k.done();
}

const std::vector<AttributeSpec> attributes = {integer("exclusive", 0), integer("reverse", 0)};

const Operator cumsum{
    .name = "cumsum",
    .summary = "Running sums along an axis.",
    .onnx = {"CumSum"},
    .inputs = {"x", "axis!"},
    .attributes = attributes,
    .infer = infer,
    .kernel = [](const Node& node) { return running(node, Combine::sum); },
};
const RegisteredOperator registered_sum{cumsum};

const Operator cumprod{
    .name = "cumprod",
    .summary = "Running products along an axis.",
    .onnx = {"CumProd"},
    .onnx_opset = 26,
    .inputs = {"x", "axis!"},
    .attributes = attributes,
    .infer = infer,
    .kernel = [](const Node& node) { return running(node, Combine::product); },
};
const RegisteredOperator registered_product{cumprod};

}  // namespace
}  // namespace mlfc
