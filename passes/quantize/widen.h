// Models of 16-bit reals become models of f32, which is what the quantizer works on.
#pragma once

#include "ir/graph.h"

namespace mlfc {

/// Every value of f16 or bf16, inputs and outputs included, becomes f32; so do constants (exactly)
/// and conversions to those types. Returns how many values it changed. Types must be inferred.
int widen_reals(Graph& graph);

}  // namespace mlfc
