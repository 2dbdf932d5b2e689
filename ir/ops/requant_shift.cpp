// Requantisation in integers, as models for microcontrollers write it out: a multiplication, an
// addition and a shift that rounds halves up, then the limits of the result's levels. The numbers
// may be of a floating point type; they are whole all the same.
#include <cmath>

#include "ir/ops/adopt.h"
#include "ir/ops/convert.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  for (int i = 0; i < 3; ++i) check_accepts(node, i, Accepts::numbers);
  const Shape shape = elementwise_shape(node);
  if (shape != x.shape) {
    fail(node, "mul, ", node.input(1).type, ", and add, ", node.input(2).type,
         ", do not broadcast to x, ", x);
  }
  const int64_t shift = node.integer("shift");
  if (shift < 0 || shift > 62) fail(node, "shift is ", shift, " but must be from 0 to 62");
  if (node.integer("levels") < 2)
    fail(node, "levels is ", node.integer("levels"), "; give 2 or more");
  return {x.plain()};
}

Expr formula(const Node& node, const std::vector<Expr>& operands) {
  const auto whole = [&](int i) { return converted_expr(DType::i64, operands[i]); };
  const int64_t divisor = int64_t{1} << node.integer("shift");
  const int64_t levels = node.integer("levels");
  const int64_t lowest = node.integer("signed") != 0 ? -(levels / 2) : 0;
  const Expr scaled = whole(0) * whole(1) + whole(2) + Expr(divisor / 2);
  const Expr steps = floor_div(scaled, Expr(divisor));
  const Expr limited = min_expr(max_expr(steps, Expr(lowest)), Expr(lowest + levels - 1));
  return cast_expr(compute_dtype(node.input(0).type.dtype), limited);
}

/// The number in a tensor, list or plain attribute.
int64_t whole_number(const ForeignNode& node, const std::string& name, int64_t fallback) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return fallback;
  double number = 0;
  if (const auto* tensor = std::get_if<Tensor>(&found->second)) {
    if (tensor->type.elements() != 1) fail(place_of(node), name, " must be one number");
    number = tensor->real(0);
  } else if (const auto* real = std::get_if<double>(&found->second)) {
    number = *real;
  } else {
    return foreign_integer(node, name, fallback);
  }
  if (!(std::abs(number) < std::ldexp(1.0, 62)) || number != std::floor(number)) {
    fail(place_of(node), name, " is ", number, " but must be a whole number");
  }
  return static_cast<int64_t>(number);
}

void adopt(ForeignNode& node) {
  const int64_t divisor = whole_number(node, "div", 0);
  if (divisor < 1 || (divisor & (divisor - 1)) != 0) {
    fail(place_of(node), "div is ", divisor, " but must be a power of two");
  }
  int64_t shift = 0;
  while (int64_t{1} << shift < divisor) ++shift;
  const int64_t levels = whole_number(node, "n_levels_out", whole_number(node, "n_levels", 256));
  const int64_t has_sign = whole_number(node, "signed", 1);
  // Constants of a floating point type become what they are.
  for (const int input : {1, 2}) {
    const auto index = static_cast<size_t>(input);
    const bool is_constant = index < node.inputs.size() && node.inputs[index] != nullptr &&
                             node.inputs[index]->is_constant();
    if (!is_constant || !is_float(node.inputs[index]->type.dtype)) continue;
    add_constant_input(node, input, input == 1 ? "mul" : "add",
                       converted(*node.inputs[index]->constant, DType::i32));
  }
  node.attributes = {{"shift", shift}, {"levels", levels}, {"signed", has_sign}};
}

const Operator requant_shift{
    .name = "requant_shift",
    .summary = "(x * mul + add) / 2^shift, rounded, within the levels of the result.",
    .onnx = {"RequantShift", "PACTOps.RequantShift"},
    .inputs = {"x", "mul", "add"},
    .attributes = {required(integer("shift", 0)), integer("levels", 256), integer("signed", 1)},
    .adopt = adopt,
    .infer = infer,
    .kernel = [](const Node& node) { return elementwise_kernel(node, formula); },
};
const RegisteredOperator registered{requant_shift};

}  // namespace
}  // namespace mlfc
