// Arithmetic and bit operations on two operands that broadcast against each other: a table. The
// operators that take any number of operands are folds of the same arithmetic.
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

using Operands = std::vector<Expr>;

const std::vector<std::string> two_operands = {"a", "b"};
const std::vector<std::string> many_operands = {"xs..."};

Expr mod(const Node& node, const Operands& x) {
  if (node.integer("fmod") != 0) return call_expr("rem", x);
  if (is_float(x[0].dtype())) {
    fail(node, "the remainder of floating point numbers needs attribute fmod = 1");
  }
  return floor_mod(x[0], x[1]);
}

Expr prelu(const Node&, const Operands& x) {
  return select_expr(less(x[0], 0), x[1] * x[0], x[0]);
}

Expr shift(const Node& node, const Operands& x) {
  const std::string& direction = node.text("direction");
  if (direction == "LEFT") return call_expr("shift_left", x);
  if (direction == "RIGHT") return call_expr("shift_right", x);
  fail(node, "direction '", direction, "' is neither LEFT nor RIGHT");
}

/// Combines all operands from left to right.
template <typename Combiner>
Expr fold_operands(const Operands& x, Combiner combine) {
  Expr result = x[0];
  for (size_t i = 1; i < x.size(); ++i) result = combine(result, x[i]);
  return result;
}

Expr sum(const Node&, const Operands& x) {
  return fold_operands(x, [](const Expr& a, const Expr& b) { return a + b; });
}

Expr mean(const Node& node, const Operands& x) {
  const auto count = static_cast<double>(x.size());
  return x.size() == 1 ? x[0] : sum(node, x) / Expr(count);
}

/// Arithmetic on integers of 8 and 16 bits came with opset 14.
void offer_arithmetic(ForeignNode& node) {
  const DType dtype = node.inputs[0]->type.dtype;
  if (is_integer(dtype) && bytes_of(dtype) < 4) node.opset = 14;
}

const ElementwiseFamily family({
    {.name = "add",
     .summary = "a + b.",
     .onnx = {"Add"},
     .formula = [](const Node&, const Operands& x) { return x[0] + x[1]; },
     .inputs = two_operands,
     .offer = offer_arithmetic},
    {.name = "sub",
     .summary = "a - b.",
     .onnx = {"Sub"},
     .formula = [](const Node&, const Operands& x) { return x[0] - x[1]; },
     .inputs = two_operands,
     .offer = offer_arithmetic},
    {.name = "mul",
     .summary = "a * b.",
     .onnx = {"Mul"},
     .formula = [](const Node&, const Operands& x) { return x[0] * x[1]; },
     .inputs = two_operands,
     .offer = offer_arithmetic},
    {.name = "div",
     .summary = "a / b; quotients of integers are truncated.",
     .onnx = {"Div"},
     .formula = [](const Node&, const Operands& x) { return x[0] / x[1]; },
     .inputs = two_operands,
     .offer = offer_arithmetic},
    {.name = "mod",
     .summary = "Remainder with the sign of b, or of a with fmod.",
     .onnx = {"Mod"},
     .formula = mod,
     .inputs = two_operands,
     .attributes = {integer("fmod", 0)}},
    {.name = "prelu",
     .summary = "x, times slope where it is negative.",
     .onnx = {"PRelu"},
     .formula = prelu,
     .inputs = {"x", "slope"}},
    {.name = "max",
     .summary = "The largest operand.",
     .onnx = {"Max"},
     .formula = [](const Node&, const Operands& x) { return fold_operands(x, max_expr); },
     .inputs = many_operands},
    {.name = "min",
     .summary = "The smallest operand.",
     .onnx = {"Min"},
     .formula = [](const Node&, const Operands& x) { return fold_operands(x, min_expr); },
     .inputs = many_operands},
    {.name = "sum",
     .summary = "The sum of all operands.",
     .onnx = {"Sum"},
     .formula = sum,
     .inputs = many_operands},
    {.name = "mean",
     .summary = "The mean of all operands.",
     .onnx = {"Mean"},
     .formula = mean,
     .inputs = many_operands,
     .accepts = Accepts::reals},
    {.name = "bitwise_and",
     .summary = "Bits set in both operands.",
     .onnx = {"BitwiseAnd"},
     .onnx_opset = 18,
     .formula = [](const Node&, const Operands& x) { return call_expr("bit_and", x); },
     .inputs = two_operands,
     .accepts = Accepts::integers},
    {.name = "bitwise_or",
     .summary = "Bits set in either operand.",
     .onnx = {"BitwiseOr"},
     .onnx_opset = 18,
     .formula = [](const Node&, const Operands& x) { return call_expr("bit_or", x); },
     .inputs = two_operands,
     .accepts = Accepts::integers},
    {.name = "bitwise_xor",
     .summary = "Bits set in exactly one operand.",
     .onnx = {"BitwiseXor"},
     .onnx_opset = 18,
     .formula = [](const Node&, const Operands& x) { return call_expr("bit_xor", x); },
     .inputs = two_operands,
     .accepts = Accepts::integers},
    {.name = "bit_shift",
     .summary = "a shifted by b bits.",
     .onnx = {"BitShift"},
     .formula = shift,
     .inputs = two_operands,
     .accepts = Accepts::integers,
     .attributes = {required(text("direction", "LEFT"))}},
});

}  // namespace
}  // namespace mlfc
