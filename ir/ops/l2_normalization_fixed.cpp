// Rows of quantised elements divided by their length, in fixed point along the last axis. The
// inverse of the length is a multiplier and a shift; the result is in units of 2^-7.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

constexpr int64_t output_bits = 7;

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  if (!is_integer(x.dtype) || bytes_of(x.dtype) != 1 || x.rank() == 0) {
    fail(node, "x is ", x, " but must be rows of 8-bit integers");
  }
  check_rounding(node);
  return {{output_dtype(node), x.shape}};
}

Kernel kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const int last = static_cast<int>(shape.size()) - 1;
  KernelBuilder k(node);
  std::vector<Expr> at;
  for (int i = 0; i < last; ++i) {
    at.push_back(parallel_axis(k, "i" + std::to_string(i), shape[i]));
  }
  at.emplace_back(0);
  const auto element = [&](const Expr& place) {
    at.back() = place;
    return distance_from(k.in(0).at(at), node.integer("x_zero_point"));
  };
  const Expr x = element(k.reduce("r", shape[last]));
  const Expr squares = k.reduction(Combine::sum, x * x, {}, "squares");

  const TensorRef multiplier = k.local("multiplier", DType::i32, {});
  const TensorRef shift = k.local("shift", DType::i32, {});
  k.stage();
  k.store(multiplier(), call_expr("inverse_sqrt_multiplier", {squares}));
  k.stage();
  k.store(shift(), call_expr("inverse_sqrt_shift", {squares}) + Expr(output_bits));
  k.stage();
  const Expr place = row_axis(k, "r", shape[last]);
  const Expr steps = rescaled(node, element(place), multiplier(), shift());
  at.back() = place;
  k.store(k.out().at(at), as_output(node, steps));
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = {integer("x_zero_point", 0)};
  add_output(specs);
  return specs;
}

const Operator l2_normalization_fixed{
    .name = "l2_normalization_fixed",
    .summary = "Rows of quantised elements scaled to length 1, in fixed point.",
    .inputs = {"x"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{l2_normalization_fixed};

}  // namespace
}  // namespace mlfc
