// Divides every row along one axis by its p-norm; a row of zeros stays as it is.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/lp_norm.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::reals);
  normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
  const int64_t p = node.integer("p");
  if (p != 1 && p != 2) fail(node, "p is ", p, " but must be 1 or 2");
  return {node.input(0).type.plain()};
}

Kernel kernel(const Node& node) {
  const TensorType& x = node.input(0).type;
  const int axis = normalized_axis(node, node.integer("axis"), x.rank());
  const int64_t p = node.integer("p");
  KernelBuilder k(node);
  std::vector<Expr> at(x.shape.size(), Expr(0));
  for (int i = 0; i < x.rank(); ++i) {
    if (i != axis) at[i] = parallel_axis(k, "i" + std::to_string(i), x.shape[i]);
  }
  const TensorRef norm = k.local("norm", compute_dtype(x.dtype), {});
  Reducer terms(k);
  at[axis] = terms.axis("r", x.shape[axis]);
  const Expr total = terms.result(Combine::sum, lp_term(k.in(0).at(at), p), {}, "total");
  k.store(norm(), lp_root(total, p));

  k.stage();
  at[axis] = row_axis(k, "j", x.shape[axis]);
  const Expr divisor = select_expr(equal(norm(), 0), with_dtype(1, norm().dtype()), norm());
  k.store(k.out().at(at), k.in(0).at(at) / divisor);
  return k.done();
}

const Operator lp_normalization{
    .name = "lp_normalization",
    .summary = "Divides every row by its p-norm.",
    .onnx = {"LpNormalization"},
    .inputs = {"x"},
    .attributes = {integer("axis", -1), integer("p", 2)},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{lp_normalization};

}  // namespace
}  // namespace mlfc
