// Replaces what each node does: the operator's declared kernel instead of the operator itself.
// Operators that are runtime calls or control flow keep their form.
#include "ir/operator.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

void lower_to_kernels(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) lower_to_kernels(*region, context);
    if (!node->kernel && node->op->kernel != nullptr) node->kernel = node->op->kernel(*node);
  }
}

const Pass pass{
    .name = "lower-to-kernels",
    .level = Level::kernel,
    .summary = "State every node's work as a kernel.",
    .run = lower_to_kernels,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
