// Matrix product with numpy's rules: leading dimensions broadcast, a vector on either side is a
// row or a column whose dimension disappears from the result. Of numbers as they are, and of
// integers counted from their zero points.
#include "ir/operator.h"
#include "ir/ops/axes.h"
#include "ir/ops/zero_point.h"

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

Shape product_shape(const Node& node) {
  const Dims dims = dims_of(node);
  Shape shape = dims.batch;
  if (!dims.left_vector) shape.push_back(dims.m);
  if (!dims.right_vector) shape.push_back(dims.n);
  return shape;
}

/// Where one term of the sum reads and the sum goes.
struct Places {
  std::vector<Expr> left = {};
  std::vector<Expr> right = {};
  std::vector<Expr> result = {};
};

Places places_of(const Node& node, KernelBuilder& k, Reducer& acc) {
  const Dims dims = dims_of(node);
  Places places;
  places.result = parallel_axes(k, dims.batch, "b");
  const Expr m = parallel_axis(k, "m", dims.m);
  const Expr n = parallel_axis(k, "n", dims.n);
  const Expr inner = acc.axis("k", dims.k);

  places.left = broadcast_indices(batch_of(node.input(0).type.shape), places.result);
  places.right = broadcast_indices(batch_of(node.input(1).type.shape), places.result);
  if (!dims.left_vector) {
    places.left.push_back(m);
    places.result.push_back(m);
  }
  places.left.push_back(inner);
  places.right.push_back(inner);
  if (!dims.right_vector) {
    places.right.push_back(n);
    places.result.push_back(n);
  }
  return places;
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& a = node.input(0).type;
  const TensorType& b = node.input(1).type;
  if (a.dtype != b.dtype) fail(node, "both operands must have one element type: ", a, ", ", b);
  return {{a.dtype, product_shape(node)}};
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  Reducer acc(k);
  const Places places = places_of(node, k, acc);
  const Expr term = k.in(0).at(places.left) * k.in(1).at(places.right);
  k.store(k.out().at(places.result), acc.result(Combine::sum, term));
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

// --- matmul_integer -------------------------------------------------------------------------

/// Zero points of a matrix are one number, one per row (of a) or column (of b), or the matrix
/// itself with the summed dimension reduced to 1.
void check_zero_point(const Node& node, int input, int of) {
  check_zero_point_dtype(node, input, of);
  if (!node.has_input(input)) return;
  const TensorType& zero = node.input(input).type;
  const TensorType& operand = node.input(of).type;
  if (zero.elements() == 1) return;
  const int summed = of == 0 ? operand.rank() - 1 : std::max(operand.rank() - 2, 0);
  const int kept = of == 0 ? operand.rank() - 2 : operand.rank() - 1;
  Shape reduced = operand.shape;
  reduced[summed] = 1;
  const bool is_vector = operand.rank() > 1 && zero.shape == Shape{operand.shape[kept]};
  if (is_vector || zero.shape == reduced) return;
  fail(node, input_name(node, input), " is ", zero, ", which does not fit ", input_name(node, of),
       ", ", operand, "; give one number, or one for each ", of == 0 ? "row" : "column");
}

/// Where the zero point for the element at `at` lies, when there are several.
std::vector<Expr> zero_point_place(const Node& node, int input, int of,
                                   const std::vector<Expr>& at) {
  if (!node.has_input(input)) return {};
  const TensorType& zero = node.input(input).type;
  if (zero.elements() == 1) return {};
  if (zero.rank() == 1 && at.size() > 1) return {of == 0 ? at[at.size() - 2] : at.back()};
  return broadcast_indices(zero.shape, at);
}

std::vector<TensorType> infer_integer(const Node& node) {
  check_narrow_integers(node, 0);
  check_narrow_integers(node, 1);
  const TensorType type = {accumulator_of(node), product_shape(node)};
  check_zero_point(node, 2, 0);
  check_zero_point(node, 3, 1);
  if (node.has_input(4)) {
    const TensorType& bias = node.input(4).type;
    if (bias.dtype != type.dtype || broadcast_shape(node, bias.shape, type.shape) != type.shape) {
      fail(node, "bias, ", bias, ", must be ", type.dtype, " and broadcast to ", type.shape);
    }
  }
  return {type};
}

Kernel integer_kernel(const Node& node) {
  const DType accumulator = accumulator_of(node);
  KernelBuilder k(node);
  Reducer acc(k);
  const Places places = places_of(node, k, acc);
  const ZeroPoint a_zero = zero_point(node, k, 2, zero_point_place(node, 2, 0, places.left));
  const ZeroPoint b_zero = zero_point(node, k, 3, zero_point_place(node, 3, 1, places.right));
  Expr bias;
  if (k.has(4)) {
    bias = k.in(4).at(broadcast_indices(node.input(4).type.shape, places.result));
  }
  const Expr term = a_zero.distance(k.in(0).at(places.left), accumulator) *
                    b_zero.distance(k.in(1).at(places.right), accumulator);
  k.store(k.out().at(places.result), acc.result(Combine::sum, term, bias));
  return k.done();
}

const Operator matmul_integer{
    .name = "matmul_integer",
    .summary = "Matrix product of integers counted from their zero points.",
    .onnx = {"MatMulInteger"},
    .inputs = {"a", "b", "a_zero_point?", "b_zero_point?", "bias?"},
    .attributes = {text("accumulator", "i32")},
    .infer = infer_integer,
    .kernel = integer_kernel,
};
const RegisteredOperator registered_integer{matmul_integer};

}  // namespace
}  // namespace mlfc
