// Zero points inside kernels: literals where they are known, reads where they are not.
#include "ir/ops/zero_point.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace mlfc {
namespace {

/// The one number a constant consists of.
std::optional<int64_t> uniform_integer(const Value& value) {
  if (!value.is_constant() || value.type.elements() == 0) return std::nullopt;
  const std::vector<int64_t> numbers = value.constant->integers();
  const bool all_same = std::all_of(numbers.begin(), numbers.end(),
                                    [&](int64_t number) { return number == numbers.front(); });
  return all_same ? std::optional(numbers.front()) : std::nullopt;
}

}  // namespace

Expr ZeroPoint::distance(const Expr& element, DType accumulator) const {
  return cast_expr(accumulator, element) - cast_expr(accumulator, value);
}

ZeroPoint zero_point(const Node& node, const KernelBuilder& k, int input,
                     const std::vector<Expr>& place) {
  if (!node.has_input(input)) return {Expr(0)};
  const Value& value = node.input(input);
  if (const auto number = uniform_integer(value)) return {integer_expr(*number)};
  if (value.type.elements() == 1) {
    return {k.in(input).at(std::vector<Expr>(value.type.shape.size(), Expr(0)))};
  }
  return {k.in(input).at(place)};
}

DType accumulator_of(const Node& node) {
  const std::string& name = node.text("accumulator");
  if (name != "i32" && name != "i64") {
    fail(node, "accumulator '", name, "' is neither i32 nor i64");
  }
  return name == "i32" ? DType::i32 : DType::i64;
}

void check_narrow_integers(const Node& node, int input) {
  const TensorType& type = node.input(input).type;
  if (is_integer(type.dtype) && bytes_of(type.dtype) <= 2) return;
  fail(node, input_name(node, input), " must be of 8 or 16-bit integers but is ", type);
}

void check_scale(const Node& node, int input) {
  const Value& scale = node.input(input);
  if (!is_float(scale.type.dtype)) {
    fail(node, input_name(node, input), " is ", scale.type,
         " but must hold floating point numbers; quantize the model again");
  }
  if (!scale.is_constant()) return;
  for (int64_t i = 0; i < scale.type.elements(); ++i) {
    const double number = scale.constant->real(i);
    if (std::isfinite(number) && number > 0) continue;
    fail(node, input_name(node, input), " ('", scale.name, "') holds ", number, " at place ", i,
         "; a scale must be positive and finite: quantize the model again");
  }
}

void check_zero_point_dtype(const Node& node, int input, int of) {
  if (!node.has_input(input)) return;
  const TensorType& zero = node.input(input).type;
  const TensorType& operand = node.input(of).type;
  if (zero.dtype == operand.dtype) return;
  fail(node, input_name(node, input), " is ", zero, " but must be ", operand.dtype, " like ",
       input_name(node, of), "; quantize the model again");
}

}  // namespace mlfc
