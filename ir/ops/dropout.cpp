// Dropout as inference runs it: nothing is dropped, and the mask, when asked for, is all true.
#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  const TensorType x = node.input(0).type.plain();
  if (node.has_input(2)) {
    const bool nothing_to_drop =
        node.has_input(1) && node.input(1).is_constant() && node.input(1).constant->real(0) == 0;
    const std::vector<int64_t> training = constant_integers(node, 2);
    if (!training.empty() && training[0] != 0 && !nothing_to_drop) {
      fail(node, "training_mode is set; export the model for inference");
    }
  }
  std::vector<TensorType> types = {x, {DType::boolean, x.shape}};
  types.resize(node.outputs.size());
  return types;
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  k.store(k.out(0).at(at), k.in(0).at(at));
  if (k.has_out(1)) {
    k.stage();
    k.store(k.out(1).at(at), integer_expr(1, DType::boolean));
  }
  return k.done();
}

const Operator dropout{
    .name = "dropout",
    .summary = "Hands its input on; dropping is for training.",
    .onnx = {"Dropout"},
    .inputs = {"x", "ratio?", "training_mode?!"},
    .outputs = {"y", "mask?"},
    .adopt =
        [](ForeignNode& node) {
          drop_attributes(node, {"ratio", "seed", "is_test"});
        },
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{dropout};

}  // namespace
}  // namespace mlfc
