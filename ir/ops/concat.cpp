// Puts tensors one behind the other along an axis.
#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  if (node.inputs.empty()) fail(node, "has no inputs");
  TensorType result = node.input(0).type.plain();
  const int axis = normalized_axis(node, node.integer("axis"), result.rank());
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const TensorType& type = node.input(static_cast<int>(i)).type;
    if (type.dtype != result.dtype || type.rank() != result.rank()) {
      fail(node, "cannot join ", node.input(0).type, " and ", type);
    }
    for (int dim = 0; dim < type.rank(); ++dim) {
      if (dim == axis || type.shape[dim] == result.shape[dim]) continue;
      fail(node, node.input(0).type, " and ", type, " differ in dimension ", dim,
           " but are joined along ", axis);
    }
    result.shape[axis] += type.shape[axis];
  }
  return {result};
}

Kernel kernel(const Node& node) {
  const TensorType& y = node.output().type;
  const int axis = normalized_axis(node, node.integer("axis"), y.rank());
  KernelBuilder k(node);
  const std::vector<Expr> outer = parallel_axes(k, Shape(y.shape.begin(), y.shape.begin() + axis));
  int64_t offset = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Shape& shape = node.input(static_cast<int>(i)).type.shape;
    if (i > 0) k.stage();
    std::vector<Expr> from = outer;
    for (int dim = axis; dim < y.rank(); ++dim) {
      from.push_back(row_axis(k, "i" + std::to_string(dim), shape[dim]));
    }
    std::vector<Expr> to = from;
    to[axis] = from[axis] + Expr(offset);
    k.store(k.out().at(to), stored_element(k.in(static_cast<int>(i)), from));
    offset += shape[axis];
  }
  return k.done();
}

const Operator concat{
    .name = "concat",
    .summary = "Joins tensors along an axis.",
    .onnx = {"Concat"},
    .inputs = {"xs..."},
    .attributes = {required(integer("axis", 0))},
    .infer = infer,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered{concat};

}  // namespace
}  // namespace mlfc
