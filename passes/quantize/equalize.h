// Cross-layer equalization: where a contraction feeds another one through nothing but functions
// with f(s * x) = s * f(x) (relu), channel i of the first may be divided by any s > 0 when the
// second multiplies it back. Chosen so that both layers' weights of channel i have equal ranges, it
// leaves the model's meaning alone and one scale per tensor loses less.
#pragma once

#include "ir/graph.h"

namespace mlfc {

/// Returns how many pairs of layers were equalized. The graph's outputs stay the same, up to f32
/// rounding.
int equalize_weights(Graph& graph);

}  // namespace mlfc
