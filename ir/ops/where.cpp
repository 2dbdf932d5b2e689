// Chooses between two operands element by element.
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::booleans);
  check_same_dtype(node, 1);
  return {{node.input(1).type.dtype, elementwise_shape(node)}};
}

Kernel kernel(const Node& node) {
  return elementwise_kernel(
      node, [](const Node&, const std::vector<Expr>& x) { return select_expr(x[0], x[1], x[2]); });
}

const Operator where{
    .name = "where",
    .summary = "Takes each element from a where the condition holds, else from b.",
    .onnx = {"Where"},
    .inputs = {"condition", "a", "b"},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{where};

}  // namespace
}  // namespace mlfc
