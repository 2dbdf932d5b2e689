// Attributes of windowed operators - convolutions and pools - from the options of the format.
#pragma once

#include "frontend/tflite/rule.h"

namespace mlfc {

/// strides, dilations and pads of a window of `taps` = {height, width} over `input` = {height,
/// width}, as our conv, conv_integer, max_pool ... declare them.
inline Attributes window_attributes_2d(const TfliteNode& node, const Shape& input,
                                       const Shape& taps) {
  const Shape strides = {node.integer("stride_h"), node.integer("stride_w")};
  const Shape dilations = {node.integer("dilation_h_factor", 1),
                           node.integer("dilation_w_factor", 1)};
  const auto [top, bottom] = node.window_padding(input[0], taps[0], strides[0], dilations[0]);
  const auto [left, right] = node.window_padding(input[1], taps[1], strides[1], dilations[1]);
  return {{"strides", strides},
          {"dilations", dilations},
          {"pads", std::vector<int64_t>{top, left, bottom, right}}};
}

}  // namespace mlfc
