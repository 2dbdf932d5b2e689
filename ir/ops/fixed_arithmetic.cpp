// Arithmetic on quantised elements, in fixed point: each operand has a zero point and a scale of
// its own. A sum takes place on a common, finer scale (operands are shifted left first); a product
// needs one rescaling of the result only.
#include "ir/ops/elementwise.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

using Operands = std::vector<Expr>;

Expr finer(const Node& node, const Operands& operands, int index) {
  const std::string prefix = index == 0 ? "a" : "b";
  const Expr distance = distance_from(operands[index], node.integer(prefix + "_zero_point"));
  const Expr left = Expr(int64_t{1} << node.integer("left_shift"));
  return rescaled_by(node, distance * left, prefix);
}

Expr sum(const Node& node, const Operands& x) {
  const Expr total = finer(node, x, 0) + finer(node, x, 1);
  return as_output(node, rescaled_by(node, total, "y"));
}

Expr difference(const Node& node, const Operands& x) {
  const Expr total = finer(node, x, 0) - finer(node, x, 1);
  return as_output(node, rescaled_by(node, total, "y"));
}

Expr squared_difference(const Node& node, const Operands& x) {
  const Expr total = finer(node, x, 0) - finer(node, x, 1);
  return as_output(node, rescaled_by(node, total * total, "y"));
}

Expr product(const Node& node, const Operands& x) {
  const Expr a = distance_from(x[0], node.integer("a_zero_point"));
  const Expr b = distance_from(x[1], node.integer("b_zero_point"));
  return as_output(node, rescaled_by(node, a * b, "y"));
}

Expr leading_zeros(const Expr& value) {
  return call_expr("leading_zeros", {value});
}

/// The divisor is (1 + fraction) * 2^(31 - zeros); its reciprocal multiplies the dividend, which is
/// shifted left as far as it goes first.
Expr quotient(const Node& node, const Operands& x) {
  const Expr zero = integer_expr(0, DType::i32), one = integer_expr(1, DType::i32);
  const Expr a = distance_from(x[0], node.integer("a_zero_point"));
  const Expr b = distance_from(x[1], node.integer("b_zero_point"));
  const Expr dividend = select_expr(less(b, zero), -a, a), divisor = abs(b);
  const Expr zeros = leading_zeros(divisor);
  const Expr fraction =
      call_expr("shift_left", {divisor, zeros}) - integer_expr(INT32_MIN, DType::i32);
  const Expr headroom =
      select_expr(less(dividend, zero), leading_zeros(abs(dividend) + abs(dividend) - one),
                  leading_zeros(dividend) - one);
  const Expr whole = call_expr("high_product", {call_expr("shift_left", {dividend, headroom}),
                                                call_expr("inverse_of_one_plus", {fraction})});
  const Expr shift = integer_expr(node.integer("y_shift") - 31, DType::i32) + zeros - headroom;
  const Expr scale = integer_expr(node.integer("y_multiplier"), DType::i32);
  const Expr defined = max_expr(shift, integer_expr(-31, DType::i32));  // less is 0 anyway
  return as_output(node, rescaled(node, whole, scale, defined));
}

// Scales that are powers of two need no multiplication: one operand is divided (halves away from
// zero) and the sum saturates at 16 bits before the limits.
Expr divided(const Node& node, const Expr& x, const std::string& prefix) {
  const int64_t shift = node.integer(prefix + "_shift");
  const Expr wide = cast_expr(DType::i32, x);
  return shift >= 0 ? wide : call_expr("halved", {wide, integer_expr(-shift, DType::i32)});
}
Expr saturated_sum(const Node& node, const Operands& x) {
  return as_output(node, divided(node, x[0], "a") + divided(node, x[1], "b"));
}
Expr saturated_difference(const Node& node, const Operands& x) {
  return as_output(node, divided(node, x[0], "a") - divided(node, x[1], "b"));
}

struct Row {
  std::string name = {};
  std::string summary = {};
  Formula formula = nullptr;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = {
      {"fixed_add", "Sum of quantised elements in fixed point.", sum},
      {"fixed_sub", "Difference of quantised elements in fixed point.", difference},
      {"fixed_squared_difference", "Square of the difference of quantised elements in fixed point.",
       squared_difference},
      {"fixed_mul", "Product of quantised elements in fixed point.", product},
      {"fixed_div", "Quotient of quantised elements in fixed point.", quotient},
      {"fixed_add_shifted", "Sum of 16-bit elements whose scales are powers of two.",
       saturated_sum},
      {"fixed_sub_shifted", "Difference of 16-bit elements whose scales are powers of two.",
       saturated_difference},
  };
  return table;
}

const Row& row_of(const Node& node) {
  for (const Row& row : rows()) {
    if (row.name == node.op->name) return row;
  }
  throw InternalError("no row for operator " + node.op->name);
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::integers);
  check_accepts(node, 1, Accepts::integers);
  check_rounding(node);
  for (const std::string prefix : {"a", "b", "y"}) check_scale(node, prefix);
  if (node.integer("left_shift") < 0 || node.integer("left_shift") > 30) {
    fail(node, "left_shift ", node.integer("left_shift"), " is not in 0 .. 30");
  }
  return {{output_dtype(node), elementwise_shape(node)}};
}

Kernel kernel(const Node& node) {
  return elementwise_kernel(node, row_of(node).formula);
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = {integer("a_zero_point", 0), integer("b_zero_point", 0),
                                      integer("left_shift", 0)};
  for (const std::string prefix : {"a", "b", "y"}) add_scale(specs, prefix);
  add_output(specs);
  return specs;
}

/// Registers a row as an operator; the registry refers to it, so it must stay put.
struct RegisteredRow {
  explicit RegisteredRow(const Row& row)
      : op{.name = row.name,
           .summary = row.summary,
           .inputs = {"a", "b"},
           .attributes = attributes(),
           .infer = infer,
           .kernel = kernel},
        registered(op) {}
  Operator op;
  RegisteredOperator registered;
};

const RegisteredRow fixed_add{rows()[0]}, fixed_sub{rows()[1]}, fixed_squared_difference{rows()[2]},
    fixed_mul{rows()[3]}, fixed_div{rows()[4]}, fixed_add_shifted{rows()[5]},
    fixed_sub_shifted{rows()[6]};

}  // namespace
}  // namespace mlfc
