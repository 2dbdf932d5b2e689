// Makes graphs fit for quantizing, and graphs that measure what quantizing did.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/pass.h"

namespace mlfc {

/// A graph of its own with the same text.
std::unique_ptr<Graph> cloned(const Graph& graph);

/// Expands operators that are one node and constants (a batch normalization is), which lets
/// fold-scales see them. Others stay: what they expand to often has no spelling in ONNX.
void expand_single_nodes(Graph& graph, const PassContext& context);

/// Makes values outputs of the graph, too, after those it has. Constants and inputs are left out;
/// returns the names of all outputs in order.
std::vector<std::string> expose(Graph& graph, const std::vector<std::string>& values);

/// The float graph with, beside each of its nodes, the quantized form of that node working on the
/// float graph's own values: what differs between value `x` and value `shadow_name(x)` is what
/// quantizing this one layer's operands costs. `quantized` is insert_quantization's result on a
/// clone of `graph` without integer inputs and outputs.
std::unique_ptr<Graph> with_shadows(const Graph& graph, const Graph& quantized);
std::string shadow_name(const std::string& value);

}  // namespace mlfc
