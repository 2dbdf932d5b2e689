// Repetition: tile repeats a tensor along each axis, expand repeats dimensions of extent 1.
#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer_tile(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::vector<int64_t> repeats = constant_integers(node, 1);
  if (static_cast<int>(repeats.size()) != x.rank()) {
    fail(node, "repeats ", Shape(repeats), " does not fit ", x);
  }
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) {
    if (repeats[i] < 0) fail(node, "repeats ", Shape(repeats), " holds a negative number");
    shape.push_back(element_count({x.shape[i], repeats[i]}));
  }
  return {{x.dtype, shape}};
}

Kernel tile_kernel(const Node& node) {
  const Shape& from_shape = node.input(0).type.shape;
  const Shape& shape = node.output().type.shape;
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, shape);
  std::vector<Expr> from;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool repeats = shape[i] != from_shape[i];
    from.push_back(repeats ? floor_mod(at[i], Expr(from_shape[i])) : at[i]);
  }
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

const Operator tile{
    .name = "tile",
    .summary = "Repeats a tensor along each axis.",
    .onnx = {"Tile"},
    .inputs = {"x", "repeats!"},
    .infer = infer_tile,
    .kernel = tile_kernel,
};
const RegisteredOperator registered_tile{tile};

std::vector<TensorType> infer_expand(const Node& node) {
  const Shape wanted = constant_integers(node, 1);
  for (const int64_t dim : wanted) {
    if (dim < 0) fail(node, "shape ", wanted, " holds a negative dimension");
  }
  const TensorType& x = node.input(0).type;
  return {{x.dtype, broadcast_shape(node, x.shape, wanted)}};
}

Kernel expand_kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  k.store(k.out().at(at), stored_element(k.in(0), broadcast_indices(node.input(0).type.shape, at)));
  return k.done();
}

const Operator expand{
    .name = "expand",
    .summary = "Repeats dimensions of extent 1.",
    .onnx = {"Expand"},
    .inputs = {"x", "shape!"},
    .infer = infer_expand,
    .kernel = expand_kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_expand{expand};

}  // namespace
}  // namespace mlfc
