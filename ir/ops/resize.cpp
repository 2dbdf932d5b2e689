// Resizing by interpolation. Which elements are mixed with which weights depends on shapes alone,
// so resizing expands into one small operator per axis: a repetition or a gather for nearest
// neighbours, a weighted sum over a table of neighbours (resample) otherwise.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/sampling.h"

namespace mlfc {
namespace {

std::vector<int> axes_of(const Node& node) {
  const int rank = node.input(0).type.rank();
  if (node.has("axes") && !node.integers("axes").empty()) {
    return normalized_axes(node, node.integers("axes"), rank);
  }
  std::vector<int> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

/// The numbers of a constant input that has one entry per resized axis.
std::vector<double> entries(const Node& node, int input, size_t count) {
  const Value& value = node.input(input);
  if (!value.is_constant()) {
    fail(node, "'", input_name(node, input), "' must be known at compile time");
  }
  if (value.type.elements() != static_cast<int64_t>(count)) {
    fail(node, "'", input_name(node, input), "' has ", value.type.elements(), " entries but ",
         count, " are needed");
  }
  std::vector<double> numbers;
  for (size_t i = 0; i < count; ++i) {
    numbers.push_back(value.constant->real(static_cast<int64_t>(i)));
  }
  return numbers;
}

bool is_given(const Node& node, int input) {
  return node.has_input(input) && node.input(input).type.elements() > 0;
}

void set_sizes(const Node& node, const std::vector<double>& sizes, const std::vector<int>& axes,
               std::vector<SampledAxis>& sampled_axes) {
  const std::string& policy = node.text("keep_aspect_ratio_policy");
  double common = policy == "not_larger" ? INFINITY : 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    SampledAxis& axis = sampled_axes[axes[i]];
    axis.output = static_cast<int64_t>(sizes[i]);
    axis.scale = sizes[i] / static_cast<double>(axis.input);
    common = policy == "not_larger" ? std::min(common, axis.scale) : std::max(common, axis.scale);
  }
  if (policy == "stretch") return;
  if (policy != "not_larger" && policy != "not_smaller") {
    fail(node, "keep_aspect_ratio_policy '", policy, "' is unknown");
  }
  for (const int dim : axes) {
    SampledAxis& axis = sampled_axes[dim];
    axis.scale = common;
    axis.output = static_cast<int64_t>(std::floor(common * static_cast<double>(axis.input) + 0.5));
  }
}

std::vector<SampledAxis> sampled_axes_of(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::vector<int> axes = axes_of(node);
  std::vector<SampledAxis> result;
  for (const int64_t extent : x.shape) result.push_back({.input = extent, .output = extent});
  if (is_given(node, 2) == is_given(node, 3)) fail(node, "needs either scales or sizes");
  if (is_given(node, 3)) {
    set_sizes(node, entries(node, 3, axes.size()), axes, result);
  } else {
    const std::vector<double> scales = entries(node, 2, axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      SampledAxis& axis = result[axes[i]];
      if (!(scales[i] > 0 && scales[i] < 1e6)) fail(node, "scale ", scales[i], " is not possible");
      axis.scale = scales[i];
      axis.output = static_cast<int64_t>(std::floor(static_cast<double>(axis.input) * scales[i]));
    }
  }
  if (node.text("coordinate_transformation_mode") == "tf_crop_and_resize") {
    const std::vector<double> roi = entries(node, 1, 2 * axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      result[axes[i]].roi_start = roi[i];
      result[axes[i]].roi_end = roi[i + axes.size()];
    }
  }
  for (const SampledAxis& axis : result) {
    if (axis.input < 1 || axis.output < 1) {
      fail(node, "cannot resize ", axis.input, " elements to ", axis.output);
    }
  }
  return result;
}

SamplingOptions options_of(const Node& node) {
  SamplingOptions options = {.mode = node.text("mode"),
                             .coordinates = node.text("coordinate_transformation_mode"),
                             .nearest = node.text("nearest_mode"),
                             .cubic_coefficient = node.real("cubic_coeff_a"),
                             .exclude_outside = node.integer("exclude_outside") != 0,
                             .antialias = node.integer("antialias") != 0};
  const auto one_of = [&](const char* name, const std::string& value,
                          const std::vector<std::string>& known) {
    if (std::find(known.begin(), known.end(), value) != known.end()) return;
    fail(node, name, " '", value, "' is unknown");
  };
  one_of("mode", options.mode, {"nearest", "linear", "cubic"});
  one_of("coordinate_transformation_mode", options.coordinates,
         {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
          "tf_half_pixel_for_nn", "tf_crop_and_resize"});
  one_of("nearest_mode", options.nearest,
         {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", "simple"});
  return options;
}

std::vector<TensorType> infer(const Node& node) {
  options_of(node);
  Shape shape;
  for (const SampledAxis& axis : sampled_axes_of(node)) shape.push_back(axis.output);
  return {{node.input(0).type.dtype, shape}};
}

// --- expansion ------------------------------------------------------------------------------

Tensor index_table(const Samples& samples, const Shape& shape) {
  return reshaped(integer_tensor(samples.positions), shape);
}

Value* resized_axis(Expansion& expansion, Value* x, int axis, const Samples& samples) {
  const auto output = static_cast<int64_t>(samples.outside.size());
  if (samples.taps == 1) {
    Value& table = expansion.constant(index_table(samples, {output}));
    return &expansion.add("gather", {x, &table}, {{"axis", int64_t{axis}}});
  }
  const Shape shape = {output, samples.taps};
  Value& table = expansion.constant(index_table(samples, shape));
  Value& weights = expansion.constant(tensor_of(x->type.dtype, shape, samples.weights));
  return &expansion.add("resample", {x, &table, &weights}, {{"axis", int64_t{axis}}});
}

/// Everything beyond the input becomes the extrapolation value.
Value* extrapolated(Expansion& expansion, Value* y, const std::vector<Samples>& samples) {
  const Shape& shape = y->type.shape;
  for (size_t i = 0; i < samples.size(); ++i) {
    const std::vector<bool>& outside = samples[i].outside;
    if (std::find(outside.begin(), outside.end(), true) == outside.end()) continue;
    Shape mask_shape(shape.size(), 1);
    mask_shape[i] = shape[i];
    Tensor mask({DType::boolean, mask_shape, {}});
    for (size_t at = 0; at < outside.size(); ++at) {
      mask.set_integer(static_cast<int64_t>(at), outside[at] ? 1 : 0);
    }
    Value& value = expansion.scalar(y->type.dtype, expansion.node().real("extrapolation_value"));
    y = &expansion.add("where", {&expansion.constant(std::move(mask)), &value, y});
  }
  return y;
}

std::vector<Value*> expand(Expansion& expansion) {
  const Node& node = expansion.node();
  const std::vector<SampledAxis> axes = sampled_axes_of(node);
  const SamplingOptions options = options_of(node);
  std::vector<Samples> samples;
  for (const SampledAxis& axis : axes) samples.push_back(sampled(axis, options));

  const DType dtype = node.input(0).type.dtype;
  const bool mixes = options.mode != "nearest";
  const bool casts = mixes && compute_dtype(dtype) != DType::f64 && dtype != DType::f32;
  Value* y = node.inputs[0];
  if (casts) y = &expansion.add("cast", {y}, {{"to", std::string("f32")}});

  // Repetitions of all axes together are one kernel; the axes that shrink most go first.
  std::vector<int64_t> factors(axes.size(), 1);
  std::vector<int> others;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (samples[i].is_identity(axes[i].input)) continue;
    const int64_t factor = samples[i].repeats(axes[i].input);
    if (factor > 0) factors[i] = factor;
    if (factor == 0) others.push_back(static_cast<int>(i));
  }
  std::stable_sort(others.begin(), others.end(),
                   [&](int a, int b) { return axes[a].scale < axes[b].scale; });
  for (const int axis : others) y = resized_axis(expansion, y, axis, samples[axis]);
  const bool repeats =
      std::any_of(factors.begin(), factors.end(), [](int64_t factor) { return factor > 1; });
  if (repeats) y = &expansion.add("repeat_elements", {y}, {{"factors", factors}});

  y = extrapolated(expansion, y, samples);
  if (casts) y = &expansion.add("cast", {y}, {{"to", to_text(dtype)}});
  if (y == node.inputs[0]) y = &expansion.add("identity", {y});
  return {y};
}

void adopt(ForeignNode& node) {
  if (node.op_type == "Upsample") {
    const auto scales = node.attributes.find("scales");
    if (scales != node.attributes.end()) {  // an attribute until opset 9
      const auto& values = std::get<std::vector<double>>(scales->second);
      add_constant_input(node, 1, "scales",
                         tensor_of(DType::f32, {static_cast<int64_t>(values.size())}, values));
      node.attributes.erase(scales);
    }
  }
  const bool old_form = node.op_type == "Upsample" || node.opset < 11;  // x, scales
  if (!old_form) return;
  if (node.inputs.empty()) fail(place_of(node), "has no input to resize");
  node.inputs.insert(node.inputs.begin() + 1, nullptr);
  node.attributes["coordinate_transformation_mode"] = std::string("asymmetric");
  node.attributes["nearest_mode"] = std::string("simple");
  const auto mode = node.attributes.find("mode");
  const bool bilinear =
      mode != node.attributes.end() && std::get<std::string>(mode->second) == "bilinear";
  if (bilinear) mode->second = std::string("linear");
}

void offer(ForeignNode& node) {
  const auto mode = node.attributes.find("nearest_mode");
  if (mode != node.attributes.end() && std::get<std::string>(mode->second) == "simple") {
    const bool has_scales =
        node.inputs.size() > 2 && node.inputs[2] != nullptr && node.inputs[2]->is_constant();
    if (!has_scales) fail(place_of(node), "the rounding 'simple' can be written with scales only");
    const Tensor& scales = *node.inputs[2]->constant;
    int shrinks = 0, grows = 0;
    for (int64_t i = 0; i < scales.type.elements(); ++i) {
      (scales.real(i) < 1 ? shrinks : grows) += scales.real(i) == 1 ? 0 : 1;
    }
    if (shrinks > 0 && grows > 0) {
      fail(place_of(node), "the rounding 'simple' cannot be written for scales on both sides of 1");
    }
    mode->second = std::string(shrinks > 0 ? "ceil" : "floor");
  }
  for (const char* name : {"axes", "antialias", "keep_aspect_ratio_policy"}) {
    if (node.attributes.contains(name)) node.opset = 18;
  }
  const auto places = node.attributes.find("coordinate_transformation_mode");
  const bool symmetric = places != node.attributes.end() &&
                         std::get<std::string>(places->second) == "half_pixel_symmetric";
  if (symmetric) node.opset = 19;
}

const Operator resize{
    .name = "resize",
    .summary = "Scales a tensor by interpolation.",
    .onnx = {"Resize", "Upsample"},
    .inputs = {"x", "roi?!", "scales?!", "sizes?!"},
    .attributes = {text("mode", "nearest"), text("coordinate_transformation_mode", "half_pixel"),
                   text("nearest_mode", "round_prefer_floor"),
                   text("keep_aspect_ratio_policy", "stretch"), real("cubic_coeff_a", -0.75),
                   real("extrapolation_value", 0), integer("exclude_outside", 0),
                   integer("antialias", 0), ints("axes")},
    .adopt = adopt,
    .offer = offer,
    .infer = infer,
    .expand = expand,
};
const RegisteredOperator registered{resize};

// --- the operators it expands to ------------------------------------------------------------

std::vector<TensorType> infer_repeat(const Node& node) {
  TensorType type = node.input(0).type.plain();
  const std::vector<int64_t> factors = node.integers("factors");
  if (factors.size() != type.shape.size()) fail(node, "needs one factor per dimension");
  for (size_t i = 0; i < factors.size(); ++i) {
    if (factors[i] < 1) fail(node, "factor ", factors[i], " is not positive");
    type.shape[i] *= factors[i];
  }
  return {type};
}

Kernel repeat_kernel(const Node& node) {
  const std::vector<int64_t> factors = node.integers("factors");
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> from;
  for (size_t i = 0; i < at.size(); ++i) from.push_back(floor_div(at[i], Expr(factors[i])));
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

const Operator repeat_elements{
    .name = "repeat_elements",
    .summary = "Every element several times in a row along each axis.",
    .inputs = {"x"},
    .attributes = {required(ints("factors"))},
    .infer = infer_repeat,
    .kernel = repeat_kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_repeat{repeat_elements};

std::vector<TensorType> infer_resample(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& places = node.input(1).type;
  const TensorType& weights = node.input(2).type;
  if (places.rank() != 2 || places.dtype != DType::i64 || places.shape != weights.shape || weights.dtype != x.dtype) {
    fail(node, "tables ", places, " and ", weights, " do not fit ", x);
  }
  TensorType type = x.plain();
  type.shape[normalized_axis(node, node.integer("axis"), x.rank())] = places.shape[0];
  return {type};
}

Kernel resample_kernel(const Node& node) {
  const TensorType& y = node.output().type;
  const int axis = normalized_axis(node, node.integer("axis"), y.rank());
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, y.shape);
  Reducer acc(k);
  const Expr tap = acc.axis("t", node.input(1).type.shape[1]);
  std::vector<Expr> from = at;
  from[axis] = k.in(1)(at[axis], tap);
  k.store(k.out().at(at), acc.result(Combine::sum, k.in(0).at(from) * k.in(2)(at[axis], tap)));
  return k.done();
}

const Operator resample{
    .name = "resample",
    .summary = "Weighted sums of elements along an axis, from a table of places and weights.",
    .inputs = {"x", "places", "weights"},
    .attributes = {required(integer("axis", 0))},
    .infer = infer_resample,
    .kernel = resample_kernel,
};
const RegisteredOperator registered_resample{resample};

}  // namespace
}  // namespace mlfc
