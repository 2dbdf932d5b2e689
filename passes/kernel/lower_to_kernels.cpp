// Replaces what each node does: the operator's declared kernel instead of the operator itself.
// Operators that are runtime calls or control flow keep their form.
#include "ir/operator.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// Inputs that only decided types or shapes (the target shape of a reshape) are not read by the
// kernel and stop being inputs.
void drop_unread_inputs(Node& node) {
  std::vector<Param> read;
  size_t position = 0;
  for (Value*& input : node.inputs) {
    if (input == nullptr) continue;
    const Param& param = node.kernel->inputs[position++];
    if (reads_of(*node.kernel, param.name).empty()) {
      input = nullptr;
    } else {
      read.push_back(param);
    }
  }
  node.kernel->inputs = std::move(read);
}

void lower_to_kernels(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) lower_to_kernels(*region, context);
    if (node->kernel || node->proc || node->op->kernel == nullptr) continue;
    node->kernel = node->op->kernel(*node);
    drop_unread_inputs(*node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "lower-to-kernels",
    .level = Level::kernel,
    .summary = "State every node's work as a kernel.",
    .run = lower_to_kernels,
    .required = true,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
