// Scalar expressions: the bodies, epilogues and indices of kernels and loops.
//
// An Expr is an immutable tree, cheap to copy. Its meaning: evaluation has no side effects; every
// operation is computed in the dtype of the expression (f32 operations round to f32; integers
// wrap); reading outside a tensor is an error of the kernel unless the read says what it yields
// there. Literals have no dtype until they meet a typed operand, so `max(acc, 0)` needs no
// suffixes. Indices are ordinary expressions of dtype i64, affine in the axes wherever they can be
// (affine.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/scalar_functions.h"
#include "ir/type.h"

namespace mlfc {

enum class ExprKind : uint8_t {
  constant,  ///< a literal
  axis,      ///< the current value of a loop axis; dtype i64
  local,     ///< a scalar named by a stage (an accumulator) or by a loop program
  read,      ///< one element of a tensor: name[args...], or `otherwise` when outside
  call,      ///< a row of the scalar function table applied to args
  cast,      ///< args[0] converted to dtype
};

struct ExprNode;

class Expr {
 public:
  Expr() = default;      ///< empty: "no expression"
  Expr(double literal);  // NOLINT: literals convert silently so that x + 1.0 reads well
  Expr(int literal) : Expr(int64_t{literal}) {}  // NOLINT
  Expr(int64_t literal);                         // NOLINT
  explicit Expr(std::shared_ptr<const ExprNode> node) : node_(std::move(node)) {}

  bool empty() const { return node_ == nullptr; }
  const ExprNode& operator*() const { return *node_; }
  const ExprNode* operator->() const { return node_.get(); }
  DType dtype() const;

  /// For a read: the same read yielding `value` where the index lies outside the tensor.
  Expr or_else(const Expr& value) const;

 private:
  std::shared_ptr<const ExprNode> node_;
};

struct ExprNode {
  ExprKind kind = ExprKind::constant;
  DType dtype = DType::none;
  std::string name = {};                     ///< axis, local, read
  const ScalarFunction* function = nullptr;  ///< call
  std::vector<Expr> args = {};               ///< call, cast; the indices of a read
  Expr otherwise = {};                       ///< read; empty when the index is always inside
  bool is_real = false;                      ///< constant: which of the two fields counts
  double real = 0;
  int64_t integer = 0;
};

// --- making ---------------------------------------------------------------------------------

Expr axis_expr(const std::string& name);
Expr local_expr(const std::string& name, DType dtype);
Expr read_expr(const std::string& tensor, DType dtype, std::vector<Expr> indices,
               Expr otherwise = {});
Expr cast_expr(DType dtype, const Expr& value);
Expr real_expr(double value, DType dtype = DType::none);
Expr integer_expr(int64_t value, DType dtype = DType::none);
/// Applies a row of the table by name; unifies literals with typed operands and simplifies what is
/// plainly constant or neutral (0 + x, 1 * x, constants of integers). Fails on mixed dtypes.
Expr call_expr(std::string_view function, std::vector<Expr> args);
Expr call_expr(const ScalarFunction& function, std::vector<Expr> args);
/// Gives an untyped literal (tree) its dtype; leaves typed expressions alone.
Expr with_dtype(const Expr& expr, DType dtype);

Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);  ///< floats: quotient; integers: truncates as C does
Expr operator-(const Expr& a);
Expr floor_div(const Expr& a, const Expr& b);  ///< integers, rounds down
Expr floor_mod(const Expr& a, const Expr& b);  ///< integers, sign of the divisor
Expr min_expr(const Expr& a, const Expr& b);
Expr max_expr(const Expr& a, const Expr& b);
Expr select_expr(const Expr& condition, const Expr& yes, const Expr& no);

// --- asking and rewriting -------------------------------------------------------------------

bool same(const Expr& a, const Expr& b);  ///< structural equality
bool is_literal(const Expr& expr, double value);
bool is_call(const Expr& expr, std::string_view function);
/// The value of an integer constant; check()s that it is one.
int64_t integer_value(const Expr& expr);

/// Calls `visit` for every node of the tree, parents first (indices and `otherwise` included).
void for_each(const Expr& expr, const std::function<void(const Expr&)>& visit);
/// Rebuilds the tree bottom-up: children first, then `rewrite` of the rebuilt node; an empty result
/// keeps the node.
Expr rewritten(const Expr& expr, const std::function<Expr(const Expr&)>& rewrite);
/// Replaces axes by expressions.
using AxisMap = std::vector<std::pair<std::string, Expr>>;
Expr substituted(const Expr& expr, const AxisMap& axes);
bool mentions_axis(const Expr& expr, std::string_view axis);
bool reads_tensor(const Expr& expr, std::string_view tensor);

/// The text of print.h: x[0, ic, oh + kh - 1 | 0] * w[oc, ic, kh]
std::string to_text(const Expr& expr);

}  // namespace mlfc
