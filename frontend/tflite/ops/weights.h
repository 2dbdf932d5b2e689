// Weights that are stored as narrow integers although activations are reals, as the operators want
// them for which hybrid.h has no arithmetic of its own.
#pragma once

#include "frontend/tflite/rule.h"

namespace mlfc {

/// Input `index` as reals: itself, or scale * (stored - zero_point) when it is quantised.
Value& real_weights(TfliteNode& node, int index);

}  // namespace mlfc
