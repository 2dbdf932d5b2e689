// Lets an elementwise kernel write its result over an operand that nobody needs afterwards.
//
// The operand must own its storage alone: every value living in it dies with this node, the storage
// is ours (not the caller's, not a constant), and the kernel reads each element only at the point
// that stores it.
#include <algorithm>

#include "ir/operator.h"
#include "passes/memory/lifetimes.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

bool dies_here(const Graph& graph, const Lifetimes& lifetimes, const Node& node,
               const Value& root) {
  if (graph.is_input(root) || graph.is_output(root) || root.is_constant()) return false;
  const Lifetime& life = lifetimes.of(root);
  return life.last == lifetimes.step_of(node);
}

// Values that are parts of `root` would be clobbered element by element in an order of the kernel's
// choosing; a root without parts is simple.
bool has_parts(const Graph& graph, const Value& root) {
  return std::any_of(graph.values.begin(), graph.values.end(),
                     [&](const auto& value) { return value->inside == &root; });
}

Value* reusable_input(const Graph& graph, const Lifetimes& lifetimes, const Node& node) {
  size_t position = 0;
  for (Value* input : node.inputs) {
    if (input == nullptr) continue;
    const std::string& param = node.kernel->inputs[position++].name;
    const bool owns = input->inside == nullptr && !has_parts(graph, *input);
    const bool fits = owns && may_run_in_place(*node.kernel, param) &&
                      input->type.storage_bytes() == node.output().type.storage_bytes();
    if (fits && dies_here(graph, lifetimes, node, *input)) return input;
  }
  return nullptr;
}

void run_in_place(Graph& graph, const PassContext&) {
  for (const auto& node : graph.nodes) {
    const bool candidate = node->kernel && !node->is_free && node->outputs.size() == 1 &&
                           node->output().inside == nullptr && !graph.is_output(node->output()) &&
                           !has_parts(graph, node->output());
    if (!candidate) continue;
    sync_param_types(*node);
    const Lifetimes lifetimes(graph);
    if (Value* input = reusable_input(graph, lifetimes, *node)) node->output().inside = input;
  }
}

const Pass pass{
    .name = "run-in-place",
    .level = Level::memory,
    .summary = "Write elementwise results over operands that die there.",
    .run = run_in_place,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
