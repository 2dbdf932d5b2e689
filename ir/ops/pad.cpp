// Adds elements around a tensor (or, with negative pads, takes some away): a constant, copies of
// the edge, the reflection of the inside, or the other end.
#include <algorithm>

#include "ir/operator.h"
#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

struct Pads {
  int64_t begin = 0;
  int64_t end = 0;
};

std::vector<Pads> pads_of(const Node& node) {
  const int rank = node.input(0).type.rank();
  const std::vector<int64_t> pads = constant_integers(node, 1);
  std::vector<int64_t> axes;
  if (node.has_input(3)) {
    axes = constant_integers(node, 3);
  } else {
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (pads.size() != 2 * axes.size()) {
    fail(node, "pads has ", pads.size(), " entries but ", axes.size(), " axes need two each");
  }
  std::vector<Pads> result(rank);
  const std::vector<int> dims = normalized_axes(node, axes, rank);
  for (size_t i = 0; i < dims.size(); ++i) result[dims[i]] = {pads[i], pads[i + dims.size()]};
  return result;
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::string& mode = node.text("mode");
  if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "wrap") {
    fail(node, "mode '", mode, "' is none of constant, edge, reflect, wrap");
  }
  if (node.has_input(2) && node.input(2).type.elements() != 1) {
    fail(node, "the padding value must be a scalar but is ", node.input(2).type);
  }
  if (node.has_input(2) && node.input(2).type.dtype != x.dtype) {
    fail(node, "the padding value is ", node.input(2).type, " but x is ", x);
  }
  const std::vector<Pads> pads = pads_of(node);
  constexpr int64_t largest = int64_t{1} << 40;
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) {
    const bool sane = std::abs(pads[i].begin) < largest && std::abs(pads[i].end) < largest;
    const int64_t extent = sane ? x.shape[i] + pads[i].begin + pads[i].end : -1;
    if (extent < 0) {
      fail(node, "pads ", pads[i].begin, " and ", pads[i].end, " do not fit dimension ", i, " of ",
           x);
    }
    if (x.shape[i] == 0 && extent > 0 && mode != "constant") {
      fail(node, "mode ", mode, " needs something to copy, but dimension ", i, " of ", x,
           " is empty");
    }
    shape.push_back(extent);
  }
  return {{x.dtype, shape}};
}

/// Where in an axis of `extent` elements position `at`, which may lie outside, copies from.
Expr inside(const std::string& mode, const Expr& at, int64_t extent) {
  if (mode == "edge") return min_expr(max_expr(at, 0), Expr(extent - 1));
  if (mode == "wrap") return floor_mod(at, Expr(extent));
  if (extent == 1) return Expr(0);
  // A reflection repeats after going there and back; the ends are not doubled.
  const int64_t period = 2 * (extent - 1);
  const Expr phase = floor_mod(at, Expr(period));
  return min_expr(phase, Expr(period) - phase);
}

Kernel kernel(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::vector<Pads> pads = pads_of(node);
  const std::string& mode = node.text("mode");
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> from;
  bool leaves = false;
  for (int i = 0; i < x.rank(); ++i) {
    const bool pads_here = pads[i].begin > 0 || pads[i].end > 0;
    const Expr place = at[i] - Expr(pads[i].begin);
    leaves |= pads_here;
    const bool copies = pads_here && mode != "constant";
    from.push_back(copies ? inside(mode, place, x.shape[i]) : place);
  }
  Expr element = stored_element(k.in(0), from);
  if (mode == "constant" && leaves) {
    const Expr value =
        k.has(2) ? stored_element(k.in(2), std::vector<Expr>(node.input(2).type.shape.size(), 0))
                 : real_expr(node.real("value"), x.dtype);
    element = element.or_else(value);
  }
  k.store(k.out().at(at), element);
  return k.done();
}

void offer(ForeignNode& node) {
  const auto value = node.attributes.find("value");
  if (value != node.attributes.end()) {
    const double number = std::get<double>(value->second);
    const bool is_default = number == 0 || (node.inputs.size() > 2 && node.inputs[2] != nullptr);
    const DType dtype = node.inputs[0]->type.dtype;
    if (!is_default) add_constant_input(node, 2, "value", tensor_of(dtype, {}, {number}));
    node.attributes.erase(value);
  }
  const auto mode = node.attributes.find("mode");
  const bool wraps = mode != node.attributes.end() && std::get<std::string>(mode->second) == "wrap";
  if (wraps) node.opset = 19;
  if (node.inputs.size() > 3) node.opset = std::max<int64_t>(node.opset, 18);
}

const Operator pad{
    .name = "pad",
    .summary = "Adds elements around a tensor.",
    .onnx = {"Pad"},
    .inputs = {"x", "pads!", "value?", "axes?!"},
    .attributes = {text("mode", "constant"), real("value", 0)},
    .adopt = [](ForeignNode& node) { attribute_to_input(node, "pads", 1); },
    .offer = offer,
    .infer = infer,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered{pad};

}  // namespace
}  // namespace mlfc
