// Normalization to mean 0 and variance 1 over any set of axes, without parameters.
#include <algorithm>

#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<int> axes_of(const Node& node) {
  return normalized_axes(node, node.integers("axes"), node.input(0).type.rank());
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::reals);
  axes_of(node);
  return {node.input(0).type.plain()};
}

Kernel kernel(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::vector<int> axes = axes_of(node);
  const auto reduced = [&](int dim) {
    return std::find(axes.begin(), axes.end(), dim) != axes.end();
  };
  KernelBuilder k(node);
  std::vector<Expr> at(x.shape.size(), Expr(0));
  int64_t count = 1;
  for (int i = 0; i < x.rank(); ++i) {
    if (!reduced(i)) at[i] = parallel_axis(k, "i" + std::to_string(i), x.shape[i]);
    if (reduced(i)) count *= x.shape[i];
  }
  const auto place = [&](const std::string& prefix, auto make_axis) {
    for (int i = 0; i < x.rank(); ++i) {
      if (reduced(i)) at[i] = make_axis(prefix + std::to_string(i), x.shape[i]);
    }
    return k.in(0).at(at);
  };
  const auto reduced_place = [&](Reducer& reducer) {
    return place(
        "r", [&](const std::string& name, int64_t extent) { return reducer.axis(name, extent); });
  };
  const DType dtype = compute_dtype(x.dtype);
  const Expr elements = static_cast<double>(count);
  const TensorRef mean = k.local("mean", dtype, {});
  const TensorRef spread = k.local("spread", dtype, {});
  Reducer total(k);
  const Expr element = reduced_place(total);
  k.store(mean(), total.result(Combine::sum, element, {}, "total") / elements);

  k.stage();
  Reducer squares(k);
  const Expr distance = reduced_place(squares) - mean();
  const Expr sum = squares.result(Combine::sum, distance * distance, {}, "squares");
  k.store(spread(), sqrt(sum / elements) + Expr(1e-9));

  k.stage();
  const Expr value = place(
      "j", [&](const std::string& name, int64_t extent) { return row_axis(k, name, extent); });
  k.store(k.out().at(at), (value - mean()) / spread());
  return k.done();
}

const Operator mean_variance_normalization{
    .name = "mean_variance_normalization",
    .summary = "Normalizes to mean 0 and variance 1 over some axes.",
    .onnx = {"MeanVarianceNormalization"},
    .inputs = {"x"},
    .attributes = {ints("axes", {0, 2, 3})},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{mean_variance_normalization};

}  // namespace
}  // namespace mlfc
