// Operators that compute each output element from one element of every (broadcast) input. A family
// of them is a table: a row says the name, the types it takes and the formula; shapes, axes and
// reads are the same for all and live in elementwise.cpp.
#pragma once

#include <string>
#include <vector>

#include "ir/operator.h"

namespace mlfc {

/// Which element types an operand may have.
enum class Accepts : uint8_t { anything, numbers, reals, integers, booleans };

/// What element type the result has.
enum class Yields : uint8_t { same, boolean };

/// The value of one element; operands are in input order, empty where an optional one is absent.
using Formula = Expr (*)(const Node& node, const std::vector<Expr>& operands);

struct ElementwiseRow {
  std::string name = {};
  std::string summary = {};
  std::vector<std::string> onnx = {};
  int64_t onnx_opset = 13;
  Formula formula = nullptr;
  std::vector<std::string> inputs = {"x"};
  Accepts accepts = Accepts::numbers;
  Yields yields = Yields::same;
  std::vector<AttributeSpec> attributes = {};
  void (*adopt)(ForeignNode& node) = nullptr;
  void (*offer)(ForeignNode& node) = nullptr;
};

/// A static object of this type registers every row as an operator.
class ElementwiseFamily {
 public:
  explicit ElementwiseFamily(const std::vector<ElementwiseRow>& rows);
};

/// The kernel of any node whose operands broadcast to its only output.
Kernel elementwise_kernel(const Node& node, Formula formula);
/// The broadcast shape of all present inputs.
Shape elementwise_shape(const Node& node);
/// Fails unless input `index` is of an accepted type.
void check_accepts(const Node& node, int index, Accepts accepts);
/// Fails unless all present inputs from `first` on have one element type.
void check_same_dtype(const Node& node, int first = 0);

// Words that formulas are written in.
inline Expr less(const Expr& a, const Expr& b) {
  return call_expr("less", {a, b});
}
inline Expr equal(const Expr& a, const Expr& b) {
  return call_expr("equal", {a, b});
}
inline Expr exp(const Expr& x) {
  return call_expr("exp", {x});
}
inline Expr log(const Expr& x) {
  return call_expr("log", {x});
}
inline Expr sqrt(const Expr& x) {
  return call_expr("sqrt", {x});
}
inline Expr tanh(const Expr& x) {
  return call_expr("tanh", {x});
}
inline Expr abs(const Expr& x) {
  return call_expr("abs", {x});
}
/// 1 / (1 + exp(-x))
Expr sigmoid(const Expr& x);
/// The nearest whole number, halves away from zero, as C's round().
Expr rounded_away(const Expr& x);
/// log(1 + exp(x)) without overflow for large x.
Expr softplus(const Expr& x);

}  // namespace mlfc
