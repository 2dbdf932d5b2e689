// See the header.
#include "passes/kernel/stages.h"

namespace mlfc {
namespace {

// oc2, oc3 ... as long as they are taken.
std::string numbered_name(const Kernel& kernel, const std::string& name) {
  for (int number = 2;; ++number) {
    const std::string candidate = name + std::to_string(number);
    if (find_param(kernel, candidate) == nullptr && find_axis(kernel, candidate) == nullptr) {
      return candidate;
    }
  }
}

}  // namespace

std::string free_name(const Kernel& kernel, std::string name) {
  while (find_param(kernel, name) != nullptr || find_axis(kernel, name) != nullptr) name += "_";
  return name;
}

Stage over_own_axes(const Kernel& kernel, Stage stage) {
  AxisMap own;
  for (std::vector<Axis>* axes : {&stage.parallel, &stage.reduce}) {
    for (Axis& axis : *axes) {
      const std::string name = numbered_name(kernel, axis.name);
      own.emplace_back(axis.name, axis_expr(name));
      axis.name = name;
    }
  }
  if (stage.reduction) {
    stage.reduction->init = substituted(stage.reduction->init, own);
    stage.reduction->body = substituted(stage.reduction->body, own);
  }
  stage.store->value = substituted(stage.store->value, own);
  for (Expr& index : stage.store->indices) index = substituted(index, own);
  return stage;
}

}  // namespace mlfc
