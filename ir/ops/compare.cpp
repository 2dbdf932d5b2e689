// Comparisons and logic on two operands that broadcast against each other: a table.
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

using Operands = std::vector<Expr>;

const std::vector<std::string> two_operands = {"a", "b"};

/// A formula that is a row of the scalar function table.
#define APPLIES(function) [](const Node&, const Operands& x) { return call_expr(function, x); }

const ElementwiseFamily family({
    {.name = "equal",
     .summary = "True where a = b.",
     .onnx = {"Equal"},
     .formula = APPLIES("equal"),
     .inputs = two_operands,
     .accepts = Accepts::anything,
     .yields = Yields::boolean},
    {.name = "less",
     .summary = "True where a < b.",
     .onnx = {"Less"},
     .formula = APPLIES("less"),
     .inputs = two_operands,
     .yields = Yields::boolean},
    {.name = "less_or_equal",
     .summary = "True where a <= b.",
     .onnx = {"LessOrEqual"},
     .formula = APPLIES("less_equal"),
     .inputs = two_operands,
     .yields = Yields::boolean},
    {.name = "greater",
     .summary = "True where a > b.",
     .onnx = {"Greater"},
     .formula = [](const Node&, const Operands& x) { return less(x[1], x[0]); },
     .inputs = two_operands,
     .yields = Yields::boolean},
    {.name = "greater_or_equal",
     .summary = "True where a >= b.",
     .onnx = {"GreaterOrEqual"},
     .formula =
         [](const Node&, const Operands& x) {
           return call_expr("less_equal", {x[1], x[0]});
         },
     .inputs = two_operands,
     .yields = Yields::boolean},
    {.name = "and",
     .summary = "True where both operands are.",
     .onnx = {"And"},
     .formula = APPLIES("and"),
     .inputs = two_operands,
     .accepts = Accepts::booleans},
    {.name = "or",
     .summary = "True where either operand is.",
     .onnx = {"Or"},
     .formula = APPLIES("or"),
     .inputs = two_operands,
     .accepts = Accepts::booleans},
    {.name = "xor",
     .summary = "True where exactly one operand is.",
     .onnx = {"Xor"},
     .formula = APPLIES("xor"),
     .inputs = two_operands,
     .accepts = Accepts::booleans},
});

#undef APPLIES

}  // namespace
}  // namespace mlfc
