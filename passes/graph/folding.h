// Computing nodes at compile time.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

/// The node's outputs when they can be known now: its operator says so from types alone, or all its
/// inputs are constants and nothing is gained by keeping them narrow. The types of inputs and outputs must be known.
std::optional<std::vector<Tensor>> folded_outputs(const Node& node);
bool has_only_constant_inputs(const Node& node);
/// A node whose only purpose is to make a graph output out of a constant.
bool hands_constant_to_output(const Graph& graph, const Node& node);

}  // namespace mlfc
