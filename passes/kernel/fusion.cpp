// Shared pieces of the fusing passes.
#include "passes/kernel/fusion.h"

#include <algorithm>

#include "ir/error.h"

namespace mlfc {
namespace {

bool name_is_taken(const Kernel& kernel, const std::string& name) {
  const bool is_scalar = std::any_of(
      kernel.stages.begin(), kernel.stages.end(),
      [&](const Stage& stage) { return stage.reduction && stage.reduction->name == name; });
  return is_scalar || find_param(kernel, name) != nullptr || find_axis(kernel, name) != nullptr;
}

std::string free_name(const Kernel& a, const Kernel& b, const std::string& name) {
  std::string candidate = name;
  for (int suffix = 2; name_is_taken(a, candidate) || name_is_taken(b, candidate); ++suffix) {
    candidate = name + std::to_string(suffix);
  }
  return candidate;
}

std::vector<Value*> present(const std::vector<Value*>& values) {
  std::vector<Value*> result;
  std::copy_if(values.begin(), values.end(), std::back_inserter(result),
               [](const Value* value) { return value != nullptr; });
  return result;
}

}  // namespace

bool stores_by_plain_axes(const Kernel& kernel) {
  if (kernel.outputs.size() != 1) return false;
  const auto is_storing = [](const Stage& stage) { return stage.store.has_value(); };
  if (std::count_if(kernel.stages.begin(), kernel.stages.end(), [&](const Stage& stage) {
        return is_storing(stage) && stage.store->target == kernel.outputs[0].name;
      }) != 1) {
    return false;
  }
  const Stage& stage = kernel.stages.back();
  if (!is_storing(stage) || stage.store->target != kernel.outputs[0].name) return false;
  const Shape& shape = kernel.outputs[0].type.shape;
  std::vector<std::string> seen;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    const Expr& index = stage.store->indices[dim];
    if (shape[dim] == 1 && is_literal(index, 0)) continue;
    if (index->kind != ExprKind::axis) return false;
    const Axis* axis = find_axis(kernel, index->name);
    const bool repeats = std::find(seen.begin(), seen.end(), index->name) != seen.end();
    if (axis == nullptr || axis->extent != shape[dim] || repeats) return false;
    seen.push_back(index->name);
  }
  return true;
}

std::string param_of(const Node& node, const Kernel& kernel, const Value& value) {
  const std::vector<Value*> inputs = present(node.inputs);
  const auto found = std::find(inputs.begin(), inputs.end(), &value);
  if (found == inputs.end()) return "";
  return kernel.inputs.at(static_cast<size_t>(found - inputs.begin())).name;
}

void drop_input(Node& node, const Value& value) {
  const std::string name = param_of(node, *node.kernel, value);
  std::erase_if(node.kernel->inputs, [&](const Param& param) { return param.name == name; });
  std::erase(node.inputs, nullptr);
  node.inputs.erase(std::find(node.inputs.begin(), node.inputs.end(), &value));
}

void drop_unread_inputs(Node& node) {
  std::vector<Param> read;
  std::vector<Value*> values;
  size_t position = 0;
  for (Value* input : node.inputs) {
    if (input == nullptr) continue;
    const Param& param = node.kernel->inputs[position++];
    if (reads_of(*node.kernel, param.name).empty()) continue;
    read.push_back(param);
    values.push_back(input);
  }
  node.kernel->inputs = std::move(read);
  node.inputs = std::move(values);
}

int64_t size_of(const Expr& expr) {
  int64_t size = 0;
  for_each(expr, [&](const Expr&) { ++size; });
  return size;
}

bool is_expensive(const Expr& expr) {
  bool expensive = false;
  for_each(expr, [&](const Expr& part) {
    if (part->kind != ExprKind::call || !is_float(part->args.back().dtype())) return;
    const bool arithmetic = !part->function->infix.empty() && part->function->name != "div";
    const bool comparison = part->function->name == "min" || part->function->name == "max" ||
                            part->function->name == "select" || part->function->name == "abs";
    expensive |= !arithmetic && !comparison;
  });
  return expensive;
}

void join_inputs(Kernel& into, Node& into_node, Kernel& from, const Node& from_node,
                 const Value& dropped) {
  into_node.inputs = present(into_node.inputs);
  const std::vector<Value*> from_inputs = present(from_node.inputs);
  check(into.inputs.size() == into_node.inputs.size() && from.inputs.size() == from_inputs.size(),
        "kernel parameters do not match the inputs of ", describe(into_node), " or ",
        describe(from_node));
  for (size_t i = 0; i < from_inputs.size(); ++i) {
    Value* value = from_inputs[i];
    if (value == &dropped) continue;
    const std::string old_name = from.inputs[i].name;
    const std::string shared = param_of(into_node, into, *value);
    if (!shared.empty() && find_param(into, shared)->type.shape == from.inputs[i].type.shape) {
      if (shared == old_name) continue;
      // The old name must not capture something else of `from` that has the shared name; an input
      // that was joined under that name is the same value.
      const bool is_joined =
          std::any_of(from.inputs.begin(), from.inputs.begin() + static_cast<long>(i),
                      [&](const Param& param) { return param.name == shared; });
      if (!is_joined && find_param(from, shared) != nullptr) {
        rename_param(from, shared, free_name(into, from, shared));
      }
      rename_param(from, old_name, shared);
      continue;
    }
    const std::string name =
        name_is_taken(into, old_name) ? free_name(into, from, old_name) : old_name;
    if (name != old_name) rename_param(from, old_name, name);
    into.inputs.push_back({name, from.inputs[i].type});
    into_node.inputs.push_back(value);
  }
}

}  // namespace mlfc
