// Softmax of 8-bit elements in fixed point along the last axis. What an element contributes depends
// on its distance from the largest one only, of which there are 256: their exponentials are a
// table, in units of 2^-31. The sum has twelve integer bits; its reciprocal comes from
// Newton-Raphson.
#include "ir/ops/axes.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

constexpr int sum_integer_bits = 12;

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& table = node.input(1).type;
  if (!is_integer(x.dtype) || bytes_of(x.dtype) != 1 || x.rank() == 0) {
    fail(node, "x is ", x, " but must be rows of 8-bit integers");
  }
  if (table != TensorType{DType::i32, {256}, {}}) {
    fail(node, "exponentials must be i32[256] but are ", table);
  }
  const DType dtype = output_dtype(node);
  if (bytes_of(dtype) > 2) fail(node, "dtype must be of 8 or 16 bits but is ", dtype);
  return {{dtype, x.shape}};
}

Expr word(int64_t value) {
  return integer_expr(value, DType::i32);
}

Kernel kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const DType dtype = output_dtype(node);
  const int last = static_cast<int>(shape.size()) - 1;
  KernelBuilder k(node);
  std::vector<Expr> at;
  for (int i = 0; i < last; ++i) {
    at.push_back(parallel_axis(k, "i" + std::to_string(i), shape[i]));
  }
  at.emplace_back(0);
  const auto element = [&](const Expr& place) {
    at.back() = place;
    return cast_expr(DType::i32, k.in(0).at(at));
  };
  const Expr top = k.reduction(Combine::max, element(k.reduce("r", shape[last])), {}, "top");
  const auto power = [&](const Expr& place) {
    return k.in(1)(cast_expr(DType::i64, top - element(place)));
  };

  k.stage();
  const Expr share =
      call_expr("halved", {power(k.reduce("r", shape[last])), word(sum_integer_bits)});
  const Expr total = k.reduction(Combine::sum, share, {}, "total");

  // total = (1 + fraction) * 2^(12 - zeros), so that the reciprocal's argument lies in [0, 1).
  const TensorRef zeros = k.local("zeros", DType::i32, {});
  const TensorRef scale = k.local("scale", DType::i32, {});
  k.stage();
  k.store(zeros(), call_expr("leading_zeros", {total}));
  k.stage();
  const Expr fraction = call_expr("shift_left", {total, zeros()}) - word(INT32_MIN);
  k.store(scale(), call_expr("inverse_of_one_plus", {fraction}));

  k.stage();
  const Expr place = row_axis(k, "r", shape[last]);
  const Expr bits = word(sum_integer_bits + 31 - 8 * bytes_of(dtype)) - zeros();
  const Expr steps =
      call_expr("halved", {call_expr("high_product", {scale(), power(place)}), bits});
  at.back() = place;
  k.store(k.out().at(at), as_output(node, steps));
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs;
  add_output(specs);
  return specs;
}

const Operator softmax_fixed{
    .name = "softmax_fixed",
    .summary = "Softmax of rows of 8-bit elements in fixed point; the table has exp(-distance).",
    .inputs = {"x", "exponentials"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{softmax_fixed};

}  // namespace
}  // namespace mlfc
