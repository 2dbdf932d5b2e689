// The p-norm of each window: (sum |x|^p)^(1/p).
#include "ir/ops/elementwise.h"
#include "ir/ops/lp_norm.h"
#include "ir/ops/window.h"

namespace mlfc {
namespace {

std::vector<Window> pool_windows(const Node& node) {
  return windows_of(node, node.input(0).type.shape, node.integers("kernel_shape"),
                    node.integer("ceil_mode") != 0);
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::reals);
  if (x.rank() < 3) fail(node, "x must have at least 3 dimensions but is ", x);
  if (node.integer("p") < 1) fail(node, "p is ", node.integer("p"), " but must be at least 1");
  return {{x.dtype, windowed_shape(x.shape[0], x.shape[1], pool_windows(node))}};
}

Kernel kernel(const Node& node) {
  const std::vector<Window> windows = pool_windows(node);
  const TensorType& y = node.output().type;
  const int spatial = static_cast<int>(windows.size());
  const auto out_names = spatial_names("o", spatial);
  const auto tap_names = spatial_names("k", spatial);
  const int64_t p = node.integer("p");

  KernelBuilder k(node);
  Reducer acc(k);
  const Expr n = parallel_axis(k, "n", y.shape[0]);
  const Expr c = parallel_axis(k, "c", y.shape[1]);
  std::vector<Expr> place = {n, c};
  std::vector<Expr> result = {n, c};
  for (int i = 0; i < spatial; ++i) {
    const Expr at = parallel_axis(k, out_names[i], windows[i].output);
    place.push_back(windows[i].place(at, acc.axis(tap_names[i], windows[i].taps)));
    result.push_back(at);
  }
  Expr pixel = k.in(0).at(place);
  if (leaves_input(windows)) pixel = pixel.or_else(0);
  k.store(k.out().at(result), lp_root(acc.result(Combine::sum, lp_term(pixel, p)), p));
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = window_attributes();
  specs.push_back(integer("ceil_mode", 0));
  specs.push_back(integer("p", 2));
  return specs;
}

const Operator lp_pool{
    .name = "lp_pool",
    .summary = "p-norm of each window.",
    .onnx = {"LpPool"},
    .onnx_opset = 18,
    .inputs = {"x"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{lp_pool};

}  // namespace
}  // namespace mlfc
