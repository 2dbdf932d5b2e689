// What a report says beside its numbers: what would help, and what was left alone.
#pragma once

#include <string>
#include <vector>

#include "frontend/cli/quantization.h"
#include "passes/quantize/scales.h"

namespace mlfc {

/// What would help a contraction whose weights hurt.
std::string weight_advice(const QuantizeOptions& options, const std::string& value,
                          bool may_equalize);

/// For a stored value: another method, where that gains much; otherwise more bits.
std::string value_advice(const QuantizeOptions& options, const std::string& value,
                         const Histogram& histogram, const Parameters& parameters);

/// Signal-to-noise in dB of storing what the histogram counted.
double storing_decibels(const Histogram& histogram, const Parameters& parameters);

/// Layers with constant matrices that no plan quantizes, unless `options` asks for that, and why.
std::vector<FloatLayer> layers_left_float(const Graph& graph, const QuantizeOptions& options);

}  // namespace mlfc
