// Normalization of every row - all dimensions from `axis` on - to mean 0 and spread 1, or to root
// mean square 1, followed by a scale and a shift per element of the row.
#include "ir/ops/adopt.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/moments.h"

namespace mlfc {
namespace {

int row_axis_of(const Node& node) {
  return normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
}

Shape row_shape(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  return {shape.begin() + row_axis_of(node), shape.end()};
}

DType statistics_dtype(const Node& node) {
  const int64_t double_precision = 11;  // of ONNX's numbers, which stash_type holds
  if (node.input(0).type.dtype == DType::f64 || node.integer("stash_type") == double_precision) {
    return DType::f64;
  }
  return DType::f32;
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::reals);
  const int axis = row_axis_of(node);
  for (int i = 1; i < 3; ++i) {
    if (!node.has_input(i)) continue;
    if (broadcast_shape(node, node.input(i).type.shape, x.shape) != x.shape) {
      fail(node, input_name(node, i), ", ", node.input(i).type, ", does not broadcast to x, ", x);
    }
  }
  Shape statistics = x.shape;
  for (int i = axis; i < x.rank(); ++i) statistics[i] = 1;
  const DType stash = statistics_dtype(node);
  std::vector<TensorType> types = {x.plain(), {stash, statistics}, {stash, statistics}};
  types.resize(node.outputs.size());
  return types;
}

/// The kernel's shared axes and, made anew in each stage, those of the row.
struct Rows {
  KernelBuilder& k;
  std::vector<Expr> outer = {};
  Shape shape = {};

  std::vector<Expr> reduced(Reducer& reducer) const {
    return with_row(
        [&](const std::string& name, int64_t extent) { return reducer.axis(name, extent); });
  }
  std::vector<Expr> parallel() const {
    return with_row(
        [&](const std::string& name, int64_t extent) { return row_axis(k, name, extent); });
  }

 private:
  template <typename MakeAxis>
  std::vector<Expr> with_row(MakeAxis make_axis) const {
    std::vector<Expr> at = outer;
    for (size_t i = 0; i < shape.size(); ++i) {
      at.push_back(make_axis("r" + std::to_string(i), shape[i]));
    }
    return at;
  }
};

Rows rows_of(const Node& node, KernelBuilder& k) {
  const Shape& shape = node.input(0).type.shape;
  const Shape outer(shape.begin(), shape.begin() + row_axis_of(node));
  return {k, parallel_axes(k, outer), row_shape(node)};
}

/// x in the type statistics are computed in.
Expr element(const Node& node, const KernelBuilder& k, const std::vector<Expr>& at) {
  const Expr x = k.in(0).at(at);
  const DType dtype = statistics_dtype(node);
  return x.dtype() == dtype ? x : cast_expr(dtype, x);
}

/// The last stage: the normalized element, scaled, shifted and stored.
void store_result(const Node& node, KernelBuilder& k, const std::vector<Expr>& at, Expr value) {
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  if (value.dtype() != dtype) value = cast_expr(dtype, value);
  const auto parameter = [&](int input) {
    const Expr read = k.in(input).at(broadcast_indices(node.input(input).type.shape, at));
    return read.dtype() == dtype ? read : cast_expr(dtype, read);
  };
  value = value * parameter(1);
  if (k.has(2)) value = value + parameter(2);
  k.store(k.out().at(at), value);
}

Kernel layer_kernel(const Node& node) {
  KernelBuilder k(node);
  const Rows rows = rows_of(node, k);
  const Moments moments =
      add_moments(k, statistics_dtype(node), element_count(rows.shape), node.real("epsilon"),
                  [&](Reducer& reducer) { return element(node, k, rows.reduced(reducer)); });
  std::vector<Expr> statistic = rows.outer;
  statistic.resize(node.input(0).type.rank(), Expr(0));
  if (k.has_out(1)) {
    k.stage();
    k.store(k.out(1).at(statistic), moments.mean);
  }
  if (k.has_out(2)) {
    k.stage();
    k.store(k.out(2).at(statistic), moments.inverse);
  }
  k.stage();
  const std::vector<Expr> at = rows.parallel();
  store_result(node, k, at, (element(node, k, at) - moments.mean) * moments.inverse);
  return k.done();
}

Kernel rms_kernel(const Node& node) {
  KernelBuilder k(node);
  const Rows rows = rows_of(node, k);
  const Expr inverse =
      add_inverse_rms(k, statistics_dtype(node), element_count(rows.shape), node.real("epsilon"),
                      [&](Reducer& reducer) { return element(node, k, rows.reduced(reducer)); });
  k.stage();
  const std::vector<Expr> at = rows.parallel();
  store_result(node, k, at, element(node, k, at) * inverse);
  return k.done();
}

const Operator layer_normalization{
    .name = "layer_normalization",
    .summary = "Normalizes every row to mean 0 and spread 1.",
    .onnx = {"LayerNormalization"},
    .onnx_opset = 17,
    .inputs = {"x", "scale", "b?"},
    .outputs = {"y", "mean?", "inverse_spread?"},
    .attributes = {integer("axis", -1), real("epsilon", 1e-5), integer("stash_type", 1)},
    .infer = infer,
    .kernel = layer_kernel,
};
const RegisteredOperator registered_layer{layer_normalization};

const Operator rms_normalization{
    .name = "rms_normalization",
    .summary = "Normalizes every row to root mean square 1.",
    .onnx = {"RMSNormalization"},
    .onnx_opset = 23,
    .inputs = {"x", "scale"},
    .attributes = {integer("axis", -1), real("epsilon", 1e-5), integer("stash_type", 1)},
    .infer = infer,
    .kernel = rms_kernel,
};
const RegisteredOperator registered_rms{rms_normalization};

}  // namespace
}  // namespace mlfc
