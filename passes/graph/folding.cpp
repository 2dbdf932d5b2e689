// Computing nodes at compile time with the reference interpreter.
#include "passes/graph/folding.h"

#include <algorithm>

#include "ir/interpret.h"
#include "ir/operator.h"

namespace mlfc {

bool has_only_constant_inputs(const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [](const Value* input) { return input == nullptr || input->is_constant(); });
}

bool hands_constant_to_output(const Graph& graph, const Node& node) {
  return node.inputs.size() == 1 && node.outputs.size() == 1 && node.inputs[0]->is_constant() &&
         graph.is_output(node.output()) && node.op->name == "identity";
}

std::optional<std::vector<Tensor>> folded_outputs(const Node& node) {
  const bool is_lowered = node.kernel || node.proc;
  if (node.op->fold != nullptr && !is_lowered) {
    std::vector<Tensor> tensors = node.op->fold(node);
    if (!tensors.empty()) return tensors;
  }
  if (node.op->widens && !is_lowered) return std::nullopt;
  const bool can_run = is_lowered || node.op->kernel != nullptr || node.op->expand != nullptr ||
                       node.op->reference != nullptr;
  if (!can_run || node.op->region || !has_only_constant_inputs(node)) return std::nullopt;
  std::vector<const Tensor*> inputs;
  for (const Value* input : node.inputs) {
    inputs.push_back(input == nullptr ? nullptr : &*input->constant);
  }
  return interpret(node, inputs);
}

}  // namespace mlfc
