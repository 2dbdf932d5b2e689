// Lets an elementwise kernel write its result over an operand that nobody needs afterwards.
//
// The operand's storage must be ours (neither the caller's nor a constant), every value living in
// it must die with this node, and the kernel must read each place only at the point that stores to
// it. The operand may be a view of that storage: a transpose that costs nothing does not hide it.
#include <algorithm>
#include <unordered_map>

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

// Every input that lives in `root` is read only where the same point then stores.
bool reads_in_place(const Node& node, const Value& root) {
  size_t position = 0;
  for (Value* input : node.inputs) {
    if (input == nullptr) continue;
    const std::string& param = node.kernel->inputs[position++].name;
    if (&storage_of(*input) == &root && !may_run_in_place(*node.kernel, param)) return false;
  }
  return true;
}

Value* reusable_storage(const Graph& graph, const Lifetimes& lifetimes, const Node& node) {
  for (Value* input : node.inputs) {
    if (input == nullptr) continue;
    Value& root = storage_of(*input);
    const bool is_near = input == &root || input->inside == &root;
    const bool fits = is_near && root.type.storage_bytes() == node.output().type.storage_bytes() &&
                      reads_in_place(node, root);
    if (fits && dies_here(graph, lifetimes, node, root)) return &root;
  }
  return nullptr;
}

void run_in_place(Graph& graph, const PassContext&) {
  // Both are kept up to date below: asking the graph again for every node would take the square of
  // its length.
  Lifetimes lifetimes(graph);
  std::unordered_map<const Value*, std::vector<Value*>> views;
  for (const auto& value : graph.values) {
    if (value->inside != nullptr) views[value->inside].push_back(value.get());
  }
  for (const auto& node : graph.nodes) {
    const bool candidate = node->kernel && !node->is_free && node->outputs.size() == 1 &&
                           node->output().inside == nullptr && !graph.is_output(node->output());
    if (!candidate) continue;
    sync_param_types(*node);
    Value* root = reusable_storage(graph, lifetimes, *node);
    if (root == nullptr) continue;
    // Both begin at one place, so that views of the result are views of the storage as they are.
    std::vector<Value*> moved = std::move(views[&node->output()]);
    moved.push_back(&node->output());
    for (Value* value : moved) value->inside = root;
    std::vector<Value*>& inhabitants = views[root];
    inhabitants.insert(inhabitants.end(), moved.begin(), moved.end());
    lifetimes.join(*root, node->output());
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
