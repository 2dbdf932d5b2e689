// Hands a value on unchanged.
#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  k.store(k.out().at(at), stored_element(k.in(0), at));
  return k.done();
}

const Operator identity{
    .name = "identity",
    .summary = "The input itself.",
    .onnx = {"Identity"},
    .inputs = {"x"},
    .infer = [](const Node& node) { return std::vector{node.input(0).type.plain()}; },
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered{identity};

}  // namespace
}  // namespace mlfc
