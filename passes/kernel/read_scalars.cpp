// Writes constants of a single element into the kernels that read them: `x / scale` becomes
// `x / 0.5`. The tensor is not stored, nothing is loaded, and later passes see the number itself -
// which is what makes a scale or a zero point more than just another operand.
#include <algorithm>
#include <cmath>

#include "passes/kernel/fusion.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// The literal a tensor of one element is read as; empty when text could not say it.
Expr literal_of(const Tensor& tensor) {
  const DType dtype = tensor.type.dtype;
  if (tensor.type.elements() != 1 || dtype == DType::boolean) return {};
  if (!is_float(dtype)) return integer_expr(tensor.integer(0), dtype);
  const double value = tensor.real(0);
  return std::isfinite(value) ? real_expr(value, dtype) : Expr();
}

bool only_reads_inside(const Kernel& kernel, const std::string& param) {
  const std::vector<Expr> reads = reads_of(kernel, param);
  return !reads.empty() && std::all_of(reads.begin(), reads.end(),
                                       [](const Expr& read) { return read->otherwise.empty(); });
}

// A kernel that hands its constant on is a copy, and copies are somebody else's to remove. One that
// pads with it is not.
bool only_copies(const Kernel& kernel) {
  return std::all_of(kernel.stages.begin(), kernel.stages.end(), [](const Stage& stage) {
    return !stage.reduction && stage.store && stage.store->value->kind == ExprKind::read &&
           stage.store->value->otherwise.empty();
  });
}

void read_scalars_of(Node& node) {
  if (only_copies(*node.kernel)) return;
  const std::vector<Value*> inputs = node.inputs;
  for (Value* input : inputs) {
    if (input == nullptr || !input->is_constant()) continue;
    Kernel& kernel = *node.kernel;
    const std::string param = param_of(node, kernel, *input);
    const Expr literal = literal_of(*input->constant);
    if (literal.empty() || !only_reads_inside(kernel, param)) continue;
    rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
      return part->kind == ExprKind::read && part->name == param ? literal : Expr();
    });
    drop_input(node, *input);
  }
}

void read_scalars(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) read_scalars(*region, context);
    if (node->kernel && !node->is_free) read_scalars_of(*node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "read-scalars",
    .level = Level::kernel,
    .summary = "Write constants of one element into the kernels that read them.",
    .run = read_scalars,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
