// Softmax and its logarithm in fixed point along the last axis. What an 8-bit element contributes
// depends on its distance from the largest one only, of which there are 256: their exponentials are
// a table, in units of 2^-31. The sum has twelve integer bits. Of 16-bit elements, exponentials and
// the reciprocal of their sum are interpolated in tables of 513 entries.
#include "ir/ops/axes.h"
#include "ir/ops/convert.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

constexpr int sum_integer_bits = 12;

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& table = node.input(1).type;
  if (!is_integer(x.dtype) || bytes_of(x.dtype) != 1 || x.rank() == 0) {
    fail(node, "x is ", x, " but must be rows of 8-bit integers");
  }
  if (table != TensorType{DType::i32, {256}, {}}) {
    fail(node, "exponentials must be i32[256] but are ", table);
  }
  const DType dtype = output_dtype(node);
  if (bytes_of(dtype) > 2) fail(node, "dtype must be of 8 or 16 bits but is ", dtype);
  return {{dtype, x.shape}};
}

Expr word(int64_t value) {
  return integer_expr(value, DType::i32);
}

/// The stages all of these share: the largest element of each row, and what others contribute.
class Rows {
 public:
  explicit Rows(const Node& node) : k(node), shape_(node.input(0).type.shape) {
    const size_t last = shape_.size() - 1;
    for (size_t i = 0; i < last; ++i) {
      at_.push_back(parallel_axis(k, "i" + std::to_string(i), shape_[i]));
    }
    at_.emplace_back(0);
    top = k.reduction(Combine::max, element(k.reduce("r", shape_[last])), {}, "top");
  }
  Expr element(const Expr& place) {
    at_.back() = place;
    return cast_expr(DType::i32, k.in(0).at(at_));
  }
  /// The distance from the largest element: 0 .. 255 for bytes.
  Expr distance(const Expr& place) { return top - element(place); }
  /// What an element at that distance contributes, by the table in input 1.
  Expr power(const Expr& place) { return k.in(1)(cast_expr(DType::i64, distance(place))); }
  /// The sum of the powers, with twelve integer bits.
  Expr total() {
    k.stage();
    const Expr all = power(k.reduce("r", shape_.back()));
    return k.reduction(Combine::sum, call_expr("halved", {all, word(sum_integer_bits)}), {},
                       "total");
  }
  /// The value of a scalar, computed once for a row.
  Expr once(const std::string& name, const Expr& value) {
    const TensorRef scalar = k.local(name, value.dtype(), {});
    k.stage();
    k.store(scalar(), value);
    return scalar();
  }
  template <typename Value>
  Kernel stored(Value value) {
    k.stage();
    const Expr place = row_axis(k, "r", shape_.back());
    const Expr result = value(place);
    at_.back() = place;
    k.store(k.out().at(at_), result);
    return k.done();
  }

  KernelBuilder k;
  Expr top = {};

 private:
  const Shape& shape_;
  std::vector<Expr> at_ = {};
};

Kernel kernel(const Node& node) {
  Rows rows(node);
  const Expr total = rows.total();
  // total = (1 + fraction) * 2^(12 - zeros), so that the reciprocal's argument lies in [0, 1).
  const Expr zeros = rows.once("zeros", call_expr("leading_zeros", {total}));
  const Expr fraction = call_expr("shift_left", {total, zeros}) - word(INT32_MIN);
  const Expr scale = rows.once("scale", call_expr("inverse_of_one_plus", {fraction}));
  const int bits = sum_integer_bits + 31 - 8 * bytes_of(output_dtype(node));
  return rows.stored([&](const Expr& place) {
    const Expr share = call_expr("high_product", {scale, rows.power(place)});
    return as_output(node, call_expr("halved", {share, word(bits) - zeros}));
  });
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs;
  add_output(specs);
  return specs;
}

const Operator softmax_fixed{
    .name = "softmax_fixed",
    .summary = "Softmax of rows of 8-bit elements in fixed point; the table has exp(-distance).",
    .inputs = {"x", "exponentials"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{softmax_fixed};

// --- log_softmax_fixed ----------------------------------------------------------------------

constexpr int difference_bits = 5, output_integer_bits = 4;

/// Elements further from the largest one than `radius`, or than their logarithm can be told, become
/// the lowest number.
Kernel log_kernel(const Node& node) {
  Rows rows(node);
  const Expr log = rows.once("log", call_expr("log_of_sum", {rows.total()}));
  const Expr furthest = rescaled_by(node, log + word(INT32_MIN), "back");
  const Expr radius = rows.once("radius", min_expr(word(node.integer("radius") + 1), -furthest));
  return rows.stored([&](const Expr& place) {
    const Expr difference = rescaled_by(node, -rows.distance(place), "x");
    const Expr steps =
        call_expr("halved", {difference - log, word(31 - difference_bits - output_integer_bits)});
    const Expr lowest = word(static_cast<int64_t>(lowest_of(output_dtype(node))));
    return select_expr(less(rows.distance(place), radius), as_output(node, steps),
                       cast_expr(output_dtype(node), lowest));
  });
}

std::vector<TensorType> infer_log(const Node& node) {
  check_scale(node, "x");
  check_scale(node, "back");
  check_rounding(node);
  return infer(node);
}

std::vector<AttributeSpec> log_attributes() {
  std::vector<AttributeSpec> specs = {integer("radius", 255)};
  add_scale(specs, "x");
  add_scale(specs, "back");
  add_output(specs);
  return specs;
}

const Operator log_softmax_fixed{
    .name = "log_softmax_fixed",
    .summary = "Logarithm of the softmax of rows of 8-bit elements in fixed point.",
    .inputs = {"x", "exponentials"},
    .attributes = log_attributes(),
    .infer = infer_log,
    .kernel = log_kernel,
};
const RegisteredOperator registered_log{log_softmax_fixed};

// --- softmax_interpolated -------------------------------------------------------------------

std::vector<TensorType> infer_interpolated(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType table = {DType::i16, {513}, {}};
  if (x.dtype != DType::i16 || x.rank() == 0 || node.input(1).type != table ||
      node.input(2).type != table) {
    fail(node, "x must be rows of i16 and the tables i16[513], but they are ", x, ", ",
         node.input(1).type, " and ", node.input(2).type);
  }
  check_scale(node, "x");
  check_rounding(node);
  return {{DType::i16, x.shape}};
}

Expr limited_word(const Expr& value, int64_t low) {
  return min_expr(max_expr(value, word(low)), word(INT16_MAX));
}

Kernel interpolated_kernel(const Node& node) {
  Rows rows(node);
  KernelBuilder& k = rows.k;
  const int64_t extent = node.input(0).type.shape.back();
  const TensorRef powers = k.local("powers", DType::i32, {extent});
  // Distances are on a scale where -65535 stands for -10; the table is centred.
  k.stage();
  const Expr at = row_axis(k, "r", extent);
  const Expr difference = rescaled_by(node, -rows.distance(at), "x") + word(INT16_MAX);
  k.store(powers(at), interpolated(k.in(1), limited_word(difference, INT16_MIN)));
  k.stage();
  const Expr total = k.reduction(Combine::sum, powers(k.reduce("r", extent)), {}, "total");

  // total = (1 + fraction) * 2^(16 - zeros): the fraction, centred, finds the reciprocal.
  const Expr zeros = rows.once("zeros", call_expr("leading_zeros", {total}));
  const Expr normal = call_expr(
      "shift_left", {cast_expr(DType::i64, total), cast_expr(DType::i64, zeros - word(1))});
  const Expr places = call_expr(
      "shift_right", {normal + integer_expr(1 << 13, DType::i64), integer_expr(14, DType::i64)});
  const Expr fraction = cast_expr(DType::i32, places) - word((1 << 15) + (1 << 16));
  const Expr scale = rows.once("scale", interpolated(k.in(2), limited_word(fraction, INT16_MIN)));
  return rows.stored([&](const Expr& place) {
    const Expr bits = word(31) - zeros;
    const Expr half = call_expr("shift_left", {word(1), bits - word(1)});
    const Expr share = call_expr("shift_right", {powers(place) * scale + half, bits});
    return cast_expr(DType::i16, limited_word(share, 0));
  });
}

std::vector<AttributeSpec> interpolated_attributes() {
  std::vector<AttributeSpec> specs;
  add_scale(specs, "x");
  add_output(specs);
  return specs;
}

const Operator softmax_interpolated{
    .name = "softmax_interpolated",
    .summary = "Softmax of rows of 16-bit elements by interpolated tables.",
    .inputs = {"x", "exponentials", "reciprocals"},
    .attributes = interpolated_attributes(),
    .infer = infer_interpolated,
    .kernel = interpolated_kernel,
};
const RegisteredOperator registered_interpolated{softmax_interpolated};

}  // namespace
}  // namespace mlfc
