// Limits every element to a range whose ends are optional: scalar inputs, or attributes in models
// older than opset 11. When the range is empty the upper end wins.
#include "ir/ops/adopt.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  check_same_dtype(node);
  for (int end = 1; end <= 2; ++end) {
    if (node.has_input(end) && node.input(end).type.elements() != 1) {
      fail(node, input_name(node, end), " must be a scalar but is ", node.input(end).type);
    }
  }
  return {node.input(0).type.plain()};
}

Expr limited(const Node& node, const std::vector<Expr>& x) {
  Expr result = x[0];
  if (node.has("min")) result = max_expr(result, node.real("min"));
  if (x.size() > 1 && !x[1].empty()) result = max_expr(result, x[1]);
  if (node.has("max")) result = min_expr(result, node.real("max"));
  if (x.size() > 2 && !x[2].empty()) result = min_expr(result, x[2]);
  return result;
}

Kernel kernel(const Node& node) {
  return elementwise_kernel(node, limited);
}

/// The limits have been inputs since opset 11.
void offer(ForeignNode& node) {
  int input = 1;
  for (const char* name : {"min", "max"}) {
    const auto limit = node.attributes.find(name);
    if (limit != node.attributes.end()) {
      const double number = std::get<double>(limit->second);
      const TensorType type{node.inputs[0]->type.dtype, {}, {}};
      add_constant_input(node, input, name, splat(type, number));
      node.attributes.erase(limit);
    }
    ++input;
  }
}

const Operator clip{
    .name = "clip",
    .summary = "Limits every element to min .. max.",
    .onnx = {"Clip"},
    .inputs = {"x", "min?", "max?"},
    .attributes = {real("min", 0), real("max", 0)},
    .offer = offer,
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{clip};

}  // namespace
}  // namespace mlfc
