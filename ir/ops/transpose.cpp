// Permutes the dimensions; without `perm` it reverses them.
#include <algorithm>

#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

/// Which dimension of the input becomes dimension i of the output.
std::vector<int> permutation(const Node& node) {
  const int rank = node.input(0).type.rank();
  std::vector<int64_t> perm = node.integers("perm");
  if (!node.has("perm")) {
    for (int i = 0; i < rank; ++i) perm.push_back(rank - 1 - i);
  }
  if (static_cast<int>(perm.size()) != rank) {
    fail(node, "perm ", Shape(perm), " does not fit ", node.input(0).type);
  }
  return normalized_axes(node, perm, rank);
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  Shape shape;
  for (const int dim : permutation(node)) shape.push_back(x.shape[dim]);
  return {{x.dtype, shape}};
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const std::vector<int> perm = permutation(node);
  std::vector<Expr> from(at.size(), Expr(0));
  for (size_t i = 0; i < perm.size(); ++i) from[perm[i]] = at[i];
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

const Operator transpose{
    .name = "transpose",
    .summary = "Permutes the dimensions.",
    .onnx = {"Transpose"},
    .inputs = {"x"},
    .attributes = {ints("perm")},
    .infer = infer,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered{transpose};

}  // namespace
}  // namespace mlfc
