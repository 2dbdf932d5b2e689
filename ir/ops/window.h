// Sliding windows: what convolution and pooling share. One Window per spatial axis says where the
// window of output position o reads: o * stride + tap * dilation - pad_begin.
#pragma once

#include <vector>

#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {

struct Window {
  int64_t input = 0;   ///< extent of the input along this axis
  int64_t output = 0;  ///< number of window positions
  int64_t taps = 1;    ///< extent of the window
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_begin = 0;
  int64_t pad_end = 0;

  /// The input index tap `tap` of output position `at` reads; may lie outside when it pads.
  Expr place(const Expr& at, const Expr& tap) const;
  /// True when some window reaches outside the input.
  bool leaves_input() const;
  /// Extent of the window with the holes of its dilation.
  int64_t reach() const { return (taps - 1) * dilation + 1; }
};

/// The attributes every windowed operator declares: strides, dilations, pads, auto_pad and
/// kernel_shape.
std::vector<AttributeSpec> window_attributes();

/// Attribute `name` with one entry per axis; its declared one-element default repeats.
std::vector<int64_t> per_axis(const Node& node, const std::string& name, size_t count);
/// The same, each at least 1.
std::vector<int64_t> positive_per_axis(const Node& node, const std::string& name, size_t count);

/// pads as [begin..., end...], each at least 0.
std::vector<int64_t> explicit_pads(const Node& node, size_t axes);

/// Windows of `taps` over the spatial axes of `input` (those after batch and channels), from the
/// node's attributes; with `ceil_mode` a last, partial window counts. Fails on attributes that
/// cannot be.
std::vector<Window> windows_of(const Node& node, const Shape& input, const Shape& taps,
                               bool ceil_mode = false);
/// Batch and channels followed by the number of windows on each axis.
Shape windowed_shape(int64_t batch, int64_t channels, const std::vector<Window>& windows);
bool leaves_input(const std::vector<Window>& windows);

}  // namespace mlfc
