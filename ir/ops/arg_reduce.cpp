// The place of the largest or smallest element along an axis: one stage finds the element, the
// next its first (or last) place.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

int axis_of(const Node& node) {
  return normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  const TensorType& x = node.input(0).type;
  const int axis = axis_of(node);
  if (x.shape[axis] == 0)
    fail(node, "axis ", axis, " of ", x, " is empty and has no largest element");
  Shape shape = x.shape;
  shape[axis] = 1;
  if (node.integer("keepdims") == 0) shape.erase(shape.begin() + axis);
  return {{DType::i64, shape}};
}

Kernel found(const Node& node, Combine combine) {
  const TensorType& x = node.input(0).type;
  const int axis = axis_of(node);
  const bool last = node.integer("select_last_index") != 0;
  KernelBuilder k(node);
  std::vector<Expr> at(x.shape.size(), Expr(0));
  for (int i = 0; i < x.rank(); ++i) {
    if (i != axis) at[i] = parallel_axis(k, "i" + std::to_string(i), x.shape[i]);
  }
  std::vector<Expr> result = at;
  if (node.integer("keepdims") == 0) result.erase(result.begin() + axis);

  at[axis] = k.reduce("r", x.shape[axis]);
  const Expr best = k.reduction(combine, k.in(0).at(at), {}, "best");
  k.stage();
  at[axis] = k.reduce("j", x.shape[axis]);
  const Expr nowhere = integer_expr(last ? 0 : x.shape[axis] - 1, DType::i64);
  const Expr place =
      select_expr(equal(k.in(0).at(at), best), with_dtype(at[axis], DType::i64), nowhere);
  k.store(k.out().at(result), k.reduction(last ? Combine::max : Combine::min, place, {}, "place"));
  return k.done();
}

const std::vector<AttributeSpec> attributes = {integer("axis", 0), integer("keepdims", 1),
                                               integer("select_last_index", 0)};

const Operator arg_max{
    .name = "arg_max",
    .summary = "Place of the largest element along an axis.",
    .onnx = {"ArgMax"},
    .inputs = {"x"},
    .attributes = attributes,
    .infer = infer,
    .kernel = [](const Node& node) { return found(node, Combine::max); },
};
const RegisteredOperator registered_max{arg_max};

const Operator arg_min{
    .name = "arg_min",
    .summary = "Place of the smallest element along an axis.",
    .onnx = {"ArgMin"},
    .inputs = {"x"},
    .attributes = attributes,
    .infer = infer,
    .kernel = [](const Node& node) { return found(node, Combine::min); },
};
const RegisteredOperator registered_min{arg_min};

}  // namespace
}  // namespace mlfc
