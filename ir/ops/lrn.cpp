// Local response normalization: each element divided by a power of the squares around it, summed
// over the neighbouring channels.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::reals);
  if (x.rank() < 2) fail(node, "x must have batch and channel dimensions but is ", x);
  constexpr int64_t largest = 1 << 20;
  const int64_t size = node.integer("size");
  if (size < 1 || size > largest) fail(node, "size is ", size, "; it must be 1 to ", largest);
  return {x.plain()};
}

Kernel kernel(const Node& node) {
  const int64_t size = node.integer("size");
  KernelBuilder k(node);
  Reducer acc(k);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> neighbour = at;
  neighbour[1] = at[1] + acc.axis("r", size) - Expr((size - 1) / 2);
  const Expr x = k.in(0).at(neighbour).or_else(0);
  const Expr squares = acc.result(Combine::sum, x * x);
  const Expr base =
      Expr(node.real("bias")) + Expr(node.real("alpha") / static_cast<double>(size)) * squares;
  k.store(k.out().at(at), k.in(0).at(at) / call_expr("pow", {base, Expr(node.real("beta"))}));
  return k.done();
}

const Operator lrn{
    .name = "lrn",
    .summary = "Normalizes by the squares of neighbouring channels.",
    .onnx = {"LRN"},
    .inputs = {"x"},
    .attributes = {real("alpha", 0.0001), real("beta", 0.75), real("bias", 1),
                   required(integer("size", 1))},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{lrn};

}  // namespace
}  // namespace mlfc
