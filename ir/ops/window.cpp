// Window arithmetic: attributes per axis, automatic padding and the number of window positions.
#include "ir/ops/window.h"

#include <algorithm>

namespace mlfc {
namespace {

// Large enough for any real model; small enough that no product of two overflows.
constexpr int64_t largest_attribute = int64_t{1} << 24;

void pad_to_same(Window& window, bool extra_at_end) {
  const int64_t output = (window.input + window.stride - 1) / window.stride;
  const int64_t needed = (output - 1) * window.stride + window.reach() - window.input;
  const int64_t total = std::max<int64_t>(0, needed);
  window.pad_begin = extra_at_end ? total / 2 : total - total / 2;
  window.pad_end = total - window.pad_begin;
}

void set_output(const Node& node, Window& window, bool ceil_mode) {
  const int64_t room = window.input + window.pad_begin + window.pad_end - window.reach();
  if (room < 0) {
    fail(node, "a window of ", window.reach(), " does not fit into ", window.input, " inputs with ",
         window.pad_begin, " + ", window.pad_end,
         " of padding; make the window smaller or the padding larger");
  }
  window.output = (ceil_mode ? (room + window.stride - 1) / window.stride : room / window.stride);
  ++window.output;
  // A window that would start behind the input, in the end padding, sees nothing and is dropped.
  const bool starts_behind = (window.output - 1) * window.stride >= window.input + window.pad_begin;
  if (ceil_mode && starts_behind) --window.output;
}

}  // namespace

Expr Window::place(const Expr& at, const Expr& tap) const {
  return at * Expr(stride) + tap * Expr(dilation) - Expr(pad_begin);
}

bool Window::leaves_input() const {
  return pad_begin > 0 || (output - 1) * stride + reach() - pad_begin > input;
}

std::vector<AttributeSpec> window_attributes() {
  return {ints("strides", {1}), ints("dilations", {1}), ints("pads", {0}),
          text("auto_pad", "NOTSET"), ints("kernel_shape")};
}

std::vector<int64_t> per_axis(const Node& node, const std::string& name, size_t count) {
  std::vector<int64_t> values = node.integers(name);
  if (!node.has(name) && values.size() == 1) values.assign(count, values.front());
  if (values.size() != count) {
    fail(node, "'", name, "' has ", values.size(), " entries but ", count, " are needed");
  }
  for (const int64_t value : values) {
    if (value > largest_attribute || value < -largest_attribute) {
      fail(node, "'", name, "' holds ", value, ", which is too large");
    }
  }
  return values;
}

std::vector<int64_t> positive_per_axis(const Node& node, const std::string& name, size_t count) {
  std::vector<int64_t> values = per_axis(node, name, count);
  for (const int64_t value : values) {
    if (value < 1) fail(node, "'", name, "' holds ", value, "; every entry must be at least 1");
  }
  return values;
}

std::vector<int64_t> explicit_pads(const Node& node, size_t axes) {
  std::vector<int64_t> pads = per_axis(node, "pads", 2 * axes);
  for (const int64_t pad : pads) {
    if (pad < 0) fail(node, "'pads' holds ", pad, "; padding of a window cannot be negative");
  }
  return pads;
}

std::vector<Window> windows_of(const Node& node, const Shape& input, const Shape& taps,
                               bool ceil_mode) {
  const size_t count = taps.size();
  if (count == 0) fail(node, "'kernel_shape' is missing or empty; state the size of the window");
  if (input.size() != count + 2) {
    fail(node, "a window over ", count, " axes needs an input of rank ", count + 2,
         " (batch, channels, then the axes) but it is ", input);
  }
  const std::vector<int64_t> strides = positive_per_axis(node, "strides", count);
  const std::vector<int64_t> dilations = positive_per_axis(node, "dilations", count);
  const std::vector<int64_t> pads = explicit_pads(node, count);
  const std::string& auto_pad = node.text("auto_pad");
  const bool same = auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER";
  const bool explicit_padding = auto_pad == "NOTSET" || auto_pad.empty();
  if (!same && !explicit_padding && auto_pad != "VALID") {
    fail(node, "auto_pad '", auto_pad, "' is none of NOTSET, SAME_UPPER, SAME_LOWER, VALID");
  }

  std::vector<Window> windows(count);
  for (size_t i = 0; i < count; ++i) {
    if (taps[i] < 1 || taps[i] > largest_attribute) {
      fail(node, "a window of ", taps[i], " along axis ", i + 2, " is not possible");
    }
    Window& window = windows[i];
    window.input = input[i + 2];
    window.taps = taps[i];
    window.stride = strides[i];
    window.dilation = dilations[i];
    if (explicit_padding) {
      window.pad_begin = pads[i];
      window.pad_end = pads[i + count];
    }
    if (same) pad_to_same(window, auto_pad == "SAME_UPPER");
    set_output(node, window, ceil_mode);
  }
  return windows;
}

Shape windowed_shape(int64_t batch, int64_t channels, const std::vector<Window>& windows) {
  Shape shape = {batch, channels};
  for (const Window& window : windows) shape.push_back(window.output);
  return shape;
}

bool leaves_input(const std::vector<Window>& windows) {
  return std::any_of(windows.begin(), windows.end(),
                     [](const Window& window) { return window.leaves_input(); });
}

}  // namespace mlfc
