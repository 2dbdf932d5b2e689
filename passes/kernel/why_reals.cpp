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

std::string names_of(const std::vector<Node*>& nodes) {
  std::string names;
  for (size_t i = 0; i < nodes.size(); ++i) {
    names += (i == 0 ? "" : i + 1 < nodes.size() ? ", " : " and ") + describe(*nodes[i]);
  }
  return names;
}

// A sum that is not quantized at once is stored as reals, four times as wide.
std::string why_stored_as_reals(const Graph& graph, const Node& node) {
  const Value& result = node.output();
  if (!is_float(result.type.dtype) || graph.is_output(result)) return "";
  const Kernel& kernel = *node.kernel;
  const bool sums = std::any_of(kernel.stages.begin(), kernel.stages.end(), [](const Stage& stage) {
    return stage.reduction && stage.reduction->combine == Combine::sum;
  });
  const bool reads_narrow =
      std::any_of(kernel.inputs.begin(), kernel.inputs.end(),
                  [](const Param& param) { return is_narrow(param.type.dtype); });
  const std::vector<Node*> readers = graph.users(result);
  if (!sums || !reads_narrow || readers.empty()) return "";
  return "its sums are stored as reals, which are read by " + names_of(readers);
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
  return why_stored_as_reals(graph, node);
}

bool computes_with_reals(const Node& node) {
  if (!node.kernel || node.is_free) return false;
  bool computes = false;
  Kernel kernel = *node.kernel;
  rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
    const bool works = part->kind == ExprKind::call || part->kind == ExprKind::cast;
    computes |= works && (is_float(part.dtype()) || is_float(part->args[0].dtype()));
    return {};
  });
  return computes;
}

}  // namespace mlfc
