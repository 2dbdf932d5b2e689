// Looks at what kept sums of products from being sums of integers.
#include "passes/kernel/why_reals.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

bool is_narrow(DType dtype) {
  return is_integer(dtype) && bytes_of(dtype) <= 2;
}

const Value* value_of(const Node& node, const std::string& param) {
  size_t next = 0;
  for (const Value* input : node.inputs) {
    if (input != nullptr && node.kernel->inputs[next++].name == param) return input;
  }
  return nullptr;
}

std::string why_sum_in_reals(const Node& node, const Stage& stage) {
  bool reads_narrow = false;
  const Value* real_data = nullptr;
  const Value* real_constant = nullptr;
  for_each(stage.reduction->body, [&](const Expr& part) {
    const Value* value = part->kind == ExprKind::read ? value_of(node, part->name) : nullptr;
    if (value == nullptr) return;
    reads_narrow |= is_narrow(value->type.dtype);
    if (!is_float(value->type.dtype)) return;
    (value->is_constant() ? real_constant : real_data) = value;
  });
  if (!reads_narrow) return "";
  if (real_data != nullptr) return "its operand '" + real_data->name + "' is not quantized";
  if (real_constant == nullptr) return "";
  return "'" + real_constant->name + "' is real or differs along the summed axes";
}

}  // namespace

std::string why_in_reals(const Graph& graph, const Node& node) {
  if (!node.kernel || node.is_free) return "";
  if (node.op->widens && !graph.is_output(node.output())) {
    const std::vector<Node*> readers = graph.users(node.output());
    return readers.empty() ? "" : "its reals are read by " + describe(*readers.front());
  }
  for (const Stage& stage : node.kernel->stages) {
    const bool sums = stage.reduction && stage.reduction->combine == Combine::sum &&
                      is_float(stage.reduction->dtype);
    if (!sums) continue;
    if (std::string reason = why_sum_in_reals(node, stage); !reason.empty()) return reason;
  }
  return "";
}

}  // namespace mlfc
