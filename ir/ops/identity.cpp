// Hands a value on unchanged.
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

const Operator identity{
    .name = "identity",
    .summary = "The input itself.",
    .onnx = {"Identity"},
    .inputs = {"x"},
    .infer = [](const Node& node) { return std::vector{node.input(0).type.plain()}; },
    .kernel =
        [](const Node& node) {
          return elementwise_kernel(node,
                                    [](const Node&, const std::vector<Expr>& x) { return x[0]; });
        },
    .moves_data_only = true,
};
const RegisteredOperator registered{identity};

}  // namespace
}  // namespace mlfc
