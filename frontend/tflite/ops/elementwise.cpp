// Operators of plain numbers that compute each element from one element of every (broadcast)
// operand. Most are one of ours under another name: rows of tables.
#include <algorithm>

#include "frontend/tflite/rule.h"

namespace mlfc {
namespace {

struct Row {
  const char* name;
  const char* op;
  int inputs;
};

/// The format's name, ours, the number of operands.
constexpr Row rows[] = {
    {"ABS", "abs", 1},
    {"ADD", "add", 2},
    {"ADD_N", "sum", 1},
    {"BITWISE_XOR", "bitwise_xor", 2},
    {"CEIL", "ceil", 1},
    {"COS", "cos", 1},
    {"DIV", "div", 2},
    {"EQUAL", "equal", 2},
    {"EXP", "exp", 1},
    {"FLOOR", "floor", 1},
    {"GREATER", "greater", 2},
    {"GREATER_EQUAL", "greater_or_equal", 2},
    {"HARD_SWISH", "hard_swish", 1},
    {"LESS", "less", 2},
    {"LESS_EQUAL", "less_or_equal", 2},
    {"LOG", "log", 1},
    {"LOGICAL_AND", "and", 2},
    {"LOGICAL_NOT", "not", 1},
    {"LOGICAL_OR", "or", 2},
    {"LOGISTIC", "sigmoid", 1},
    {"MAXIMUM", "max", 2},
    {"MINIMUM", "min", 2},
    {"MUL", "mul", 2},
    {"NEG", "neg", 1},
    {"POW", "pow", 2},
    {"PRELU", "prelu", 2},
    {"RELU", "relu", 1},
    {"ROUND", "round", 1},
    {"SIGN", "sign", 1},
    {"SIN", "sin", 1},
    {"SQRT", "sqrt", 1},
    {"SUB", "sub", 2},
    {"TANH", "tanh", 1},
};

const Row& row_of(const TfliteNode& node) {
  for (const Row& row : rows) {
    if (node.name() == row.name) return row;
  }
  check(false, "no row is called ", node.name());
  return rows[0];
}

void convert_row(TfliteNode& node) {
  const Row& row = row_of(node);
  node.set_output(0, node.activated(node.add(row.op, node.inputs())));
}

std::vector<TfliteRule> rules_of_rows() {
  std::vector<TfliteRule> rules;
  for (const Row& row : rows) {
    rules.push_back({.name = row.name, .inputs = row.inputs, .convert = convert_row});
  }
  return rules;
}

Value& clipped(TfliteNode& node, double low, double high) {
  const DType dtype = node.dtype(0);
  return node.add("clip", {&node.input(0), &node.scalar(dtype, low), &node.scalar(dtype, high)});
}

void not_equal(TfliteNode& node) {
  node.set_output(0, node.add("not", {&node.add("equal", node.inputs())}));
}

void rsqrt(TfliteNode& node) {
  Value& root = node.add("sqrt", {&node.input(0)});
  node.set_output(0, node.add("div", {&node.scalar(node.dtype(0), 1), &root}));
}

void square(TfliteNode& node) {
  node.set_output(0, node.add("mul", {&node.input(0), &node.input(0)}));
}

void squared_difference(TfliteNode& node) {
  Value& difference = node.add("sub", node.inputs());
  node.set_output(0, node.add("mul", {&difference, &difference}));
}

/// The remainder that has the sign of the divisor.
Value& floor_remainder(TfliteNode& node) {
  Value& a = node.input(0);
  Value& b = node.input(1);
  if (!is_float(a.type.dtype)) return node.add("mod", {&a, &b});
  // fmod has the sign of the dividend; where the signs differ, one divisor is missing.
  Value& zero = node.scalar(a.type.dtype, 0);
  Value& rest = node.add("mod", {&a, &b}, {{"fmod", int64_t{1}}});
  Value& is_rest = node.add("not", {&node.add("equal", {&rest, &zero})});
  Value& differs =
      node.add("xor", {&node.add("less", {&rest, &zero}), &node.add("less", {&b, &zero})});
  Value& moved = node.add("add", {&rest, &b});
  return node.add("where", {&node.add("and", {&is_rest, &differs}), &moved, &rest});
}

void floor_mod(TfliteNode& node) {
  node.set_output(0, floor_remainder(node));
}

void floor_div(TfliteNode& node) {
  Value& a = node.input(0);
  Value& b = node.input(1);
  if (is_float(a.type.dtype)) {
    node.set_output(0, node.add("floor", {&node.add("div", {&a, &b})}));
    return;
  }
  // What is left after taking the remainder away divides evenly, so truncating does not matter.
  Value& even = node.add("sub", {&a, &floor_remainder(node)});
  node.set_output(0, node.add("div", {&even, &b}));
}

void elu(TfliteNode& node) {
  node.set_output(0, node.add("elu", {&node.input(0)}, {{"alpha", 1.0}}));
}

void leaky_relu(TfliteNode& node) {
  node.set_output(0, node.add("leaky_relu", {&node.input(0)}, {{"alpha", node.real("alpha")}}));
}

void gelu(TfliteNode& node) {
  const std::string how = node.flag("approximate") ? "tanh" : "none";
  node.set_output(0, node.add("gelu", {&node.input(0)}, {{"approximate", how}}));
}

/// Conditions of the first version choose whole slices of the first dimension.
void select(TfliteNode& node) {
  Value* condition = &node.input(0);
  const int rank = std::max(node.rank(1), node.rank(2));
  const bool chooses_slices = node.name() == "SELECT" && condition->type.rank() == 1 && rank > 1;
  if (chooses_slices) {
    Shape shape(static_cast<size_t>(rank), 1);
    shape[0] = condition->type.shape[0];
    condition = &node.reshaped(*condition, shape);
  }
  node.set_output(0, node.add("where", {condition, &node.input(1), &node.input(2)}));
}

const RegisteredTfliteRules registered_rows(rules_of_rows());
const RegisteredTfliteRules registered({
    {.name = "ELU", .convert = elu},
    {.name = "FLOOR_DIV", .inputs = 2, .convert = floor_div},
    {.name = "FLOOR_MOD", .inputs = 2, .convert = floor_mod},
    {.name = "GELU", .convert = gelu},
    {.name = "LEAKY_RELU", .convert = leaky_relu},
    {.name = "NOT_EQUAL", .inputs = 2, .convert = not_equal},
    {.name = "RELU6", .convert = [](TfliteNode& node) { node.set_output(0, clipped(node, 0, 6)); }},
    {.name = "RELU_0_TO_1",
     .convert = [](TfliteNode& node) { node.set_output(0, clipped(node, 0, 1)); }},
    {.name = "RELU_N1_TO_1",
     .convert = [](TfliteNode& node) { node.set_output(0, clipped(node, -1, 1)); }},
    {.name = "RSQRT", .convert = rsqrt},
    {.name = "SELECT", .computes = Computes::either, .inputs = 3, .convert = select},
    {.name = "SELECT_V2", .computes = Computes::either, .inputs = 3, .convert = select},
    {.name = "SQUARE", .convert = square},
    {.name = "SQUARED_DIFFERENCE", .inputs = 2, .convert = squared_difference},
});

}  // namespace
}  // namespace mlfc
