// Power with broadcasting. Base and exponent may have different element types; the result has the
// base's, and real exponents of integer bases are computed in reals.
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  check_accepts(node, 1, Accepts::numbers);
  return {{node.input(0).type.dtype, elementwise_shape(node)}};
}

Expr power(const Node&, const std::vector<Expr>& x) {
  const DType base = x[0].dtype();
  const DType exponent = x[1].dtype();
  if (base == exponent) return call_expr("pow", x);
  const bool computed_in_reals = is_integer(base) && is_float(exponent);
  if (computed_in_reals) {
    return cast_expr(base, call_expr("pow", {cast_expr(exponent, x[0]), x[1]}));
  }
  return call_expr("pow", {x[0], cast_expr(base, x[1])});
}

Kernel kernel(const Node& node) {
  return elementwise_kernel(node, power);
}

const Operator pow{
    .name = "pow",
    .summary = "a to the power of b.",
    .onnx = {"Pow"},
    .inputs = {"a", "b"},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{pow};

}  // namespace
}  // namespace mlfc
