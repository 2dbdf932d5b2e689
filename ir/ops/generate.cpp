// Tensors made from a few numbers: one value everywhere, an arithmetic sequence, a unit matrix, one
// 1 per index, and the upper or lower triangle of matrices.
#include <cmath>

#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

/// A literal with the value of a constant's only element.
Expr literal_of(const Tensor& scalar) {
  const DType dtype = scalar.type.dtype;
  if (is_float(dtype)) return real_expr(scalar.real(0), dtype);
  return integer_expr(scalar.integer(0), dtype);
}

// --- constant_of_shape ----------------------------------------------------------------------

std::vector<TensorType> infer_filled(const Node& node) {
  const Shape shape = constant_integers(node, 0);
  for (const int64_t dim : shape) {
    if (dim < 0) fail(node, "shape ", shape, " holds a negative dimension");
  }
  if (!node.has("value")) return {{DType::f32, shape}};
  const TensorType& value = node.tensor("value").type;
  if (value.elements() != 1) fail(node, "value must be one element but is ", value);
  return {{value.dtype, shape}};
}

Kernel filled_kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const Expr value =
      node.has("value") ? literal_of(node.tensor("value")) : real_expr(0, DType::f32);
  k.store(k.out().at(at), value);
  return k.done();
}

const Operator constant_of_shape{
    .name = "constant_of_shape",
    .summary = "One value in every element.",
    .onnx = {"ConstantOfShape"},
    .inputs = {"shape!"},
    .attributes = {{.name = "value", .fallback = Tensor()}},
    .infer = infer_filled,
    .kernel = filled_kernel,
};
const RegisteredOperator registered_filled{constant_of_shape};

// --- range ----------------------------------------------------------------------------------

const Tensor& known_scalar(const Node& node, int input) {
  const Value& value = node.input(input);
  if (!value.is_constant() || value.type.elements() != 1) {
    fail(node, "'", input_name(node, input),
         "' must be a scalar known at compile time; the length of the result depends on it");
  }
  return *value.constant;
}

int64_t range_length(const Node& node) {
  const Tensor& start = known_scalar(node, 0);
  const Tensor& limit = known_scalar(node, 1);
  const Tensor& delta = known_scalar(node, 2);
  const bool moves = delta.real(0) != 0;
  if (!moves) fail(node, "delta is 0; the sequence would not end");
  const double length = std::ceil((limit.real(0) - start.real(0)) / delta.real(0));
  constexpr double largest = 1e12;
  if (!(length < largest)) fail(node, "the sequence would have ", length, " elements");
  return length > 0 ? static_cast<int64_t>(length) : 0;
}

std::vector<TensorType> infer_range(const Node& node) {
  check_same_dtype(node);
  check_accepts(node, 0, Accepts::numbers);
  return {{node.input(0).type.dtype, {range_length(node)}}};
}

Kernel range_kernel(const Node& node) {
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  KernelBuilder k(node);
  const Expr i = parallel_axis(k, "i", node.output().type.shape[0]);
  const auto scalar = [&](int input) {
    return k.in(input).at(std::vector<Expr>(node.input(input).type.shape.size(), 0));
  };
  k.store(k.out()(i), scalar(0) + cast_expr(dtype, i) * scalar(2));
  return k.done();
}

const Operator range{
    .name = "range",
    .summary = "Numbers from start to limit in steps of delta.",
    .onnx = {"Range"},
    .inputs = {"start!", "limit!", "delta!"},
    .adopt = [](ForeignNode& node) { drop_attributes(node, {"stash_type"}); },
    .infer = infer_range,
    .kernel = range_kernel,
};
const RegisteredOperator registered_range{range};

// --- eye_like -------------------------------------------------------------------------------

std::vector<TensorType> infer_eye(const Node& node) {
  const TensorType& x = node.input(0).type;
  if (x.rank() != 2) fail(node, "x must be a matrix but is ", x);
  if (!node.has("dtype")) return {x.plain()};
  const std::optional<DType> dtype = dtype_named(node.text("dtype"));
  if (!dtype) fail(node, "'dtype' is '", node.text("dtype"), "', which is no element type");
  return {{*dtype, x.shape}};
}

Kernel eye_kernel(const Node& node) {
  const TensorType& y = node.output().type;
  const DType dtype = compute_dtype(y.dtype);
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, y.shape);
  const Expr on_diagonal = equal(at[1] - at[0], integer_expr(node.integer("k"), DType::i64));
  k.store(k.out().at(at), select_expr(on_diagonal, with_dtype(1, dtype), with_dtype(0, dtype)));
  return k.done();
}

const Operator eye_like{
    .name = "eye_like",
    .summary = "1 on a diagonal, 0 elsewhere.",
    .onnx = {"EyeLike"},
    .inputs = {"x"},
    .attributes = {text("dtype", "f32"), integer("k", 0)},
    .adopt = [](ForeignNode& node) { onnx_dtype_to_text(node, "dtype"); },
    .offer = [](ForeignNode& node) { text_to_onnx_dtype(node, "dtype"); },
    .infer = infer_eye,
    .kernel = eye_kernel,
};
const RegisteredOperator registered_eye{eye_like};

// --- one_hot --------------------------------------------------------------------------------

int64_t depth_of(const Node& node) {
  const Tensor& depth = known_scalar(node, 1);
  const int64_t value =
      is_float(depth.type.dtype) ? static_cast<int64_t>(depth.real(0)) : depth.integer(0);
  if (value < 1) fail(node, "depth is ", value, " but must be at least 1");
  return value;
}

int one_hot_axis(const Node& node) {
  return normalized_axis(node, node.integer("axis"), node.input(0).type.rank() + 1);
}

std::vector<TensorType> infer_one_hot(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  const TensorType& values = node.input(2).type;
  if (values.shape != Shape{2}) fail(node, "values must be [off, on] but is ", values);
  Shape shape = node.input(0).type.shape;
  shape.insert(shape.begin() + one_hot_axis(node), depth_of(node));
  return {{values.dtype, shape}};
}

Kernel one_hot_kernel(const Node& node) {
  const int axis = one_hot_axis(node);
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> place = at;
  place.erase(place.begin() + axis);
  const Expr hot = wrapped_index(cast_expr(DType::i64, k.in(0).at(place)), depth_of(node));
  k.store(k.out().at(at), select_expr(equal(hot, at[axis]), stored_element(k.in(2), {1}),
                                      stored_element(k.in(2), {0})));
  return k.done();
}

const Operator one_hot{
    .name = "one_hot",
    .summary = "The on value where the index points, the off value elsewhere.",
    .onnx = {"OneHot"},
    .inputs = {"indices", "depth!", "values"},
    .attributes = {integer("axis", -1)},
    .infer = infer_one_hot,
    .kernel = one_hot_kernel,
};
const RegisteredOperator registered_one_hot{one_hot};

// --- trilu ----------------------------------------------------------------------------------

std::vector<TensorType> infer_trilu(const Node& node) {
  const TensorType& x = node.input(0).type;
  if (x.rank() < 2) fail(node, "x must be a matrix or a stack of them but is ", x);
  if (node.has_input(1)) known_scalar(node, 1);
  return {x.plain()};
}

Kernel trilu_kernel(const Node& node) {
  const TensorType& x = node.input(0).type;
  const int64_t diagonal = node.has_input(1) ? known_scalar(node, 1).integer(0) : 0;
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, x.shape);
  const Expr distance = at.back() - at[at.size() - 2];
  const Expr limit = integer_expr(diagonal, DType::i64);
  const bool upper = node.integer("upper") != 0;
  const Expr kept = upper ? call_expr("less_equal", {limit, distance})
                          : call_expr("less_equal", {distance, limit});
  k.store(k.out().at(at), select_expr(kept, stored_element(k.in(0), at), integer_expr(0, x.dtype)));
  return k.done();
}

const Operator trilu{
    .name = "trilu",
    .summary = "The upper or lower triangle of matrices; 0 elsewhere.",
    .onnx = {"Trilu"},
    .onnx_opset = 14,
    .inputs = {"x", "k?!"},
    .attributes = {integer("upper", 1)},
    .infer = infer_trilu,
    .kernel = trilu_kernel,
};
const RegisteredOperator registered_trilu{trilu};

}  // namespace
}  // namespace mlfc
