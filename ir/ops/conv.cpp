// Convolution over any number of spatial axes, with groups, stride, dilation and padding; of
// numbers as they are, and of integers counted from their zero points. Depthwise convolution is the
// case of as many groups as channels; it needs no code of its own.
#include "ir/ops/window.h"
#include "ir/ops/zero_point.h"

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

/// The result's type, and that of a bias in input `bias`.
std::vector<TensorType> infer_sums(const Node& conv, DType dtype, int bias) {
  const Channels channels = channels_of(conv);
  const TensorType per_channel = {dtype, {channels.groups * channels.out}};
  if (conv.has_input(bias) && conv.input(bias).type != per_channel) {
    fail(conv, input_name(conv, bias), " must be ", per_channel, " but is ", conv.input(bias).type);
  }
  const int64_t batch = conv.input(0).type.shape[0];
  return {{dtype, windowed_shape(batch, per_channel.shape[0], conv_windows(conv))}};
}

/// Where one term of the sum reads and the sum goes.
struct Places {
  Expr out_channel = {};
  std::vector<Expr> pixel = {};
  std::vector<Expr> filter = {};
  std::vector<Expr> result = {};
  bool leaves_image = false;
};

Places places_of(const Node& conv, KernelBuilder& k, Reducer& acc) {
  const std::vector<Window> windows = conv_windows(conv);
  const Channels channels = channels_of(conv);
  const int spatial = static_cast<int>(windows.size());
  const auto out_names = spatial_names("o", spatial);
  const auto tap_names = spatial_names("k", spatial);

  const Expr n = parallel_axis(k, "n", conv.input(0).type.shape[0]);
  const Expr g = parallel_axis(k, "g", channels.groups);
  const Expr oc = parallel_axis(k, "oc", channels.out);
  const Expr out_channel = g * Expr(channels.out) + oc;
  const Expr ic = acc.axis("ic", channels.in);
  Places places = {.out_channel = out_channel,
                   .pixel = {n, g * Expr(channels.in) + ic},
                   .filter = {out_channel, ic},
                   .result = {n, out_channel},
                   .leaves_image = leaves_input(windows)};
  for (int i = 0; i < spatial; ++i) {
    const Expr at = parallel_axis(k, out_names[i], windows[i].output);
    const Expr tap = acc.axis(tap_names[i], windows[i].taps);
    places.pixel.push_back(windows[i].place(at, tap));
    places.filter.push_back(tap);
    places.result.push_back(at);
  }
  return places;
}

std::vector<TensorType> infer(const Node& conv) {
  const TensorType& x = conv.input(0).type;
  const TensorType& w = conv.input(1).type;
  if (w.dtype != x.dtype) fail(conv, "x and w must have one element type: ", x, " against ", w);
  return infer_sums(conv, x.dtype, 2);
}

Kernel kernel(const Node& conv) {
  KernelBuilder k(conv);
  Reducer acc(k);
  const Places places = places_of(conv, k, acc);
  Expr pixel = k.in(0).at(places.pixel);
  if (places.leaves_image) pixel = pixel.or_else(0);
  const Expr bias = k.has(2) ? k.in(2)(places.out_channel) : Expr();
  const Expr term = pixel * k.in(1).at(places.filter);
  k.store(k.out().at(places.result), acc.result(Combine::sum, term, bias));
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

// --- conv_integer ---------------------------------------------------------------------------

void check_zero_points(const Node& conv) {
  check_zero_point_dtype(conv, 2, 0);
  check_zero_point_dtype(conv, 3, 1);
  if (conv.has_input(2) && conv.input(2).type.elements() != 1) {
    fail(conv, "x_zero_point must be one number but is ", conv.input(2).type);
  }
  if (!conv.has_input(3) || conv.input(3).type.elements() == 1) return;
  const Shape per_channel = {conv.input(1).type.shape[0]};
  if (conv.input(3).type.shape != per_channel) {
    fail(conv, "w_zero_point must be one number or of shape ", per_channel, " but is ",
         conv.input(3).type);
  }
}

std::vector<TensorType> infer_integer(const Node& conv) {
  check_narrow_integers(conv, 0);
  check_narrow_integers(conv, 1);
  const std::vector<TensorType> types = infer_sums(conv, accumulator_of(conv), 4);
  check_zero_points(conv);
  return types;
}

// What lies outside the image stands for the real number 0, which is what the zero point says.
Kernel integer_kernel(const Node& conv) {
  const DType accumulator = accumulator_of(conv);
  KernelBuilder k(conv);
  Reducer acc(k);
  const Places places = places_of(conv, k, acc);
  const ZeroPoint x_zero = zero_point(conv, k, 2, {});
  const ZeroPoint w_zero = zero_point(conv, k, 3, {places.out_channel});
  Expr pixel = k.in(0).at(places.pixel);
  if (places.leaves_image) pixel = pixel.or_else(x_zero.value);
  const Expr bias = k.has(4) ? k.in(4)(places.out_channel) : Expr();
  const Expr term =
      x_zero.distance(pixel, accumulator) * w_zero.distance(k.in(1).at(places.filter), accumulator);
  k.store(k.out().at(places.result), acc.result(Combine::sum, term, bias));
  return k.done();
}

std::vector<AttributeSpec> integer_attributes() {
  std::vector<AttributeSpec> specs = attributes();
  specs.push_back(text("accumulator", "i32"));
  return specs;
}

const Operator conv_integer{
    .name = "conv_integer",
    .summary = "Sliding dot product of integers counted from their zero points.",
    .onnx = {"ConvInteger"},
    .inputs = {"x", "w", "x_zero_point?", "w_zero_point?", "bias?"},
    .attributes = integer_attributes(),
    .infer = infer_integer,
    .kernel = integer_kernel,
};
const RegisteredOperator registered_integer{conv_integer};

}  // namespace
}  // namespace mlfc
