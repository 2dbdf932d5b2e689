// Samples an image at places that are data: grid_sample mixes the pixels around each place of a
// grid, affine_grid makes such a grid from a matrix. Places run from -1 to 1 over the image.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

enum class Method : uint8_t { nearest, linear, cubic };

Method method_of(const Node& node) {
  const std::string& mode = node.text("mode");
  if (mode == "nearest") return Method::nearest;
  if (mode == "linear" || mode == "bilinear") return Method::linear;
  if (mode == "cubic" || mode == "bicubic") return Method::cubic;
  fail(node, "mode '", mode, "' is none of nearest, linear, cubic");
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& grid = node.input(1).type;
  check_accepts(node, 0, Accepts::reals);
  check_accepts(node, 1, Accepts::reals);
  const int spatial = x.rank() - 2;
  const bool fits = spatial >= 1 && grid.rank() == x.rank() && grid.shape[0] == x.shape[0] &&
                    grid.shape.back() == spatial;
  if (!fits) fail(node, "the grid ", grid, " does not fit the image ", x);
  method_of(node);
  const std::string& padding = node.text("padding_mode");
  if (padding != "zeros" && padding != "border" && padding != "reflection") {
    fail(node, "padding_mode '", padding, "' is none of zeros, border, reflection");
  }
  Shape shape = {x.shape[0], x.shape[1]};
  shape.insert(shape.end(), grid.shape.begin() + 1, grid.shape.end() - 1);
  return {{x.dtype, shape, {}}};
}

/// `x` thrown back at `low` and `high` as often as needed.
Expr reflected(const Expr& x, double low, double high) {
  const Expr period = 2 * (high - low);
  const Expr phase = floor_mod(x - Expr(low), period);
  return min_expr(phase, period - phase) + Expr(low);
}

/// One axis of one sample.
struct Place {
  const Node& node;
  int64_t extent = 0;

  bool aligned() const { return node.integer("align_corners") != 0; }
  const std::string& padding() const { return node.text("padding_mode"); }
  double low() const { return aligned() ? 0 : -0.5; }
  double high() const { return static_cast<double>(extent - 1) - low(); }

  /// From -1 .. 1 to pixels; far outside places come just outside, so that they stay integers.
  Expr pixels(const Expr& grid) const {
    const auto size = static_cast<double>(extent);
    Expr x = aligned() ? (grid + Expr(1)) * Expr((size - 1) / 2)
                       : ((grid + Expr(1)) * Expr(size) - Expr(1)) * Expr(0.5);
    if (padding() == "border") x = min_expr(max_expr(Expr(0), x), Expr(size - 1));
    if (padding() == "reflection") {
      x = extent == 1 && aligned() ? x * Expr(0) : reflected(x, low(), high());
    }
    return min_expr(max_expr(Expr(-4), x), Expr(size + 4));
  }
  /// A whole pixel position, made to lie inside where the padding copies pixels.
  Expr inside(const Expr& position) const {
    if (padding() == "zeros") return position;
    if (padding() == "border" || extent == 1) {
      return min_expr(max_expr(position, Expr(0)), Expr(extent - 1));
    }
    const int64_t period = aligned() ? 2 * (extent - 1) : 2 * extent;
    const Expr phase = floor_mod(position, Expr(period));
    return min_expr(phase, Expr(aligned() ? period : period - 1) - phase);
  }
};

/// Keys' cubic with coefficient -0.75.
Expr cubic_weight(const Expr& distance) {
  const Expr x = abs(distance);
  const Expr near = (Expr(1.25) * x - Expr(2.25)) * x * x + Expr(1);
  const Expr far = ((Expr(-0.75) * x + Expr(3.75)) * x - Expr(6)) * x + Expr(3);
  return select_expr(less(x, 1), near, select_expr(less(x, 2), far, x * Expr(0)));
}

Kernel kernel(const Node& node) {
  const TensorType& x = node.input(0).type;
  const Method method = method_of(node);
  const int spatial = x.rank() - 2;
  const auto out_names = spatial_names("o", spatial);
  const auto tap_names = spatial_names("t", spatial);
  KernelBuilder k(node);
  const Expr n = parallel_axis(k, "n", x.shape[0]);
  std::vector<Expr> result = {n, parallel_axis(k, "c", x.shape[1])};
  std::vector<Expr> grid_place = {n};
  for (int i = 0; i < spatial; ++i) {
    result.push_back(parallel_axis(k, out_names[i], node.output().type.shape[i + 2]));
    grid_place.push_back(result.back());
  }
  grid_place.emplace_back(0);

  // One stage per axis finds the place in pixels, the last one mixes what lies around it.
  const DType dtype = compute_dtype(x.dtype);
  const auto place_names = spatial_names("at_", spatial);
  std::vector<Expr> places;
  for (int i = 0; i < spatial; ++i) {
    const TensorRef place = k.local(place_names[i], dtype, {});
    grid_place.back() = Expr(spatial - 1 - i);  // the grid lists the innermost axis first
    const Expr grid = cast_expr(dtype, k.in(1).at(grid_place));
    k.store(place(), Place{node, x.shape[i + 2]}.pixels(grid));
    places.push_back(place());
    k.stage();
  }
  std::vector<Expr> pixel = {result[0], result[1]};
  Expr weight;
  for (int i = 0; i < spatial; ++i) {
    const Place place = {node, x.shape[i + 2]};
    const Expr at = places[i];
    if (method == Method::nearest) {
      pixel.push_back(place.inside(cast_expr(DType::i64, call_expr("round_even", {at}))));
      continue;
    }
    const bool cubic = method == Method::cubic;
    const Expr tap = k.reduce(tap_names[i], cubic ? 4 : 2) - Expr(cubic ? 1 : 0);
    const Expr position = cast_expr(DType::i64, call_expr("floor", {at})) + tap;
    const Expr distance = at - cast_expr(dtype, position);
    const Expr share = cubic ? cubic_weight(distance) : Expr(1) - abs(distance);
    weight = weight.empty() ? share : weight * share;
    pixel.push_back(place.inside(position));
  }
  Expr value = k.in(0).at(pixel);
  if (node.text("padding_mode") == "zeros") value = value.or_else(0);
  if (method != Method::nearest) value = k.reduction(Combine::sum, value * weight);
  k.store(k.out().at(result), value);
  return k.done();
}

/// The modes got their names with opset 20.
void offer(ForeignNode& node) {
  const auto mode = node.attributes.find("mode");
  if (mode == node.attributes.end()) return;
  const auto& name = std::get<std::string>(mode->second);
  if (name == "bilinear" || name == "bicubic") mode->second = name.substr(2);
}

const Operator grid_sample{
    .name = "grid_sample",
    .summary = "The image at the places of a grid.",
    .onnx = {"GridSample"},
    .onnx_opset = 20,
    .inputs = {"x", "grid"},
    .attributes = {text("mode", "linear"), text("padding_mode", "zeros"),
                   integer("align_corners", 0)},
    .offer = offer,
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{grid_sample};

// --- affine_grid ----------------------------------------------------------------------------

std::vector<TensorType> infer_affine(const Node& node) {
  const TensorType& theta = node.input(0).type;
  const Shape size = constant_integers(node, 1);
  const int spatial = static_cast<int>(size.size()) - 2;
  check_accepts(node, 0, Accepts::reals);
  if (spatial < 1 || theta.shape != Shape{size[0], spatial, spatial + 1}) {
    fail(node, "theta ", theta, " does not fit the size ", size);
  }
  Shape shape = {size[0]};
  shape.insert(shape.end(), size.begin() + 2, size.end());
  shape.push_back(spatial);
  return {{theta.dtype, shape, {}}};
}

/// Position `at` of `extent` pixels, from -1 to 1.
Expr normalized_place(const Expr& at, int64_t extent, bool aligned, DType dtype) {
  const auto size = static_cast<double>(extent);
  const Expr x = cast_expr(dtype, with_dtype(at, DType::i64));
  if (!aligned) return (x * Expr(2) + Expr(1)) / Expr(size) - Expr(1);
  return extent == 1 ? x : x * Expr(2 / (size - 1)) - Expr(1);
}

Kernel affine_kernel(const Node& node) {
  const Shape& shape = node.output().type.shape;
  const int spatial = static_cast<int>(shape.size()) - 2;
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  const bool aligned = node.integer("align_corners") != 0;
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, shape);
  const Expr row = at.back();
  Expr value = k.in(0)(at[0], row, spatial);  // the translation
  for (int i = 0; i < spatial; ++i) {
    const int dim = spatial - i;  // column 0 belongs to the innermost axis
    value = value + k.in(0)(at[0], row, i) * normalized_place(at[dim], shape[dim], aligned, dtype);
  }
  k.store(k.out().at(at), value);
  return k.done();
}

const Operator affine_grid{
    .name = "affine_grid",
    .summary = "The grid of places that a matrix moves an image's pixels to.",
    .onnx = {"AffineGrid"},
    .onnx_opset = 20,
    .inputs = {"theta", "size!"},
    .attributes = {integer("align_corners", 0)},
    .infer = infer_affine,
    .kernel = affine_kernel,
};
const RegisteredOperator registered_affine{affine_grid};

}  // namespace
}  // namespace mlfc
