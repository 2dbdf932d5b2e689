// Images of integers resized with weights in units of 2^-10: batch, channels, height, width. Each
// output pixel lies between two rows and two columns of the input; the weighted sum, in units of
// 2^-20, is rounded to the nearest integer, halves away from zero.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

constexpr int64_t unit = 1 << 10;

/// Places along one axis, in units of 2^-10 of an input pixel: output pixel o lies at
/// o * step + first.
struct Places {
  int64_t step = 0, first = 0, input = 0;
  bool goes_beyond = false;  ///< a rounded step carries the last pixels past the input

  Expr place(const Expr& at) const { return at * Expr(step) + Expr(first); }
  Expr lower(const Expr& at) const {
    const Expr pixel = max_expr(floor_div(place(at), Expr(unit)), 0);
    return goes_beyond ? min_expr(pixel, Expr(input - 1)) : pixel;
  }
  Expr upper(const Expr& at) const {
    return min_expr(floor_div(place(at) + Expr(unit - 1), Expr(unit)), Expr(input - 1));
  }
  Expr upper_weight(const Expr& at) const { return place(at) - lower(at) * Expr(unit); }
};

Places places_of(const Node& node, int axis) {
  const int64_t input = node.input(0).type.shape[axis], output = node.integers("size")[axis - 2];
  Places places = {.step = (unit * input + output / 2) / output, .input = input};
  if (node.integer("align_corners") != 0 && output > 1) {
    places.step = (unit * (input - 1) + (output - 1) / 2) / (output - 1);
  }
  if (node.integer("half_pixel_centers") != 0) places.first = places.step / 2 - unit / 2;
  places.goes_beyond = ((output - 1) * places.step + places.first) / unit >= input;
  return places;
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::integers);
  if (x.rank() != 4) fail(node, "x must be batch, channels, height, width but is ", x);
  const std::vector<int64_t>& size = node.integers("size");
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) {
    fail(node, "size ", size, " must be two positive numbers, height and width");
  }
  return {{x.dtype, {x.shape[0], x.shape[1], size[0], size[1]}}};
}

Kernel kernel(const Node& node) {
  const TensorType& x = node.input(0).type;
  const DType sums = bytes_of(x.dtype) == 1 ? DType::i32 : DType::i64;
  const Places rows = places_of(node, 2), columns = places_of(node, 3);
  KernelBuilder k(node);
  const Expr n = parallel_axis(k, "n", x.shape[0]);
  const Expr c = parallel_axis(k, "c", x.shape[1]);
  const Expr oh = parallel_axis(k, "oh", node.integers("size")[0]);
  const Expr ow = parallel_axis(k, "ow", node.integers("size")[1]);
  const auto pixel = [&](const Expr& row, const Expr& column) {
    return cast_expr(sums, k.in(0)(n, c, row, column));
  };
  const Expr bottom = cast_expr(sums, rows.upper_weight(oh));
  const Expr right = cast_expr(sums, columns.upper_weight(ow));
  const Expr top = Expr(unit) - bottom, left = Expr(unit) - right;
  const Expr upper = pixel(rows.lower(oh), columns.lower(ow)) * left +
                     pixel(rows.lower(oh), columns.upper(ow)) * right;
  const Expr lower = pixel(rows.upper(oh), columns.lower(ow)) * left +
                     pixel(rows.upper(oh), columns.upper(ow)) * right;
  const Expr sum = upper * top + lower * bottom;
  const Expr half = integer_expr(unit * unit / 2, sums);
  const Expr rounded = select_expr(less(with_dtype(0, sums), sum), sum + half, sum - half);
  k.store(k.out()(n, c, oh, ow), cast_expr(x.dtype, rounded / integer_expr(unit * unit, sums)));
  return k.done();
}

const Operator resize_bilinear_fixed{
    .name = "resize_bilinear_fixed",
    .summary = "Images of integers resized by bilinear interpolation in fixed point.",
    .inputs = {"x"},
    .attributes = {required(ints("size")), integer("align_corners", 0),
                   integer("half_pixel_centers", 0)},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{resize_bilinear_fixed};

}  // namespace
}  // namespace mlfc
