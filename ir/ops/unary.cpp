// Functions of one element without parameters: a table.
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

using Operands = std::vector<Expr>;

bool is_unsigned(const Expr& x) {
  return info(x.dtype()).kind == DTypeKind::unsigned_integer;
}

/// A formula that is a row of the scalar function table.
#define APPLIES(function) [](const Node&, const Operands& x) { return call_expr(function, {x[0]}); }

Expr absolute(const Node&, const Operands& x) {
  return is_unsigned(x[0]) ? x[0] : abs(x[0]);
}

Expr sign(const Node&, const Operands& x) {
  const Expr not_positive =
      is_unsigned(x[0]) ? Expr(0) : select_expr(less(x[0], 0), Expr(-1), Expr(0));
  return select_expr(less(0, x[0]), with_dtype(1, x[0].dtype()),
                     with_dtype(not_positive, x[0].dtype()));
}

Expr is_inf(const Node& node, const Operands& x) {
  const bool positive = node.integer("detect_positive") != 0;
  const bool negative = node.integer("detect_negative") != 0;
  if (!positive && !negative) return integer_expr(0, DType::boolean);
  const Expr infinite = call_expr("is_inf", {x[0]});
  if (positive && negative) return infinite;
  return call_expr("and", {infinite, positive ? less(0, x[0]) : less(x[0], 0)});
}

const ElementwiseFamily family({
    {.name = "abs", .summary = "Absolute value.", .onnx = {"Abs"}, .formula = absolute},
    {.name = "neg",
     .summary = "The number with its sign changed.",
     .onnx = {"Neg"},
     .formula = [](const Node&, const Operands& x) { return -x[0]; }},
    {.name = "sign", .summary = "-1, 0 or 1.", .onnx = {"Sign"}, .formula = sign},
    {.name = "reciprocal",
     .summary = "1 / x.",
     .onnx = {"Reciprocal"},
     .formula = [](const Node&, const Operands& x) { return Expr(1) / x[0]; },
     .accepts = Accepts::reals},
    {.name = "floor",
     .summary = "Rounds down.",
     .onnx = {"Floor"},
     .formula = APPLIES("floor"),
     .accepts = Accepts::reals},
    {.name = "ceil",
     .summary = "Rounds up.",
     .onnx = {"Ceil"},
     .formula = APPLIES("ceil"),
     .accepts = Accepts::reals},
    {.name = "round",
     .summary = "Rounds to the nearest integer, halves to the even one.",
     .onnx = {"Round"},
     .formula = APPLIES("round_even"),
     .accepts = Accepts::reals},
    {.name = "sqrt",
     .summary = "Square root.",
     .onnx = {"Sqrt"},
     .formula = APPLIES("sqrt"),
     .accepts = Accepts::reals},
    {.name = "exp",
     .summary = "e to the power of x.",
     .onnx = {"Exp"},
     .formula = APPLIES("exp"),
     .accepts = Accepts::reals},
    {.name = "log",
     .summary = "Natural logarithm.",
     .onnx = {"Log"},
     .formula = APPLIES("log"),
     .accepts = Accepts::reals},
    {.name = "erf",
     .summary = "Gauss error function.",
     .onnx = {"Erf"},
     .formula = APPLIES("erf"),
     .accepts = Accepts::reals},
    {.name = "sin",
     .summary = "Sine.",
     .onnx = {"Sin"},
     .formula = APPLIES("sin"),
     .accepts = Accepts::reals},
    {.name = "cos",
     .summary = "Cosine.",
     .onnx = {"Cos"},
     .formula = APPLIES("cos"),
     .accepts = Accepts::reals},
    {.name = "tan",
     .summary = "Tangent.",
     .onnx = {"Tan"},
     .formula = APPLIES("tan"),
     .accepts = Accepts::reals},
    {.name = "asin",
     .summary = "Arc sine.",
     .onnx = {"Asin"},
     .formula = APPLIES("asin"),
     .accepts = Accepts::reals},
    {.name = "acos",
     .summary = "Arc cosine.",
     .onnx = {"Acos"},
     .formula = APPLIES("acos"),
     .accepts = Accepts::reals},
    {.name = "atan",
     .summary = "Arc tangent.",
     .onnx = {"Atan"},
     .formula = APPLIES("atan"),
     .accepts = Accepts::reals},
    {.name = "sinh",
     .summary = "Hyperbolic sine.",
     .onnx = {"Sinh"},
     .formula = APPLIES("sinh"),
     .accepts = Accepts::reals},
    {.name = "cosh",
     .summary = "Hyperbolic cosine.",
     .onnx = {"Cosh"},
     .formula = APPLIES("cosh"),
     .accepts = Accepts::reals},
    {.name = "tanh",
     .summary = "Hyperbolic tangent.",
     .onnx = {"Tanh"},
     .formula = APPLIES("tanh"),
     .accepts = Accepts::reals},
    {.name = "asinh",
     .summary = "Inverse hyperbolic sine.",
     .onnx = {"Asinh"},
     .formula = APPLIES("asinh"),
     .accepts = Accepts::reals},
    {.name = "acosh",
     .summary = "Inverse hyperbolic cosine.",
     .onnx = {"Acosh"},
     .formula = APPLIES("acosh"),
     .accepts = Accepts::reals},
    {.name = "atanh",
     .summary = "Inverse hyperbolic tangent.",
     .onnx = {"Atanh"},
     .formula = APPLIES("atanh"),
     .accepts = Accepts::reals},
    {.name = "is_nan",
     .summary = "True where x is not a number.",
     .onnx = {"IsNaN"},
     .formula = APPLIES("is_nan"),
     .accepts = Accepts::reals,
     .yields = Yields::boolean},
    {.name = "is_inf",
     .summary = "True where x is infinite, optionally of one sign only.",
     .onnx = {"IsInf"},
     .formula = is_inf,
     .accepts = Accepts::reals,
     .yields = Yields::boolean,
     .attributes = {integer("detect_positive", 1), integer("detect_negative", 1)}},
    {.name = "not",
     .summary = "Logical negation.",
     .onnx = {"Not"},
     .formula = APPLIES("not"),
     .accepts = Accepts::booleans},
    {.name = "bitwise_not",
     .summary = "Every bit inverted.",
     .onnx = {"BitwiseNot"},
     .onnx_opset = 18,
     .formula = APPLIES("bit_not"),
     .accepts = Accepts::integers},
});

#undef APPLIES

}  // namespace
}  // namespace mlfc
