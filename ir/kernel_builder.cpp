// The little language in which operators declare kernels.
#include "ir/kernel_builder.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/operator.h"

namespace mlfc {

Expr TensorRef::at(std::vector<Expr> indices) const {
  check(static_cast<int>(indices.size()) == type_.rank(), "'", name_, "' of type ", type_,
        " is indexed with ", indices.size(), " indices");
  const Expr read = read_expr(name_, type_.dtype, std::move(indices));
  return cast_expr(compute_dtype(type_.dtype), read);
}

KernelBuilder::KernelBuilder(const Node& node) {
  kernel_.name = node.op->name;
  for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
    in_names_.push_back(node.has_input(i) ? input_name(node, i) : "");
    if (node.has_input(i)) kernel_.inputs.push_back({in_names_.back(), node.input(i).type.plain()});
  }
  for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) {
    const bool present = node.outputs[static_cast<size_t>(i)] != nullptr;
    out_names_.push_back(present ? output_name(node, i) : "");
    if (present) kernel_.outputs.push_back({out_names_.back(), node.output(i).type.plain()});
  }
  kernel_.stages.emplace_back();
}

TensorRef KernelBuilder::in(int index) const {
  check(has(index), kernel_.name, ": input ", index, " is absent");
  const Param* param = find_param(kernel_, in_names_[static_cast<size_t>(index)]);
  return TensorRef(param->name, param->type);
}

TensorRef KernelBuilder::out(int index) const {
  check(has_out(index), kernel_.name, ": output ", index, " is absent");
  const Param* param = find_param(kernel_, out_names_[static_cast<size_t>(index)]);
  return TensorRef(param->name, param->type);
}

bool KernelBuilder::has_out(int index) const {
  return index < static_cast<int>(out_names_.size()) &&
         !out_names_[static_cast<size_t>(index)].empty();
}

bool KernelBuilder::has(int index) const {
  return index < static_cast<int>(in_names_.size()) &&
         !in_names_[static_cast<size_t>(index)].empty();
}

std::string KernelBuilder::unique(const std::string& name) {
  const auto taken = [&](const std::string& candidate) {
    return find_axis(kernel_, candidate) != nullptr || find_param(kernel_, candidate) != nullptr ||
           std::any_of(kernel_.stages.begin(), kernel_.stages.end(), [&](const Stage& stage) {
             return stage.reduction && stage.reduction->name == candidate;
           });
  };
  // No name is given back, so that the search goes on where it ended: a concatenation may have
  // thousands of parts.
  int& suffix = next_suffix_[name];
  std::string candidate = suffix == 0 ? name : name + std::to_string(suffix);
  while (taken(candidate)) {
    suffix = std::max(suffix + 1, 2);
    candidate = name + std::to_string(suffix);
  }
  return candidate;
}

Expr KernelBuilder::axis(const std::string& name, int64_t extent) {
  const std::string axis_name = unique(name);
  kernel_.axes.push_back({axis_name, extent});
  return axis_expr(axis_name);
}

std::vector<Expr> KernelBuilder::axes(const Shape& shape, const std::string& prefix) {
  std::vector<Expr> indices;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool single = shape[i] == 1;
    indices.push_back(single ? integer_expr(0, DType::i64)
                             : axis(prefix + std::to_string(i), shape[i]));
  }
  return indices;
}

KernelBuilder& KernelBuilder::stage() {
  kernel_.stages.emplace_back();
  return *this;
}

Expr KernelBuilder::stage_axis(const std::string& name, int64_t extent) {
  const std::string axis_name = unique(name);
  kernel_.stages.back().parallel.push_back({axis_name, extent});
  return axis_expr(axis_name);
}

Expr KernelBuilder::reduce(const std::string& name, int64_t extent) {
  if (extent == 1) return integer_expr(0, DType::i64);
  const std::string axis_name = unique(name);
  kernel_.stages.back().reduce.push_back({axis_name, extent});
  return axis_expr(axis_name);
}

Expr KernelBuilder::reduction(Combine combine, const Expr& body, const Expr& init,
                              const std::string& name) {
  const DType dtype = body.dtype();
  check(dtype != DType::none, kernel_.name, ": the body of a reduction needs a dtype");
  const std::string scalar = unique(name);
  kernel_.stages.back().reduction = Reduction{
      .name = scalar,
      .dtype = dtype,
      .combine = combine,
      .init = init.empty() ? neutral_element(combine, dtype) : with_dtype(init, dtype),
      .body = body,
  };
  return local_expr(scalar, dtype);
}

TensorRef KernelBuilder::local(const std::string& name, DType dtype, const Shape& shape) {
  kernel_.locals.push_back({unique(name), TensorType{dtype, shape, {}}});
  return TensorRef(kernel_.locals.back().name, kernel_.locals.back().type);
}

void KernelBuilder::store(const Expr& target, const Expr& value) {
  const Expr element = target->kind == ExprKind::cast ? target->args[0] : target;
  check(element->kind == ExprKind::read, kernel_.name, ": a store needs an element as its target");
  const bool stores_narrow = compute_dtype(element.dtype()) == value.dtype();
  Expr stored = with_dtype(value, compute_dtype(element.dtype()));
  if (stores_narrow || value.dtype() == DType::none) stored = cast_expr(element.dtype(), stored);
  check(stored.dtype() == element.dtype(), kernel_.name, ": stores ", stored.dtype(), " into ",
        element->name, " of ", element.dtype(), "; cast the value");
  kernel_.stages.back().store = Store{element->name, element->args, stored};
}

Kernel KernelBuilder::done() {
  return std::move(kernel_);
}

}  // namespace mlfc
