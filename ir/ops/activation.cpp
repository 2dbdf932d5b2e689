// Activation functions: one element in, one element out, shaped by a few attributes. A table.
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

using Operands = std::vector<Expr>;

Expr leaky_relu(const Node& node, const Operands& x) {
  return select_expr(less(x[0], 0), Expr(node.real("alpha")) * x[0], x[0]);
}

Expr elu(const Node& node, const Operands& x) {
  return select_expr(less(x[0], 0), Expr(node.real("alpha")) * (exp(x[0]) - Expr(1)), x[0]);
}

Expr selu(const Node& node, const Operands& x) {
  const Expr alpha = node.real("alpha");
  return Expr(node.real("gamma")) * select_expr(less(0, x[0]), x[0], alpha * exp(x[0]) - alpha);
}

Expr celu(const Node& node, const Operands& x) {
  const Expr alpha = node.real("alpha");
  return max_expr(x[0], 0) + min_expr(alpha * (exp(x[0] / alpha) - Expr(1)), 0);
}

Expr hard_sigmoid_of(const Expr& x, double alpha, double beta) {
  return max_expr(min_expr(Expr(alpha) * x + Expr(beta), 1), 0);
}

Expr hard_sigmoid(const Node& node, const Operands& x) {
  return hard_sigmoid_of(x[0], node.real("alpha"), node.real("beta"));
}

Expr hard_swish(const Node&, const Operands& x) {
  return x[0] * hard_sigmoid_of(x[0], 1.0 / 6, 0.5);
}

Expr gelu(const Node& node, const Operands& x) {
  const std::string& approximate = node.text("approximate");
  const Expr half = Expr(0.5) * x[0];
  if (approximate == "tanh") {
    const Expr cubic = x[0] + Expr(0.044715) * x[0] * x[0] * x[0];
    return half * (Expr(1) + tanh(Expr(0.79788456080286536) * cubic));  // sqrt(2 / pi)
  }
  if (approximate != "none") fail(node, "approximate '", approximate, "' is neither none nor tanh");
  return half * (Expr(1) + call_expr("erf", {x[0] * Expr(0.70710678118654752)}));  // 1 / sqrt(2)
}

Expr shrink(const Node& node, const Operands& x) {
  const Expr lambd = node.real("lambd");
  const Expr bias = node.real("bias");
  const Expr zero = with_dtype(0, x[0].dtype());
  return select_expr(less(x[0], -lambd), x[0] + bias,
                     select_expr(less(lambd, x[0]), x[0] - bias, zero));
}

const ElementwiseFamily family({
    {.name = "relu",
     .summary = "The number, or 0 when it is negative.",
     .onnx = {"Relu"},
     .formula = [](const Node&, const Operands& x) { return max_expr(x[0], 0); }},
    {.name = "leaky_relu",
     .summary = "The number, scaled by alpha when it is negative.",
     .onnx = {"LeakyRelu"},
     .formula = leaky_relu,
     .accepts = Accepts::reals,
     .attributes = {real("alpha", 0.01)}},
    {.name = "thresholded_relu",
     .summary = "The number, or 0 when it does not exceed alpha.",
     .onnx = {"ThresholdedRelu"},
     .formula =
         [](const Node& node, const Operands& x) {
           return select_expr(less(node.real("alpha"), x[0]), x[0], 0);
         },
     .accepts = Accepts::reals,
     .attributes = {real("alpha", 1)}},
    {.name = "elu",
     .summary = "The number, or alpha * (exp(x) - 1) when it is negative.",
     .onnx = {"Elu"},
     .formula = elu,
     .accepts = Accepts::reals,
     .attributes = {real("alpha", 1)}},
    {.name = "selu",
     .summary = "Scaled exponential linear unit.",
     .onnx = {"Selu"},
     .formula = selu,
     .accepts = Accepts::reals,
     .attributes = {real("alpha", 1.67326319217681884765625),
                    real("gamma", 1.05070102214813232421875)}},
    {.name = "celu",
     .summary = "Continuously differentiable exponential linear unit.",
     .onnx = {"Celu"},
     .formula = celu,
     .accepts = Accepts::reals,
     .attributes = {real("alpha", 1)}},
    {.name = "sigmoid",
     .summary = "1 / (1 + exp(-x)).",
     .onnx = {"Sigmoid"},
     .formula = [](const Node&, const Operands& x) { return sigmoid(x[0]); },
     .accepts = Accepts::reals},
    {.name = "hard_sigmoid",
     .summary = "alpha * x + beta, limited to 0 .. 1.",
     .onnx = {"HardSigmoid"},
     .formula = hard_sigmoid,
     .accepts = Accepts::reals,
     .attributes = {real("alpha", 0.2), real("beta", 0.5)}},
    {.name = "hard_swish",
     .summary = "x times a hard sigmoid of slope 1/6.",
     .onnx = {"HardSwish"},
     .onnx_opset = 14,
     .formula = hard_swish,
     .accepts = Accepts::reals},
    {.name = "swish",
     .summary = "x * sigmoid(alpha * x).",
     .onnx = {"Swish"},
     .onnx_opset = 24,
     .formula = [](const Node& node,
                   const Operands& x) { return x[0] * sigmoid(Expr(node.real("alpha")) * x[0]); },
     .accepts = Accepts::reals,
     .attributes = {real("alpha", 1)}},
    {.name = "gelu",
     .summary = "x times the normal distribution function of x.",
     .onnx = {"Gelu", "com.microsoft.Gelu"},
     .onnx_opset = 20,
     .formula = gelu,
     .accepts = Accepts::reals,
     .attributes = {text("approximate", "none")}},
    {.name = "mish",
     .summary = "x * tanh(softplus(x)).",
     .onnx = {"Mish"},
     .onnx_opset = 18,
     .formula = [](const Node&, const Operands& x) { return x[0] * tanh(softplus(x[0])); },
     .accepts = Accepts::reals},
    {.name = "softplus",
     .summary = "log(1 + exp(x)).",
     .onnx = {"Softplus"},
     .formula = [](const Node&, const Operands& x) { return softplus(x[0]); },
     .accepts = Accepts::reals},
    {.name = "softsign",
     .summary = "x / (1 + |x|).",
     .onnx = {"Softsign"},
     .formula = [](const Node&, const Operands& x) { return x[0] / (Expr(1) + abs(x[0])); },
     .accepts = Accepts::reals},
    {.name = "shrink",
     .summary = "Moves numbers towards 0 by bias, those within lambd to 0.",
     .onnx = {"Shrink"},
     .formula = shrink,
     .attributes = {real("lambd", 0.5), real("bias", 0)}},
});

}  // namespace
}  // namespace mlfc
