// Convolution over any number of spatial axes, with groups, stride, dilation and padding.
// Depthwise convolution is the case of as many groups as channels; it needs no code of its own.
#include "ir/ops/window.h"

namespace mlfc {
namespace {

struct Channels {
  int64_t groups = 1;
  int64_t in = 0;   ///< input channels of one group
  int64_t out = 0;  ///< output channels of one group
};

Channels channels_of(const Node& conv) {
  const TensorType& x = conv.input(0).type;
  const TensorType& w = conv.input(1).type;
  if (x.rank() < 3) fail(conv, "x must have at least 3 dimensions but is ", x);
  if (w.rank() != x.rank()) fail(conv, "w must have as many dimensions as x: ", w, " against ", x);
  if (w.dtype != x.dtype) fail(conv, "x and w must have one element type: ", x, " against ", w);
  const int64_t groups = conv.integer("group");
  if (groups < 1 || x.shape[1] % groups != 0 || w.shape[0] % groups != 0) {
    fail(conv, groups, " groups do not divide ", x.shape[1], " input and ", w.shape[0],
         " output channels; check 'group'");
  }
  const Channels channels = {groups, x.shape[1] / groups, w.shape[0] / groups};
  if (w.shape[1] != channels.in) {
    fail(conv, "w expects ", w.shape[1] * groups, " input channels but x has ", x.shape[1],
         "; check 'group' (now ", groups, ")");
  }
  return channels;
}

std::vector<Window> conv_windows(const Node& conv) {
  const Shape& w = conv.input(1).type.shape;
  const Shape taps(w.begin() + 2, w.end());
  if (conv.has("kernel_shape") && conv.integers("kernel_shape") != taps) {
    fail(conv, "kernel_shape ", Shape(conv.integers("kernel_shape")),
         " disagrees with the weights, ", conv.input(1).type);
  }
  return windows_of(conv, conv.input(0).type.shape, taps);
}

std::vector<TensorType> infer(const Node& conv) {
  const TensorType& x = conv.input(0).type;
  const Channels channels = channels_of(conv);
  const int64_t out_channels = channels.groups * channels.out;
  if (conv.has_input(2) && conv.input(2).type != TensorType{x.dtype, {out_channels}}) {
    fail(conv, "b must be ", TensorType{x.dtype, {out_channels}}, " but is ", conv.input(2).type);
  }
  return {{x.dtype, windowed_shape(x.shape[0], out_channels, conv_windows(conv))}};
}

Kernel kernel(const Node& conv) {
  const std::vector<Window> windows = conv_windows(conv);
  const Channels channels = channels_of(conv);
  const int spatial = static_cast<int>(windows.size());
  const auto out_names = spatial_names("o", spatial);
  const auto tap_names = spatial_names("k", spatial);

  KernelBuilder k(conv);
  Reducer acc(k);
  const Expr n = parallel_axis(k, "n", conv.input(0).type.shape[0]);
  const Expr g = parallel_axis(k, "g", channels.groups);
  const Expr oc = parallel_axis(k, "oc", channels.out);
  const Expr out_channel = g * Expr(channels.out) + oc;
  const Expr ic = acc.axis("ic", channels.in);
  std::vector<Expr> image = {n, g * Expr(channels.in) + ic};
  std::vector<Expr> filter = {out_channel, ic};
  std::vector<Expr> result = {n, out_channel};
  for (int i = 0; i < spatial; ++i) {
    const Expr at = parallel_axis(k, out_names[i], windows[i].output);
    const Expr tap = acc.axis(tap_names[i], windows[i].taps);
    image.push_back(windows[i].place(at, tap));
    filter.push_back(tap);
    result.push_back(at);
  }
  Expr pixel = k.in(0).at(image);
  if (leaves_input(windows)) pixel = pixel.or_else(0);
  const Expr bias = k.has(2) ? k.in(2)(out_channel) : Expr();
  k.store(k.out().at(result), acc.result(Combine::sum, pixel * k.in(1).at(filter), bias));
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = window_attributes();
  specs.push_back(integer("group", 1));
  return specs;
}

const Operator conv{
    .name = "conv",
    .summary = "Sliding dot product of an image with filters.",
    .onnx = {"Conv"},
    .inputs = {"x", "w", "b?"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{conv};

}  // namespace
}  // namespace mlfc
