// Matrix product with numpy's rules: leading dimensions broadcast, a vector on either side is a
// row or a column whose dimension disappears from the result.
#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

struct Dims {
  Shape batch = {};
  int64_t m = 1, n = 1, k = 0;
  bool left_vector = false, right_vector = false;
};

Shape batch_of(const Shape& shape) {
  return shape.size() <= 2 ? Shape() : Shape(shape.begin(), shape.end() - 2);
}

Dims dims_of(const Node& node) {
  const TensorType& a = node.input(0).type;
  const TensorType& b = node.input(1).type;
  if (a.dtype != b.dtype) fail(node, "both operands must have one element type: ", a, ", ", b);
  if (a.rank() == 0 || b.rank() == 0) {
    fail(node, "operands must have at least one dimension: ", a, ", ", b, "; use Mul for scalars");
  }
  Dims dims;
  dims.left_vector = a.rank() == 1;
  dims.right_vector = b.rank() == 1;
  dims.k = a.shape.back();
  const int64_t rows = dims.right_vector ? b.shape[0] : b.shape[b.rank() - 2];
  if (rows != dims.k) {
    fail(node, "the last dimension of a (", dims.k, ") must equal the ",
         dims.right_vector ? "length" : "second to last dimension", " of b (", rows, "): ", a, ", ",
         b);
  }
  if (!dims.left_vector) dims.m = a.shape[a.rank() - 2];
  if (!dims.right_vector) dims.n = b.shape.back();
  dims.batch = broadcast_shape(node, batch_of(a.shape), batch_of(b.shape));
  return dims;
}

std::vector<TensorType> infer(const Node& node) {
  const Dims dims = dims_of(node);
  Shape shape = dims.batch;
  if (!dims.left_vector) shape.push_back(dims.m);
  if (!dims.right_vector) shape.push_back(dims.n);
  return {{node.input(0).type.dtype, shape}};
}

Kernel kernel(const Node& node) {
  const Dims dims = dims_of(node);
  KernelBuilder k(node);
  Reducer acc(k);
  std::vector<Expr> result = parallel_axes(k, dims.batch, "b");
  const Expr m = parallel_axis(k, "m", dims.m);
  const Expr n = parallel_axis(k, "n", dims.n);
  const Expr inner = acc.axis("k", dims.k);

  std::vector<Expr> left = broadcast_indices(batch_of(node.input(0).type.shape), result);
  std::vector<Expr> right = broadcast_indices(batch_of(node.input(1).type.shape), result);
  if (!dims.left_vector) {
    left.push_back(m);
    result.push_back(m);
  }
  left.push_back(inner);
  right.push_back(inner);
  if (!dims.right_vector) {
    right.push_back(n);
    result.push_back(n);
  }
  k.store(k.out().at(result), acc.result(Combine::sum, k.in(0).at(left) * k.in(1).at(right)));
  return k.done();
}

const Operator matmul{
    .name = "matmul",
    .summary = "Matrix product with broadcast leading dimensions.",
    .onnx = {"MatMul"},
    .inputs = {"a", "b"},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{matmul};

}  // namespace
}  // namespace mlfc
