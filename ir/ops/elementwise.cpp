// What all elementwise operators share: type checks, broadcasting and the kernel around a formula.
#include "ir/ops/elementwise.h"

#include <deque>
#include <map>

#include "ir/ops/axes.h"

namespace mlfc {
namespace {

// Rows by operator name. Families register from static objects of several files, hence a function.
std::map<std::string, ElementwiseRow, std::less<>>& rows_by_name() {
  static std::map<std::string, ElementwiseRow, std::less<>> rows;
  return rows;
}

const ElementwiseRow& row_of(const Node& node) {
  return rows_by_name().at(node.op->name);
}

std::vector<TensorType> infer(const Node& node) {
  const ElementwiseRow& row = row_of(node);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != nullptr) check_accepts(node, static_cast<int>(i), row.accepts);
  }
  check_same_dtype(node);
  const DType dtype = row.yields == Yields::boolean ? DType::boolean : node.input(0).type.dtype;
  return {{dtype, elementwise_shape(node)}};
}

Kernel kernel(const Node& node) {
  return elementwise_kernel(node, row_of(node).formula);
}

bool accepted(DType dtype, Accepts accepts) {
  switch (accepts) {
    case Accepts::anything:
      return true;
    case Accepts::numbers:
      return is_float(dtype) || is_integer(dtype);
    case Accepts::reals:
      return is_float(dtype);
    case Accepts::integers:
      return is_integer(dtype);
    case Accepts::booleans:
      return dtype == DType::boolean;
  }
  return false;
}

std::string_view accepted_text(Accepts accepts) {
  switch (accepts) {
    case Accepts::anything:
      return "anything";
    case Accepts::numbers:
      return "numbers";
    case Accepts::reals:
      return "floating point numbers";
    case Accepts::integers:
      return "integers";
    case Accepts::booleans:
      return "booleans";
  }
  return "";
}

}  // namespace

ElementwiseFamily::ElementwiseFamily(const std::vector<ElementwiseRow>& rows) {
  static std::deque<Operator> family;  // the registry refers to operators, so they must stay put
  for (const ElementwiseRow& row : rows) {
    rows_by_name()[row.name] = row;
    family.push_back(Operator{.name = row.name,
                              .summary = row.summary,
                              .onnx = row.onnx,
                              .onnx_opset = row.onnx_opset,
                              .inputs = row.inputs,
                              .attributes = row.attributes,
                              .adopt = row.adopt,
                              .offer = row.offer,
                              .infer = infer,
                              .kernel = kernel});
    RegisteredOperator registered(family.back());
  }
}

Shape elementwise_shape(const Node& node) {
  Shape shape;
  for (const Value* input : node.inputs) {
    if (input != nullptr) shape = broadcast_shape(node, shape, input->type.shape);
  }
  return shape;
}

Kernel elementwise_kernel(const Node& node, Formula formula) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> operands;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int index = static_cast<int>(i);
    const bool present = node.inputs[i] != nullptr;
    operands.push_back(present ? k.in(index).at(broadcast_indices(node.input(index).type.shape, at))
                               : Expr());
  }
  k.store(k.out().at(at), formula(node, operands));
  return k.done();
}

void check_accepts(const Node& node, int index, Accepts accepts) {
  const TensorType& type = node.input(index).type;
  if (accepted(type.dtype, accepts)) return;
  fail(node, input_name(node, index), " is ", type, " but must hold ", accepted_text(accepts),
       "; insert a Cast");
}

void check_same_dtype(const Node& node, int first) {
  const Value* reference = nullptr;
  for (size_t i = static_cast<size_t>(first); i < node.inputs.size(); ++i) {
    const Value* input = node.inputs[i];
    if (input == nullptr) continue;
    if (reference == nullptr) reference = input;
    if (input->type.dtype == reference->type.dtype) continue;
    fail(node, "operands must have one element type but are ", reference->type, " and ",
         input->type, "; insert a Cast");
  }
}

Expr sigmoid(const Expr& x) {
  return Expr(1) / (Expr(1) + exp(-x));
}

// trunc(x), one further from zero when half or more is cut off. Adding a half first would round
// the largest number below one half up.
Expr rounded_away(const Expr& x) {
  const Expr whole = call_expr("trunc", {x});
  const DType dtype = x.dtype();
  const Expr step =
      select_expr(less(x, 0), with_dtype(Expr(-1.0), dtype), with_dtype(Expr(1.0), dtype));
  return select_expr(less(abs(x - whole), 0.5), whole, whole + step);
}

Expr softplus(const Expr& x) {
  return max_expr(x, 0) + call_expr("log1p", {exp(-abs(x))});
}

}  // namespace mlfc
