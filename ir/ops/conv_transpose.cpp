// Transposed convolution: every input element spreads a scaled filter over the output; of numbers
// as they are, and of integers counted from their zero points.
//
// The kernel is turned around, so that each output element gathers what reaches it. Output position
// o gets tap k from input (o + pad - k * dilation) / stride, where that divides. Positions with the
// same remainder by the stride use the same taps, so each remainder (of each axis) is one stage
// whose indices are affine and which multiplies nothing by zero.
#include <algorithm>
#include <numeric>

#include "ir/ops/elementwise.h"
#include "ir/ops/window.h"
#include "ir/ops/zero_point.h"

namespace mlfc {
namespace {

/// More stages than this would be more code than they save; then one stage tests divisibility.
constexpr int64_t largest_stage_count = 64;

struct Axes {
  std::vector<Window> windows = {};  ///< `input` and `output` as the transposed operator sees them
  int64_t groups = 1;
  int64_t in = 0;   ///< input channels of one group
  int64_t out = 0;  ///< output channels of one group
};

void set_padding(const Node& node, Window& window, int64_t whole, int64_t wanted) {
  const bool extra_at_end = node.text("auto_pad") == "SAME_UPPER";
  const int64_t total = std::max<int64_t>(0, whole - wanted);
  window.pad_begin = extra_at_end ? total / 2 : total - total / 2;
  window.pad_end = total - window.pad_begin;
  window.output = wanted;
}

std::vector<Window> transposed_windows(const Node& node) {
  const Shape& x = node.input(0).type.shape;
  const Shape& w = node.input(1).type.shape;
  const size_t count = x.size() - 2;
  const auto strides = positive_per_axis(node, "strides", count);
  const auto dilations = positive_per_axis(node, "dilations", count);
  const auto pads = explicit_pads(node, count);
  const auto extra = per_axis(node, "output_padding", count);
  const bool shape_given = node.has("output_shape") && !node.integers("output_shape").empty();
  const std::string& auto_pad = node.text("auto_pad");
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  std::vector<int64_t> wanted(count, 0);
  if (shape_given) wanted = node.integers("output_shape");
  if (wanted.size() == count + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (wanted.size() != count) fail(node, "output_shape ", wanted, " does not fit ", count, " axes");

  std::vector<Window> windows(count);
  for (size_t i = 0; i < count; ++i) {
    Window& window = windows[i];
    window = {.input = x[i + 2], .taps = w[i + 2], .stride = strides[i], .dilation = dilations[i]};
    const int64_t whole = strides[i] * (x[i + 2] - 1) + extra[i] + window.reach();
    if (shape_given || same) {
      set_padding(node, window, whole, shape_given ? wanted[i] : x[i + 2] * strides[i]);
    } else {
      window.pad_begin = auto_pad == "VALID" ? 0 : pads[i];
      window.pad_end = auto_pad == "VALID" ? 0 : pads[i + count];
      window.output = whole - window.pad_begin - window.pad_end;
    }
    if (window.output < 1 || extra[i] < 0) {
      fail(node, "axis ", i + 2, " would have ", window.output,
           " outputs; check pads, output_padding and output_shape");
    }
  }
  return windows;
}

Axes axes_of(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& w = node.input(1).type;
  if (x.rank() < 3 || w.rank() != x.rank()) {
    fail(node, "x and w must have one rank of at least 3 but are ", x, " and ", w);
  }
  const int64_t groups = node.integer("group");
  if (groups < 1 || x.shape[1] % groups != 0) {
    fail(node, groups, " groups do not divide ", x.shape[1], " channels; check 'group'");
  }
  if (w.shape[0] != x.shape[1]) {
    fail(node, "w expects ", w.shape[0], " input channels but x has ", x.shape[1]);
  }
  const Shape taps(w.shape.begin() + 2, w.shape.end());
  if (node.has("kernel_shape") && node.integers("kernel_shape") != taps) {
    fail(node, "kernel_shape ", Shape(node.integers("kernel_shape")),
         " disagrees with the weights, ", w);
  }
  return {transposed_windows(node), groups, x.shape[1] / groups, w.shape[1]};
}

/// The result's type, and that of a bias in input `bias`.
std::vector<TensorType> infer_sums(const Node& node, DType dtype, int bias) {
  const Axes axes = axes_of(node);
  const TensorType per_channel = {dtype, {axes.groups * axes.out}, {}};
  if (node.has_input(bias) && node.input(bias).type != per_channel) {
    fail(node, input_name(node, bias), " must be ", per_channel, " but is ", node.input(bias).type);
  }
  const int64_t batch = node.input(0).type.shape[0];
  return {{dtype, windowed_shape(batch, per_channel.shape[0], axes.windows)}};
}

/// The taps that reach output positions of one remainder: first, first + step, ... ; position
/// stride * q + remainder reads input q + offset - t * move for tap number t.
struct Phase {
  int64_t remainder = 0;
  int64_t positions = 0;
  int64_t first = 0, step = 1, taps = 0;
  int64_t offset = 0, move = 0;

  bool leaves_input(int64_t input) const {
    return offset - move * (taps - 1) < 0 || positions - 1 + offset >= input;
  }
};

std::vector<Phase> phases_of(const Window& window) {
  std::vector<Phase> phases;
  for (int64_t r = 0; r < std::min(window.stride, window.output); ++r) {
    Phase phase = {.remainder = r,
                   .positions = (window.output - r + window.stride - 1) / window.stride,
                   .step = window.stride / std::gcd(window.stride, window.dilation)};
    const auto divides = [&](int64_t tap) {
      return (r + window.pad_begin - tap * window.dilation) % window.stride == 0;
    };
    while (phase.first < window.taps && !divides(phase.first)) ++phase.first;
    if (phase.first < window.taps) {
      phase.taps = (window.taps - phase.first + phase.step - 1) / phase.step;
    }
    phase.offset = (r + window.pad_begin - phase.first * window.dilation) / window.stride;
    phase.move = window.dilation * phase.step / window.stride;
    phases.push_back(phase);
  }
  return phases;
}

/// The parts of the kernel all stages share.
struct Shared {
  KernelBuilder& k;
  const Axes& axes;
  DType dtype = DType::none;  ///< of the sums
  Expr n = {}, g = {}, oc = {}, out_channel = {}, bias = {};
  bool counts_from_zero_points = false;
  ZeroPoint x_zero = {Expr(0)}, w_zero = {Expr(0)};

  Expr term(const Expr& pixel, const Expr& weight) const {
    if (!counts_from_zero_points) return pixel * weight;
    return x_zero.distance(pixel, dtype) * w_zero.distance(weight, dtype);
  }
};

/// One stage: all output positions with the given remainder along each axis.
void add_phase(const Shared& shared, const std::vector<Phase>& phases) {
  KernelBuilder& k = shared.k;
  const int spatial = static_cast<int>(phases.size());
  const auto out_names = spatial_names("o", spatial);
  const auto tap_names = spatial_names("k", spatial);
  // Larger strides than filters leave gaps: no input gets there.
  const bool reached =
      std::all_of(phases.begin(), phases.end(), [](const Phase& phase) { return phase.taps > 0; });
  Reducer acc(k);
  const Expr ic = acc.axis("ic", reached ? shared.axes.in : 1);
  const Expr channel = shared.g * Expr(shared.axes.in) + ic;
  std::vector<Expr> image = {shared.n, channel};
  std::vector<Expr> filter = {channel, shared.oc};
  std::vector<Expr> result = {shared.n, shared.out_channel};
  bool leaves = false;
  for (int i = 0; i < spatial; ++i) {
    const Phase& phase = phases[i];
    const Expr q = row_axis(k, out_names[i], phase.positions);
    result.push_back(q * Expr(shared.axes.windows[i].stride) + Expr(phase.remainder));
    if (!reached) continue;
    const Expr tap = acc.axis(tap_names[i], phase.taps);
    image.push_back(q - tap * Expr(phase.move) + Expr(phase.offset));
    filter.push_back(tap * Expr(phase.step) + Expr(phase.first));
    leaves |= phase.leaves_input(shared.axes.windows[i].input);
  }
  if (!reached) {
    k.store(k.out().at(result), shared.bias.empty() ? with_dtype(0, shared.dtype) : shared.bias);
    return;
  }
  Expr pixel = k.in(0).at(image);
  if (leaves) pixel = pixel.or_else(shared.x_zero.value);
  const Expr term = shared.term(pixel, k.in(1).at(filter));
  k.store(k.out().at(result), acc.result(Combine::sum, term, shared.bias));
}

/// The single stage of strides too large for one stage per remainder.
void add_guarded(const Shared& shared) {
  KernelBuilder& k = shared.k;
  const auto& windows = shared.axes.windows;
  const int spatial = static_cast<int>(windows.size());
  const auto out_names = spatial_names("o", spatial);
  const auto tap_names = spatial_names("k", spatial);
  Reducer acc(k);
  const Expr ic = acc.axis("ic", shared.axes.in);
  const Expr channel = shared.g * Expr(shared.axes.in) + ic;
  std::vector<Expr> image = {shared.n, channel};
  std::vector<Expr> filter = {channel, shared.oc};
  std::vector<Expr> result = {shared.n, shared.out_channel};
  Expr divides = integer_expr(1, DType::boolean);
  for (int i = 0; i < spatial; ++i) {
    const Expr at = row_axis(k, out_names[i], windows[i].output);
    const Expr tap = acc.axis(tap_names[i], windows[i].taps);
    const Expr place = at + Expr(windows[i].pad_begin) - tap * Expr(windows[i].dilation);
    const Expr stride = windows[i].stride;
    divides = call_expr("and", {divides, equal(floor_mod(place, stride), 0)});
    image.push_back(floor_div(place, stride));
    filter.push_back(tap);
    result.push_back(at);
  }
  const Expr read = k.in(0).at(image).or_else(shared.x_zero.value);
  const Expr nothing = with_dtype(shared.x_zero.value, read.dtype());
  const Expr term = shared.term(select_expr(divides, read, nothing), k.in(1).at(filter));
  k.store(k.out().at(result), acc.result(Combine::sum, term, shared.bias));
}

/// Every combination of one phase per axis; empty when they are too many.
std::vector<std::vector<Phase>> combined_phases(const std::vector<Window>& windows) {
  std::vector<std::vector<Phase>> combinations = {{}};
  for (const Window& window : windows) {
    const std::vector<Phase> phases = phases_of(window);
    if (static_cast<int64_t>(combinations.size() * phases.size()) > largest_stage_count) return {};
    std::vector<std::vector<Phase>> longer;
    for (const std::vector<Phase>& combination : combinations) {
      for (const Phase& phase : phases) {
        longer.push_back(combination);
        longer.back().push_back(phase);
      }
    }
    combinations = std::move(longer);
  }
  return combinations;
}

void add_axes(const Node& node, Shared& shared, int bias) {
  KernelBuilder& k = shared.k;
  shared.n = parallel_axis(k, "n", node.input(0).type.shape[0]);
  shared.g = parallel_axis(k, "g", shared.axes.groups);
  shared.oc = parallel_axis(k, "oc", shared.axes.out);
  shared.out_channel = shared.g * Expr(shared.axes.out) + shared.oc;
  if (k.has(bias)) shared.bias = k.in(bias)(shared.out_channel);
}

void add_stages(const Shared& shared) {
  const auto combinations = combined_phases(shared.axes.windows);
  if (combinations.empty()) add_guarded(shared);
  for (size_t i = 0; i < combinations.size(); ++i) {
    if (i > 0) shared.k.stage();
    add_phase(shared, combinations[i]);
  }
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& w = node.input(1).type;
  if (x.dtype != w.dtype) fail(node, "x and w must have one element type: ", x, " against ", w);
  return infer_sums(node, x.dtype, 2);
}

Kernel kernel(const Node& node) {
  const Axes axes = axes_of(node);
  KernelBuilder k(node);
  Shared shared = {.k = k, .axes = axes, .dtype = compute_dtype(node.input(0).type.dtype)};
  add_axes(node, shared, 2);
  add_stages(shared);
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = window_attributes();
  specs.push_back(integer("group", 1));
  specs.push_back(ints("output_padding", {0}));
  specs.push_back(ints("output_shape"));
  return specs;
}

const Operator conv_transpose{
    .name = "conv_transpose",
    .summary = "Spreads filters over the output, scaled by the input.",
    .onnx = {"ConvTranspose"},
    .inputs = {"x", "w", "b?"},
    .attributes = attributes(),
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{conv_transpose};

// --- conv_transpose_integer -----------------------------------------------------------------

std::vector<TensorType> infer_integer(const Node& node) {
  check_narrow_integers(node, 0);
  check_narrow_integers(node, 1);
  for (const int zero : {2, 3}) {
    check_zero_point_dtype(node, zero, zero - 2);
    if (node.has_input(zero) && node.input(zero).type.elements() != 1) {
      fail(node, input_name(node, zero), " must be one number but is ", node.input(zero).type);
    }
  }
  return infer_sums(node, accumulator_of(node), 4);
}

Kernel integer_kernel(const Node& node) {
  const Axes axes = axes_of(node);
  KernelBuilder k(node);
  Shared shared = {.k = k, .axes = axes, .dtype = accumulator_of(node)};
  add_axes(node, shared, 4);
  shared.counts_from_zero_points = true;
  shared.x_zero = zero_point(node, k, 2, {});
  shared.w_zero = zero_point(node, k, 3, {});
  add_stages(shared);
  return k.done();
}

std::vector<AttributeSpec> integer_attributes() {
  std::vector<AttributeSpec> specs = attributes();
  specs.push_back(text("accumulator", "i32"));
  return specs;
}

const Operator conv_transpose_integer{
    .name = "conv_transpose_integer",
    .summary = "Spreads filters over the output, of integers counted from their zero points.",
    .inputs = {"x", "w", "x_zero_point?", "w_zero_point?", "bias?"},
    .attributes = integer_attributes(),
    .infer = infer_integer,
    .kernel = integer_kernel,
};
const RegisteredOperator registered_integer{conv_transpose_integer};

}  // namespace
}  // namespace mlfc
