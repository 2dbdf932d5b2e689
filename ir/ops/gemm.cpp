// General matrix product: alpha * A * B + beta * C, either factor transposed, C broadcast.
#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

struct Dims {
  bool trans_a = false, trans_b = false;
  int64_t m = 0, n = 0, k = 0;
};

Dims dims_of(const Node& node) {
  const TensorType& a = node.input(0).type;
  const TensorType& b = node.input(1).type;
  if (a.rank() != 2 || b.rank() != 2) {
    fail(node, "a and b must be matrices but are ", a, " and ", b,
         "; flatten them first or use MatMul");
  }
  if (a.dtype != b.dtype) fail(node, "a and b must have one element type: ", a, ", ", b);
  Dims dims;
  dims.trans_a = node.integer("transA") != 0;
  dims.trans_b = node.integer("transB") != 0;
  dims.m = a.shape[dims.trans_a ? 1 : 0];
  dims.k = a.shape[dims.trans_a ? 0 : 1];
  dims.n = b.shape[dims.trans_b ? 0 : 1];
  const int64_t rows = b.shape[dims.trans_b ? 1 : 0];
  if (rows != dims.k) {
    fail(node, "a gives ", dims.k, " terms but b takes ", rows, ": ", a, ", ", b,
         "; check transA and transB");
  }
  const bool scales = node.real("alpha") != 1 || node.real("beta") != 1;
  if (scales && !is_float(a.dtype)) {
    fail(node, "alpha and beta of an integer product must be 1; scale it with separate nodes");
  }
  return dims;
}

std::vector<TensorType> infer(const Node& node) {
  const Dims dims = dims_of(node);
  const Shape shape = {dims.m, dims.n};
  const DType dtype = node.input(0).type.dtype;
  if (node.has_input(2)) {
    const TensorType& c = node.input(2).type;
    if (c.dtype != dtype) fail(node, "c must be ", dtype, " like a and b but is ", c);
    if (broadcast_shape(node, c.shape, shape) != shape) {
      fail(node, "c, ", c, ", does not broadcast to the product's shape ", shape);
    }
  }
  return {{dtype, shape}};
}

Kernel kernel(const Node& node) {
  const Dims dims = dims_of(node);
  const double alpha = node.real("alpha");
  const double beta = node.real("beta");
  KernelBuilder k(node);
  Reducer acc(k);
  const Expr m = parallel_axis(k, "m", dims.m);
  const Expr n = parallel_axis(k, "n", dims.n);
  const Expr inner = acc.axis("k", dims.k);
  const Expr left = dims.trans_a ? k.in(0)(inner, m) : k.in(0)(m, inner);
  const Expr right = dims.trans_b ? k.in(1)(n, inner) : k.in(1)(inner, n);

  Expr addend;
  if (k.has(2) && beta != 0) {
    addend = k.in(2).at(broadcast_indices(node.input(2).type.shape, {m, n}));
    if (beta != 1) addend = Expr(beta) * addend;
  }
  // With alpha of 1 the addend starts the sum; otherwise it may only join after the scaling.
  Expr result = acc.result(Combine::sum, left * right, alpha == 1 ? addend : Expr());
  if (alpha != 1) {
    result = Expr(alpha) * result;
    if (!addend.empty()) result = result + addend;
  }
  k.store(k.out()(m, n), result);
  return k.done();
}

const Operator gemm{
    .name = "gemm",
    .summary = "alpha * a * b + beta * c of matrices.",
    .onnx = {"Gemm"},
    .inputs = {"a", "b", "c?"},
    .attributes = {real("alpha", 1), real("beta", 1), integer("transA", 0), integer("transB", 0)},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{gemm};

}  // namespace
}  // namespace mlfc
