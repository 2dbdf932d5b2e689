// Integers of 8 bits for real numbers, each row with the scale its own range asks for: what hybrid
// models do to activations before they meet integer weights. Halves are rounded away from zero.
// Numbers around 0 are stored without zero point when `symmetric`; otherwise the zero point is
// found in f64 from that end of the range which it fits with the smaller error.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  if (x.dtype != DType::f32 || x.rank() < 1) fail(node, "x must be rows of f32 but is ", x);
  const Shape rows = {x.shape[0]};
  return {{DType::i8, x.shape}, {DType::f32, rows}, {DType::i8, rows}};
}

/// What the stages of one row share. They run in order: the range, the scale, the zero point, the
/// elements.
class RowKernel {
 public:
  explicit RowKernel(const Node& node)
      : k_(node),
        shape_(node.input(0).type.shape),
        row_(parallel_axis(k_, "row", shape_[0])),
        is_symmetric_(node.integer("symmetric") != 0) {}

  Kernel made() {
    if (is_symmetric_) {
      find_symmetric_scale();
    } else {
      find_scale_and_zero_point();
    }
    if (k_.has_out(1)) {
      k_.stage();
      k_.store(k_.out(1)(row_), scale_());
    }
    if (k_.has_out(2)) {
      k_.stage();
      k_.store(k_.out(2)(row_), cast_expr(DType::i8, zero_()));
    }
    k_.stage();
    const Expr scaled = k_.in(0).at(place(&RowKernel::own_axis)) * factor_();
    const Expr rounded = rounded_away(is_symmetric_ ? scaled : zero_() + scaled);
    const Expr low = with_dtype(is_symmetric_ ? -127 : -128, DType::f32);
    const Expr inside = min_expr(max_expr(rounded, low), 127);
    k_.store(k_.out().at(at_), cast_expr(DType::i8, inside));
    return k_.done();
  }

 private:
  std::vector<Expr> place(Expr (RowKernel::*axis)(size_t)) {
    at_ = {row_};
    for (size_t i = 1; i < shape_.size(); ++i) at_.push_back((this->*axis)(i));
    return at_;
  }
  Expr own_axis(size_t i) { return row_axis(k_, "i" + std::to_string(i), shape_[i]); }
  Expr reduced_axis(size_t i) { return k_.reduce("r" + std::to_string(i), shape_[i]); }

  void store(const TensorRef& local, const Expr& value) {
    k_.stage();
    k_.store(local(), value);
  }

  void find_symmetric_scale() {
    const Expr range =
        k_.reduction(Combine::max, abs(k_.in(0).at(place(&RowKernel::reduced_axis))), 0, "range");
    const Expr is_flat = equal(range, 0);
    store(scale_, select_expr(is_flat, with_dtype(1, DType::f32), range / Expr(127)));
    store(factor_, select_expr(is_flat, with_dtype(1, DType::f32), Expr(127) / range));
    store(zero_, with_dtype(0, DType::f32));
  }

  void find_scale_and_zero_point() {
    const TensorRef spread = k_.local("spread", DType::f64, {});
    const TensorRef from_low = k_.local("from_low", DType::f64, {});
    const TensorRef from_high = k_.local("from_high", DType::f64, {});
    const TensorRef ideal = k_.local("ideal", DType::f64, {});  // the zero point, not rounded
    const Expr low =
        k_.reduction(Combine::min, k_.in(0).at(place(&RowKernel::reduced_axis)), 0, "low");
    k_.stage();
    const Expr high =
        k_.reduction(Combine::max, k_.in(0).at(place(&RowKernel::reduced_axis)), 0, "high");
    const auto wide = [](const Expr& x) { return cast_expr(DType::f64, x); };
    store(spread, select_expr(equal(low, high), with_dtype(1, DType::f64),
                              (wide(high) - wide(low)) / Expr(255)));
    store(from_low, wide(low) / spread());
    store(from_high, wide(high) / spread());
    const Expr error_low = Expr(128) + abs(from_low());
    const Expr error_high = Expr(127) + abs(from_high());
    store(ideal, select_expr(less(error_low, error_high), Expr(-128) - from_low(),
                             Expr(127) - from_high()));
    const Expr inside = min_expr(max_expr(rounded_away(ideal()), -128), 127);
    store(zero_, cast_expr(DType::f32, inside));
    store(scale_, cast_expr(DType::f32, spread()));
    store(factor_, Expr(1) / scale_());
  }

  KernelBuilder k_;
  const Shape& shape_;
  Expr row_;
  bool is_symmetric_;
  TensorRef scale_ = k_.local("row_scale", DType::f32, {});
  TensorRef factor_ = k_.local("factor", DType::f32, {});
  TensorRef zero_ = k_.local("row_zero", DType::f32, {});
  std::vector<Expr> at_ = {};
};

Kernel kernel(const Node& node) {
  return RowKernel(node).made();
}

const Operator quantize_rows{
    .name = "quantize_rows",
    .summary = "8-bit integers for real numbers, with a scale for each row found from its numbers.",
    .inputs = {"x"},
    .outputs = {"y", "scale", "zero_point"},
    .attributes = {integer("symmetric", 1)},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{quantize_rows};

}  // namespace
}  // namespace mlfc
