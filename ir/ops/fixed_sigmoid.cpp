// Logistic and tanh of 16-bit elements: a table of sigmoid(i / 24) in units of 2^-16, interpolated
// between its entries. Both functions are symmetric, so the table has the upper half only, and
// tanh(x) is 2 * sigmoid(2x) - 1.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

Expr word(int64_t value) {
  return integer_expr(value, DType::i32);
}
Expr right(const Expr& value, int64_t bits) {
  return call_expr("shift_right", {value, word(bits)});
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  if (x.dtype != DType::i16 || node.input(1).type != TensorType{DType::u16, {256}, {}}) {
    fail(node, "x must hold i16 and the table be u16[256], but they are ", x, " and ",
         node.input(1).type);
  }
  const int64_t multiplier = node.integer("multiplier"), shift = node.integer("shift");
  if (multiplier < 0 || multiplier > INT16_MAX || shift < 0 || shift > 31) {
    fail(node, "multiplier ", multiplier, " or shift ", shift, " is out of range");
  }
  return {{DType::i16, x.shape}};
}

/// x in units of 1 / (3 * 4096), to the nearest, halves up.
Expr scaled(const Node& node, const Expr& x) {
  const int64_t shift = node.integer("shift");
  const Expr product = cast_expr(DType::i32, x) * word(node.integer("multiplier"));
  if (shift == 0) return product;
  return right(product + word(int64_t{1} << (shift - 1)), shift);
}

/// The table at `magnitude`, which has `bits` bits behind the entry's number, in that many bits
/// more than the table; `beyond` when it lies behind the last entry.
Expr interpolated(const TensorRef& table, const Expr& magnitude, int64_t bits, int64_t beyond) {
  const Expr entry = min_expr(right(magnitude, bits), word(254));
  const auto value = [&](int64_t offset) {
    return cast_expr(DType::i32, table(cast_expr(DType::i64, entry) + Expr(offset)));
  };
  const Expr unit = word(int64_t{1} << bits);
  const Expr rest = call_expr("bit_and", {magnitude, word((int64_t{1} << bits) - 1)});
  const Expr between = value(0) * unit + rest * (value(1) - value(0));
  return select_expr(less(right(magnitude, bits), word(255)), between, word(beyond));
}

/// below - upper where x is negative, upper + above elsewhere.
Expr reflected(const Expr& x, const Expr& upper, int64_t below, int64_t above) {
  const Expr is_below = less(x, word(0));
  return select_expr(is_below, word(-1), word(1)) * upper +
         select_expr(is_below, word(below), word(above));
}

Kernel sigmoid_kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const Expr x = scaled(node, k.in(0).at(at));
  const Expr upper = interpolated(k.in(1), abs(x), 9, 0x7fff << 10);
  constexpr int64_t one = 1 << 25, half = 1 << 9;
  k.store(k.out().at(at),
          cast_expr(DType::i16, right(reflected(x, upper, one + half - 1, half), 10)));
  return k.done();
}

Kernel tanh_kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const Expr x = scaled(node, k.in(0).at(at));
  const Expr upper = interpolated(k.in(1), abs(x), 8, 0xffff << 8);
  constexpr int64_t one = 1 << 23, half = 1 << 7;
  const Expr result = reflected(x, upper, one + half - 1, half - one);
  k.store(k.out().at(at), cast_expr(DType::i16, right(result, 8)));
  return k.done();
}

const std::vector<AttributeSpec> attributes = {integer("multiplier", 3), integer("shift", 0)};

const Operator fixed_sigmoid{
    .name = "fixed_sigmoid",
    .summary = "1 / (1 + exp(-x)) of 16-bit elements by an interpolated table.",
    .inputs = {"x", "table"},
    .attributes = attributes,
    .infer = infer,
    .kernel = sigmoid_kernel,
};
const RegisteredOperator registered_sigmoid{fixed_sigmoid};

const Operator fixed_tanh{
    .name = "fixed_tanh",
    .summary = "tanh(x) of 16-bit elements by an interpolated table.",
    .inputs = {"x", "table"},
    .attributes = attributes,
    .infer = infer,
    .kernel = tanh_kernel,
};
const RegisteredOperator registered_tanh{fixed_tanh};

}  // namespace
}  // namespace mlfc
