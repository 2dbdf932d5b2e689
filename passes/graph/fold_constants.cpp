// Computes at compile time what depends on constants only: transposed or cast weights,
// the parameters of normalizations. A result that would take much more memory than what it is made
// from stays a computation where its readers can absorb it: a broadcast row costs nothing there and
// a whole tensor of storage here.
#include <algorithm>

#include "ir/interpret.h"
#include "ir/operator.h"
#include "passes/graph/folding.h"
#include "passes/graph/replace.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

constexpr int64_t kBudgetBytes = int64_t{1} << 30;
constexpr int64_t kBudgetPoints = int64_t{1} << 32;  // seconds
constexpr int64_t kAlwaysBytes = 4096;
constexpr int64_t kGrowth = 4;  // as from i8 to f32

bool computes_single_elements(const Node& node) {
  if (node.kernel) return is_elementwise(*node.kernel);
  return !node.proc && node.op->kernel != nullptr && is_elementwise(node.op->kernel(node));
}

bool readers_can_absorb(const Graph& graph, const Node& node) {
  if (!computes_single_elements(node)) return false;
  const std::vector<Node*> readers = graph.users(node.output());
  return std::all_of(readers.begin(), readers.end(),
                     [](const Node* reader) { return computes_single_elements(*reader); });
}

int64_t bytes_of_all(const std::vector<Value*>& values) {
  int64_t bytes = 0;
  for (const Value* value : values) {
    if (value != nullptr) bytes += value->type.plain().storage_bytes();
  }
  return bytes;
}

/// What may still be computed: real models need a thousandth, others are made to keep us busy.
struct Budget {
  int64_t bytes = kBudgetBytes;
  int64_t points = kBudgetPoints;
};

void fold_in(Graph& graph, Budget& budget) {
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place++;
    for (const auto& region : node.regions) fold_in(*region, budget);
    if (!has_only_constant_inputs(node) || hands_constant_to_output(graph, node)) continue;
    const int64_t bytes = bytes_of_all(node.outputs);
    const bool grows = bytes > kGrowth * bytes_of_all(node.inputs) && bytes > kAlwaysBytes;
    const int64_t points = interpreted_points(node);
    if (bytes > budget.bytes || points > budget.points ||
        (grows && readers_can_absorb(graph, node)))
      continue;
    std::optional<std::vector<Tensor>> tensors = folded_outputs(node);
    if (!tensors) continue;
    budget.bytes -= bytes;
    budget.points -= points;
    replace_by_constants(graph, node, std::move(*tensors));
  }
}

void fold_constants(Graph& graph, const PassContext&) {
  Budget budget;
  fold_in(graph, budget);
  graph.remove_unused();
}

const Pass pass{
    .name = "fold-constants",
    .level = Level::graph,
    .summary = "Compute at compile time what depends on constants only.",
    .run = fold_constants,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
