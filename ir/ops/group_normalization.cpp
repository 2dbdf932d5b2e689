// Normalization over groups of channels of one image; instance normalization is the case of one
// channel per group.
#include "ir/ops/adopt.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/moments.h"

namespace mlfc {
namespace {

int64_t groups_of(const Node& node) {
  return node.op->name == "instance_normalization" ? node.input(0).type.shape[1]
                                                   : node.integer("num_groups");
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::reals);
  if (x.rank() < 2) fail(node, "x must have batch and channel dimensions but is ", x);
  const int64_t channels = x.shape[1];
  const int64_t groups = groups_of(node);
  if (groups < 1 || channels % groups != 0) {
    fail(node, groups, " groups do not divide ", channels, " channels; check 'num_groups'");
  }
  for (int i = 1; i < 3; ++i) {
    const TensorType& type = node.input(i).type;
    const bool fits = type.shape == Shape{channels} || type.shape == Shape{groups};
    if (!fits) {
      fail(node, input_name(node, i), " is ", type, " but must have one entry per channel (",
           channels, ")");
    }
  }
  return {x.plain()};
}

Kernel kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const int64_t groups = groups_of(node);
  const int64_t channels = shape[1] / groups;
  const Shape image(shape.begin() + 2, shape.end());
  const DType dtype = compute_dtype(node.input(0).type.dtype);

  KernelBuilder k(node);
  const Expr n = parallel_axis(k, "n", shape[0]);
  const Expr g = parallel_axis(k, "g", groups);
  const auto place = [&](auto make_axis) {
    std::vector<Expr> at = {n, g * Expr(channels) + make_axis("c", channels)};
    for (size_t i = 0; i < image.size(); ++i) {
      at.push_back(make_axis("i" + std::to_string(i), image[i]));
    }
    return at;
  };
  const Moments moments = add_moments(
      k, dtype, channels * element_count(image), node.real("epsilon"), [&](Reducer& reducer) {
        return k.in(0).at(place(
            [&](const std::string& name, int64_t extent) { return reducer.axis(name, extent); }));
      });

  k.stage();
  const std::vector<Expr> at =
      place([&](const std::string& name, int64_t extent) { return row_axis(k, name, extent); });
  // Before opset 21 scale and bias had one entry per group.
  const auto parameter = [&](int input) {
    const bool per_channel = node.input(input).type.shape[0] == shape[1];
    const Expr read = k.in(input)(per_channel ? at[1] : g);
    return read.dtype() == dtype ? read : cast_expr(dtype, read);
  };
  const Expr normal = (k.in(0).at(at) - moments.mean) * moments.inverse;
  k.store(k.out().at(at), normal * parameter(1) + parameter(2));
  return k.done();
}

const Operator group_normalization{
    .name = "group_normalization",
    .summary = "Normalizes groups of channels to mean 0 and spread 1.",
    .onnx = {"GroupNormalization"},
    .onnx_opset = 21,
    .inputs = {"x", "scale", "b"},
    .attributes = {required(integer("num_groups", 1)), real("epsilon", 1e-5)},
    .adopt = [](ForeignNode& node) { drop_attributes(node, {"stash_type"}); },
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered_group{group_normalization};

const Operator instance_normalization{
    .name = "instance_normalization",
    .summary = "Normalizes each channel of each image to mean 0 and spread 1.",
    .onnx = {"InstanceNormalization"},
    .inputs = {"x", "scale", "b"},
    .attributes = {real("epsilon", 1e-5)},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered_instance{instance_normalization};

}  // namespace
}  // namespace mlfc
