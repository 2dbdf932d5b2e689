// The largest element of each window, and optionally where in the input it was found.
#include "ir/ops/elementwise.h"
#include "ir/ops/window.h"

namespace mlfc {
namespace {

std::vector<Window> pool_windows(const Node& node) {
  return windows_of(node, node.input(0).type.shape, node.integers("kernel_shape"),
                    node.integer("ceil_mode") != 0);
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::numbers);
  if (x.rank() < 3) fail(node, "x must have at least 3 dimensions but is ", x);
  const Shape shape = windowed_shape(x.shape[0], x.shape[1], pool_windows(node));
  std::vector<TensorType> types = {{x.dtype, shape}, {DType::i64, shape}};
  types.resize(node.outputs.size());
  return types;
}

/// Flat position of an element in the input; storage_order 1 counts the spatial axes backwards.
Expr flat_place(const Node& node, const std::vector<Expr>& at) {
  const Shape& shape = node.input(0).type.shape;
  if (node.integer("storage_order") == 0) return flat_index(at, shape);
  std::vector<Expr> swapped(at.begin(), at.begin() + 2);
  swapped.insert(swapped.end(), at.rbegin(), at.rend() - 2);
  Shape swapped_shape(shape.begin(), shape.begin() + 2);
  swapped_shape.insert(swapped_shape.end(), shape.rbegin(), shape.rend() - 2);
  return flat_index(swapped, swapped_shape);
}

/// The element of the input under a fresh set of window taps, made in the current stage.
std::vector<Expr> window_place(const std::vector<Window>& windows, const std::vector<Expr>& result,
                               KernelBuilder& k) {
  const auto names = spatial_names("k", static_cast<int>(windows.size()));
  std::vector<Expr> place = {result[0], result[1]};
  for (size_t i = 0; i < windows.size(); ++i) {
    place.push_back(windows[i].place(result[i + 2], k.reduce(names[i], windows[i].taps)));
  }
  return place;
}

Kernel kernel(const Node& node) {
  const std::vector<Window> windows = pool_windows(node);
  const TensorType& y = node.output().type;
  const auto names = spatial_names("o", static_cast<int>(windows.size()));
  KernelBuilder k(node);
  std::vector<Expr> result = {parallel_axis(k, "n", y.shape[0]), parallel_axis(k, "c", y.shape[1])};
  for (size_t i = 0; i < windows.size(); ++i) {
    result.push_back(parallel_axis(k, names[i], windows[i].output));
  }
  const Expr lowest = neutral_element(Combine::max, node.input(0).type.dtype);
  const auto pixel_at = [&](const std::vector<Expr>& place) {
    const Expr pixel = k.in(0).at(place);
    return leaves_input(windows) ? pixel.or_else(lowest) : pixel;
  };

  const Expr best = k.reduction(Combine::max, pixel_at(window_place(windows, result, k)));
  k.store(k.out().at(result), best);
  if (k.has_out(1)) {
    // The first of equal elements; padding lies after every real element.
    k.stage();
    const std::vector<Expr> place = window_place(windows, result, k);
    const Expr nowhere = integer_expr(node.input(0).type.elements(), DType::i64);
    const Expr found = select_expr(equal(pixel_at(place), best), flat_place(node, place), nowhere);
    k.store(k.out(1).at(result), k.reduction(Combine::min, found, {}, "index"));
  }
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = window_attributes();
  specs.push_back(integer("ceil_mode", 0));
  specs.push_back(integer("storage_order", 0));
  return specs;
}

const Operator max_pool{
    .name = "max_pool",
    .summary = "Largest element of each window.",
    .onnx = {"MaxPool"},
    .inputs = {"x"},
    .outputs = {"y", "indices?"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{max_pool};

}  // namespace
}  // namespace mlfc
