// Hybrid models: activations are reals, weights 8-bit integers with scales. TensorFlow Lite does
// not turn the weights into reals but the activations into integers, as each run finds them: every
// row (of a matrix) or image (of a batch) gets the scale its range asks for, sums of products are
// exact integers, and the result is real again. Weights keep their size in memory that way.
#pragma once

#include "frontend/tflite/rule.h"

namespace mlfc {

/// Input 0 is real and input 1 holds i8 with a scale.
bool is_hybrid(TfliteNode& node);

/// rows * transposed input 1 + input 2.
Value& hybrid_product(TfliteNode& node, Value& rows);

/// The convolution of x (batch, channels, height, width) with a filter (output, input, height,
/// width) made from input 1, plus input 2. A scale for each channel makes the reference store
/// images with a zero point; so does `always_asymmetric`.
Value& hybrid_convolution(TfliteNode& node, Value& x, Value& filter, Attributes attributes,
                          bool always_asymmetric);

}  // namespace mlfc
