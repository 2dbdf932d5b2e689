// Cuts or pads axes evenly on both sides to a wanted shape.
#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

/// The wanted extent of every axis.
Shape wanted_shape(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::vector<int64_t> wanted = constant_integers(node, 1);
  std::vector<int64_t> axes = node.integers("axes");
  if (!node.has("axes")) {
    for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  }
  if (axes.size() != wanted.size()) {
    fail(node, "shape has ", wanted.size(), " entries for ", axes.size(), " axes");
  }
  Shape shape = x.shape;
  const std::vector<int> dims = normalized_axes(node, axes, x.rank());
  for (size_t i = 0; i < dims.size(); ++i) {
    if (wanted[i] < 0) fail(node, "shape ", wanted, " holds a negative dimension");
    shape[dims[i]] = wanted[i];
  }
  return shape;
}

Kernel kernel(const Node& node) {
  const Shape& from_shape = node.input(0).type.shape;
  const Shape& shape = node.output().type.shape;
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, shape);
  std::vector<Expr> from;
  bool pads = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    pads |= shape[i] > from_shape[i];
    // Of an odd difference the larger half is at the end.
    const bool grows = shape[i] > from_shape[i];
    from.push_back(grows ? at[i] - Expr((shape[i] - from_shape[i]) / 2)
                         : at[i] + Expr((from_shape[i] - shape[i]) / 2));
  }
  Expr element = stored_element(k.in(0), from);
  if (pads) element = element.or_else(0);
  k.store(k.out().at(at), element);
  return k.done();
}

const Operator center_crop_pad{
    .name = "center_crop_pad",
    .summary = "The middle of a tensor, or the tensor in the middle of zeros.",
    .onnx = {"CenterCropPad"},
    .onnx_opset = 18,
    .inputs = {"x", "shape!"},
    .attributes = {ints("axes")},
    .infer =
        [](const Node& node) {
          return std::vector<TensorType>{{node.input(0).type.dtype, wanted_shape(node), {}}};
        },
    .kernel = kernel,
};
const RegisteredOperator registered{center_crop_pad};

}  // namespace
}  // namespace mlfc
