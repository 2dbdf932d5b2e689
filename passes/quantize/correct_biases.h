// Bias correction: rounding weights and operands moves the mean of a layer's channels, and a
// constant takes that back.
#pragma once

#include <map>
#include <string>

#include "passes/quantize/plan.h"
#include "passes/quantize/statistics.h"

namespace mlfc {

/// Adds to the biases of the plan's contractions what their channels lost on average (`shifts`, by
/// the contraction's output); makes biases where there are none. Returns how many it changed.
int correct_biases(Graph& graph, const Plan& plan, const std::map<std::string, ChannelSum>& shifts);

}  // namespace mlfc
