// Control flow and variables. There is no control flow at run time: branches whose condition is
// known are put in place, others are computed both and chosen from; loops are unrolled when the
// number of their turns is known.
#include "frontend/tflite/rule.h"

namespace mlfc {
namespace {

constexpr int most_turns = 10'000;

bool is_true(const Tensor& condition) {
  return condition.integer(0) != 0;
}

void check_condition(const TfliteNode& node, const TensorType& type) {
  if (type.dtype == DType::boolean && type.elements() == 1) return;
  fail(node, "its condition must be one boolean but is ", type);
}

void set_operands(TfliteNode& node, const std::vector<TfliteOperand>& operands) {
  const auto count = static_cast<size_t>(node.output_count());
  if (operands.size() != count) {
    fail(node, "has ", count, " outputs but its subgraph ", operands.size());
  }
  for (size_t i = 0; i < count; ++i) node.set_operand(static_cast<int>(i), operands[i]);
}

/// Where the condition is true the first value, elsewhere the second; itself when both are one.
Value* chosen(TfliteNode& node, Value& condition, Value* yes, Value* no, const char* what) {
  if (yes == no) return yes;
  if (yes == nullptr || no == nullptr || yes->type.plain() != no->type.plain()) {
    fail(node, "its branches leave different types of ", what,
         ", which needs a condition that is known at compile time");
  }
  Value& scalar = node.reshaped(condition, {});
  return &node.add("where", {&scalar, yes, no});
}

void compute_both(TfliteNode& node, Value& condition) {
  const TfliteVariables before = node.variables();
  const std::vector<TfliteOperand> yes =
      node.call(node.integer("then_subgraph_index"), node.operands(1));
  const TfliteVariables after_yes = node.variables();
  node.set_variables(before);
  const std::vector<TfliteOperand> no =
      node.call(node.integer("else_subgraph_index"), node.operands(1));
  const TfliteVariables after_no = node.variables();

  std::vector<TfliteOperand> results;
  for (size_t i = 0; i < std::min(yes.size(), no.size()); ++i) {
    if (yes[i].value == nullptr || no[i].value == nullptr) {
      fail(node, "its branches choose between variables, which is not supported");
    }
    results.push_back({chosen(node, condition, yes[i].value, no[i].value, "results"), {}});
  }
  TfliteVariables after = after_no;
  for (auto& [key, value] : after) {
    const auto found = after_yes.find(key);
    Value* other = found == after_yes.end() ? nullptr : found->second;
    value = chosen(node, condition, other, value, "variables");
  }
  node.set_variables(after);
  set_operands(node, results);
}

void branch(TfliteNode& node) {
  Value& condition = node.input(0);
  check_condition(node, condition.type);
  if (!condition.is_constant()) return compute_both(node, condition);
  const char* taken = is_true(*condition.constant) ? "then_subgraph_index" : "else_subgraph_index";
  set_operands(node, node.call(node.integer(taken), node.operands(1)));
}

void loop(TfliteNode& node) {
  std::vector<TfliteOperand> carried = node.operands(0);
  for (int turn = 0;; ++turn) {
    const std::vector<TfliteOperand> condition =
        node.call(node.integer("cond_subgraph_index"), carried);
    if (condition.size() != 1 || condition[0].value == nullptr) {
      fail(node, "its condition has ", condition.size(), " results");
    }
    const Value& again = *condition[0].value;
    check_condition(node, again.type);
    if (!again.is_constant()) {
      fail(node, "how often it runs ",
           node.is_exhausted() ? "takes too long to compute at compile time (after "
                               : "depends on data (after ",
           turn, " turns), which is not supported; export the model with the loop unrolled");
    }
    if (!is_true(*again.constant)) break;
    if (turn == most_turns) fail(node, "runs more than ", most_turns, " times");
    carried = node.call(node.integer("body_subgraph_index"), carried);
  }
  set_operands(node, carried);
}

void call(TfliteNode& node) {
  set_operands(node, node.call(node.integer("subgraph"), node.operands(0)));
}

void call_once(TfliteNode& node) {
  node.call_once(node.integer("init_subgraph_index"));
}

// --- resource variables
// ---------------------------------------------------------------------------

void var_handle(TfliteNode& node) {
  node.set_output_handle(0, node.text("container", "") + "/" + node.text("shared_name", ""));
}

void read_variable(TfliteNode& node) {
  node.set_output(0, node.read_resource(node.input_handle(0), node.output_tensor(0)));
}

void assign_variable(TfliteNode& node) {
  node.assign_resource(node.input_handle(0), node.input_tensor(1), node.input(1));
}

const RegisteredTfliteRules registered({
    {.name = "ASSIGN_VARIABLE",
     .computes = Computes::either,
     .takes_handles = true,
     .inputs = 2,
     .outputs = 0,
     .convert = assign_variable},
    {.name = "CALL",
     .computes = Computes::either,
     .takes_handles = true,
     .inputs = 0,
     .outputs = 0,
     .convert = call},
    {.name = "CALL_ONCE",
     .computes = Computes::either,
     .takes_handles = true,
     .inputs = 0,
     .outputs = 0,
     .convert = call_once},
    {.name = "IF",
     .computes = Computes::either,
     .takes_handles = true,
     .outputs = 0,
     .convert = branch},
    {.name = "READ_VARIABLE",
     .computes = Computes::either,
     .takes_handles = true,
     .convert = read_variable},
    {.name = "VAR_HANDLE",
     .computes = Computes::either,
     .takes_handles = true,
     .inputs = 0,
     .convert = var_handle},
    {.name = "WHILE",
     .computes = Computes::either,
     .takes_handles = true,
     .outputs = 0,
     .convert = loop},
});

}  // namespace
}  // namespace mlfc
