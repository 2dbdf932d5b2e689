// Batch normalization with the statistics of training. It is a multiplication and an addition per
// channel, whose factors fold at compile time when the statistics are constants.
#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

Shape channel_shape(const Node& node) {
  const TensorType& x = node.input(0).type;
  if (x.rank() < 1) fail(node, "x must not be a scalar");
  return {x.rank() == 1 ? 1 : x.shape[1]};
}

void check_channels(const Node& node, int input, const Shape& shape) {
  if (node.input(input).type.shape == shape) return;
  fail(node, input_name(node, input), " is ", node.input(input).type, " but x has ", shape[0],
       " channels");
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::reals);
  for (int i = 1; i < 5; ++i) check_channels(node, i, channel_shape(node));
  if (node.integer("training_mode") != 0) {
    fail(node, "training_mode is set; export the model for inference");
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != nullptr) {
      fail(node, "has outputs for training; export the model for inference");
    }
  }
  return std::vector<TensorType>(node.outputs.size(), node.input(0).type.plain());
}

std::vector<Value*> expand(Expansion& expansion) {
  const Node& node = expansion.node();
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  const auto parameter = [&](int input) -> Value* {
    Value& value = node.input(input);
    if (value.type.dtype == dtype) return &value;
    return &expansion.add("cast", {&value}, {{"to", to_text(dtype)}});
  };
  Value* mean = parameter(3);
  Value& epsilon = expansion.scalar(dtype, node.real("epsilon"));
  Value& spread = expansion.add("sqrt", {&expansion.add("add", {parameter(4), &epsilon})});
  Value& scale = expansion.add("div", {parameter(1), &spread});
  Value& moved = expansion.add("mul", {mean, &scale});
  Value& shift = expansion.add("sub", {parameter(2), &moved});
  return {&expansion.add("scale_shift", {node.inputs[0], &scale, &shift})};
}

void adopt(ForeignNode& node) {
  if (foreign_integer(node, "spatial", 1) != 1) {
    fail(place_of(node), "per-element statistics (spatial = 0) are not supported");
  }
  drop_attributes(node, {"spatial", "momentum"});
}

const Operator batch_normalization{
    .name = "batch_normalization",
    .summary = "Normalizes each channel with given statistics.",
    .onnx = {"BatchNormalization"},
    .inputs = {"x", "scale", "b", "mean", "var"},
    .outputs = {"y", "running_mean?", "running_var?", "saved_mean?", "saved_var?"},
    .attributes = {real("epsilon", 1e-5), integer("training_mode", 0)},
    .adopt = adopt,
    .offer = [](ForeignNode& node) { node.attributes.erase("training_mode"); },
    .infer = infer,
    .expand = expand,
};
const RegisteredOperator registered{batch_normalization};

// The parameters keep the precision the arithmetic has, also where x is stored in 16 bits.
std::vector<TensorType> infer_scale_shift(const Node& node) {
  const TensorType expected = {compute_dtype(node.input(0).type.dtype), channel_shape(node)};
  for (int i = 1; i < 3; ++i) {
    if (node.input(i).type != expected) {
      fail(node, input_name(node, i), " is ", node.input(i).type, " but must be ", expected);
    }
  }
  return {node.input(0).type.plain()};
}

Kernel scale_shift_kernel(const Node& node) {
  const Shape& shape = node.output().type.shape;
  KernelBuilder k(node);
  std::vector<Expr> at = {parallel_axis(k, "n", shape[0])};
  if (shape.size() > 1) at.push_back(parallel_axis(k, "c", shape[1]));
  const auto names = spatial_names("i", static_cast<int>(shape.size()) - 2);
  for (size_t i = 2; i < shape.size(); ++i) {
    at.push_back(parallel_axis(k, names[i - 2], shape[i]));
  }
  const Expr channel = shape.size() > 1 ? at[1] : Expr(0);
  k.store(k.out().at(at), k.in(0).at(at) * k.in(1)(channel) + k.in(2)(channel));
  return k.done();
}

/// Written as the normalization with mean 0 and variance 1.
void offer_scale_shift(ForeignNode& node) {
  const TensorType type = node.inputs[1]->type;
  node.op_type = "BatchNormalization";
  add_constant_input(node, 3, "mean", splat(type, 0));
  add_constant_input(node, 4, "variance", splat(type, 1));
  node.attributes["epsilon"] = 0.0;
}

const Operator scale_shift{
    .name = "scale_shift",
    .summary = "x * scale + shift, both per channel.",
    .inputs = {"x", "scale", "shift"},
    .offer = offer_scale_shift,
    .infer = infer_scale_shift,
    .kernel = scale_shift_kernel,
};
const RegisteredOperator registered_scale_shift{scale_shift};

}  // namespace
}  // namespace mlfc
