// Reductions over any set of axes: a table of what is reduced and what becomes of the result. The
// axes are an input (an attribute in older models); none means all of them, unless the model says
// that none means none.
#include <algorithm>
#include <functional>
#include <map>

#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/lp_norm.h"

namespace mlfc {
namespace {

struct ReduceRow {
  std::string name = {};
  std::string onnx = {};
  std::string summary = {};
  Combine combine = Combine::sum;
  Expr (*term)(const Expr& x) = nullptr;                       ///< null: the element itself
  Expr (*finish)(const Expr& total, int64_t count) = nullptr;  ///< null: the total itself
  Accepts accepts = Accepts::numbers;
};

std::vector<bool> reduced_axes(const Node& node) {
  const int rank = node.input(0).type.rank();
  std::vector<int64_t> axes;
  if (node.has_input(1)) axes = constant_integers(node, 1);
  const bool all = axes.empty() && node.integer("noop_with_empty_axes") == 0;
  std::vector<bool> reduced(rank, all);
  for (const int axis : normalized_axes(node, axes, rank)) reduced[axis] = true;
  return reduced;
}

Shape reduced_shape(const Node& node) {
  const std::vector<bool> reduced = reduced_axes(node);
  const Shape& from = node.input(0).type.shape;
  const bool keeps = node.integer("keepdims") != 0;
  Shape shape;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!reduced[i]) shape.push_back(from[i]);
    if (reduced[i] && keeps) shape.push_back(1);
  }
  return shape;
}

/// The axes of a reduction's kernel: those kept are made once, those reduced once per stage.
struct ReduceAxes {
  explicit ReduceAxes(const Node& node, KernelBuilder& builder)
      : k(builder), shape(node.input(0).type.shape), reduced(reduced_axes(node)) {
    const bool keeps = node.integer("keepdims") != 0;
    at.assign(shape.size(), Expr(0));
    for (size_t i = 0; i < shape.size(); ++i) {
      if (reduced[i]) count *= shape[i];
      if (!reduced[i]) at[i] = parallel_axis(k, "i" + std::to_string(i), shape[i]);
      if (!reduced[i] || keeps) result.push_back(at[i]);
    }
  }
  /// The element under fresh reduced axes.
  Expr element(Reducer& reducer) const {
    std::vector<Expr> place = at;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (reduced[i]) place[i] = reducer.axis("r" + std::to_string(i), shape[i]);
    }
    return k.in(0).at(place);
  }

  KernelBuilder& k;
  Shape shape = {};
  std::vector<bool> reduced = {};
  std::vector<Expr> at = {};      ///< index of the input, 0 in reduced dimensions
  std::vector<Expr> result = {};  ///< index of the output
  int64_t count = 1;              ///< elements each result is made of
};

const std::map<std::string, ReduceRow, std::less<>>& rows();

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  const ReduceRow& row = rows().at(node.op->name);
  const bool booleans_order = row.combine == Combine::max || row.combine == Combine::min;
  if (x.dtype != DType::boolean || !booleans_order) check_accepts(node, 0, row.accepts);
  return {{x.dtype, reduced_shape(node)}};
}

Kernel kernel(const Node& node) {
  const ReduceRow& row = rows().at(node.op->name);
  KernelBuilder k(node);
  const ReduceAxes axes(node, k);
  Reducer reducer(k);
  const Expr x = axes.element(reducer);
  const bool reduces =
      std::find(axes.reduced.begin(), axes.reduced.end(), true) != axes.reduced.end() ||
      axes.shape.empty();
  if (!reduces) {  // asked for explicitly: the input itself
    k.store(k.out().at(axes.result), x);
    return k.done();
  }
  const Expr total = reducer.result(row.combine, row.term == nullptr ? x : row.term(x));
  k.store(k.out().at(axes.result), row.finish == nullptr ? total : row.finish(total, axes.count));
  return k.done();
}

Expr square(const Expr& x) {
  return x * x;
}

Expr mean(const Expr& total, int64_t count) {
  if (!is_float(total.dtype())) return total / Expr(count);
  return total / Expr(static_cast<double>(count));
}

Expr root(const Expr& total, int64_t) {
  return is_float(total.dtype()) ? sqrt(total)
                                 : cast_expr(total.dtype(), sqrt(cast_expr(DType::f64, total)));
}

Expr logarithm(const Expr& total, int64_t) {
  return log(total);
}

Expr magnitude(const Expr& x) {
  const bool has_sign = info(x.dtype()).kind != DTypeKind::unsigned_integer;
  return has_sign ? abs(x) : x;
}

const std::map<std::string, ReduceRow, std::less<>>& rows() {
  static const std::map<std::string, ReduceRow, std::less<>> table = [] {
    std::map<std::string, ReduceRow, std::less<>> by_name;
    for (ReduceRow row : std::vector<ReduceRow>{
             {.name = "reduce_sum", .onnx = "ReduceSum", .summary = "Sum over axes."},
             {.name = "reduce_mean",
             .onnx = "ReduceMean",
             .summary = "Mean over axes.",
             .finish = mean},
             {.name = "reduce_max",
             .onnx = "ReduceMax",
             .summary = "Largest element over axes.",
             .combine = Combine::max},
             {.name = "reduce_min",
             .onnx = "ReduceMin",
             .summary = "Smallest element over axes.",
             .combine = Combine::min},
             {.name = "reduce_prod",
             .onnx = "ReduceProd",
             .summary = "Product over axes.",
             .combine = Combine::product},
             {.name = "reduce_l1",
             .onnx = "ReduceL1",
             .summary = "Sum of magnitudes over axes.",
             .term = magnitude},
             {.name = "reduce_l2",
             .onnx = "ReduceL2",
             .summary = "Euclidean norm over axes.",
             .term = square,
             .finish = root},
             {.name = "reduce_sum_square",
             .onnx = "ReduceSumSquare",
             .summary = "Sum of squares over axes.",
             .term = square},
             {.name = "reduce_log_sum",
             .onnx = "ReduceLogSum",
             .summary = "Logarithm of the sum over axes.",
             .finish = logarithm,
             .accepts = Accepts::reals},
         }) {
      by_name[row.name] = row;
    }
    return by_name;
  }();
  return table;
}

// The largest element is taken out of the exponentials so that none overflows; an infinite one
// stays in, because it would leave nothing but inf - inf behind.
Kernel log_sum_exp_kernel(const Node& node) {
  KernelBuilder k(node);
  const ReduceAxes axes(node, k);
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  const TensorRef top = k.local("top", dtype, {});
  Reducer largest(k);
  const Expr most = largest.result(Combine::max, axes.element(largest), {}, "largest");
  k.store(top(), select_expr(call_expr("is_inf", {most}), with_dtype(0, dtype), most));
  k.stage();
  Reducer sum(k);
  const Expr power = exp(axes.element(sum) - top());
  k.store(k.out().at(axes.result), log(sum.result(Combine::sum, power)) + top());
  return k.done();
}

std::vector<TensorType> infer_log_sum_exp(const Node& node) {
  check_accepts(node, 0, Accepts::reals);
  return {{node.input(0).type.dtype, reduced_shape(node)}};
}

Operator reduction(const ReduceRow& row) {
  return Operator{
      .name = row.name,
      .summary = row.summary,
      .onnx = {row.onnx},
      .onnx_opset = row.onnx == "ReduceSum" ? 13 : 18,  // the sum's axes became an input earlier
      .inputs = {"x", "axes?!"},
      .attributes = {integer("keepdims", 1), integer("noop_with_empty_axes", 0)},
      .adopt = [](ForeignNode& node) { attribute_to_input(node, "axes", 1); },
      .infer = infer,
      .kernel = kernel,
  };
}

std::vector<Operator> make_family() {
  std::vector<Operator> family;
  for (const auto& [name, row] : rows()) family.push_back(reduction(row));
  Operator log_sum_exp = reduction({.name = "reduce_log_sum_exp",
                                    .onnx = "ReduceLogSumExp",
                                    .summary = "Logarithm of the sum of exponentials over axes."});
  log_sum_exp.infer = infer_log_sum_exp;
  log_sum_exp.kernel = log_sum_exp_kernel;
  family.push_back(log_sum_exp);
  return family;
}

const std::vector<Operator> family = make_family();
const std::vector<RegisteredOperator> registered(family.begin(), family.end());

}  // namespace
}  // namespace mlfc
