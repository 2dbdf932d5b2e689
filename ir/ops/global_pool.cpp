// Pooling of each channel's whole image to a single element.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/lp_norm.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::reals);
  if (x.rank() < 3) fail(node, "x must have at least 3 dimensions but is ", x);
  Shape shape(x.shape.size(), 1);
  shape[0] = x.shape[0];
  shape[1] = x.shape[1];
  return {{x.dtype, shape}};
}

/// Reduces `term` of every pixel of a channel, then stores what `finish` makes of it.
template <typename Term, typename Finish>
Kernel pooled(const Node& node, Combine combine, Term term, Finish finish) {
  const Shape& shape = node.input(0).type.shape;
  KernelBuilder k(node);
  Reducer acc(k);
  const Expr n = parallel_axis(k, "n", shape[0]);
  const Expr c = parallel_axis(k, "c", shape[1]);
  std::vector<Expr> place = {n, c};
  std::vector<Expr> result = {n, c};
  const auto names = spatial_names("", static_cast<int>(shape.size()) - 2);
  for (size_t i = 2; i < shape.size(); ++i) {
    const bool numbered = names.size() > 3;
    place.push_back(acc.axis(numbered ? "i" + names[i - 2] : names[i - 2], shape[i]));
    result.emplace_back(0);
  }
  k.store(k.out().at(result), finish(acc.result(combine, term(k.in(0).at(place)))));
  return k.done();
}

Kernel average(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const auto pixels = static_cast<double>(element_count(Shape(shape.begin() + 2, shape.end())));
  return pooled(
      node, Combine::sum, [](const Expr& x) { return x; },
      [&](const Expr& sum) { return sum / Expr(pixels); });
}

Kernel maximum(const Node& node) {
  const auto unchanged = [](const Expr& x) { return x; };
  return pooled(node, Combine::max, unchanged, unchanged);
}

Kernel norm(const Node& node) {
  const int64_t p = node.integer("p");
  if (p < 1) fail(node, "p is ", p, " but must be at least 1");
  return pooled(
      node, Combine::sum, [&](const Expr& x) { return lp_term(x, p); },
      [&](const Expr& sum) { return lp_root(sum, p); });
}

const Operator global_average_pool{
    .name = "global_average_pool",
    .summary = "Mean of each channel.",
    .onnx = {"GlobalAveragePool"},
    .inputs = {"x"},
    .infer = infer,
    .kernel = average,
};
const RegisteredOperator registered_average{global_average_pool};

const Operator global_max_pool{
    .name = "global_max_pool",
    .summary = "Largest element of each channel.",
    .onnx = {"GlobalMaxPool"},
    .inputs = {"x"},
    .infer = infer,
    .kernel = maximum,
};
const RegisteredOperator registered_max{global_max_pool};

const Operator global_lp_pool{
    .name = "global_lp_pool",
    .summary = "p-norm of each channel.",
    .onnx = {"GlobalLpPool"},
    .inputs = {"x"},
    .attributes = {integer("p", 2)},
    .infer = infer,
    .kernel = norm,
};
const RegisteredOperator registered_lp{global_lp_pool};

}  // namespace
}  // namespace mlfc
