// From integers on one scale to integers on another: sums of products to the elements of the next
// layer, or elements between layers. The ratio of the scales is a multiplier and a shift, one for
// all elements or one per entry of an axis.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

int channel_axis(const Node& node) {
  return normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
}

void check_scales(const Node& node, int input) {
  const TensorType& x = node.input(0).type;
  const TensorType& scale = node.input(input).type;
  if (scale.dtype != DType::i32) {
    fail(node, input_name(node, input), " must hold i32 but is ", scale);
  }
  if (scale.elements() == 1) return;
  const int64_t channels = x.shape[channel_axis(node)];
  if (scale.rank() == 1 && scale.shape[0] == channels) return;
  fail(node, input_name(node, input), " is ", scale, " but must be one number or one for each of ",
       channels, " entries of axis ", channel_axis(node), " of ", x);
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::integers);
  check_rounding(node);
  check_scales(node, 1);
  check_scales(node, 2);
  if (node.integer("left_shift") < 0 || node.integer("left_shift") > 30) {
    fail(node, "left_shift ", node.integer("left_shift"), " is not in 0 .. 30");
  }
  return {{output_dtype(node), x.shape}};
}

Expr scale_at(const Node& node, const KernelBuilder& k, int input, const std::vector<Expr>& at) {
  const TensorType& scale = node.input(input).type;
  const Value& value = node.input(input);
  if (scale.elements() > 1) return k.in(input)(at[channel_axis(node)]);
  if (value.is_constant()) return integer_expr(value.constant->integer(0), DType::i32);
  return k.in(input).at(std::vector<Expr>(scale.shape.size(), Expr(0)));
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const Expr x = k.in(0).at(at);
  const DType sums = x.dtype() == DType::i64 ? DType::i64 : DType::i32;
  Expr sum = cast_expr(sums, x) - Expr(node.integer("x_zero_point"));
  if (node.integer("left_shift") > 0) {
    sum = sum * Expr(int64_t{1} << node.integer("left_shift"));
  }
  const Expr result = rescaled(node, sum, scale_at(node, k, 1, at), scale_at(node, k, 2, at));
  k.store(k.out().at(at), as_output(node, result));
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = {integer("axis", 1), integer("x_zero_point", 0),
                                      integer("left_shift", 0)};
  add_output(specs);
  return specs;
}

const Operator requantize_fixed{
    .name = "requantize_fixed",
    .summary = "Integers on another scale, by fixed-point multiplication.",
    .inputs = {"x", "multiplier", "shift"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{requantize_fixed};

}  // namespace
}  // namespace mlfc
