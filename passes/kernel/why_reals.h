// Why a kernel that reads quantized numbers computes with reals, for reports.
#pragma once

#include <string>

#include "ir/graph.h"

namespace mlfc {

/// In words; empty when the node computes with integers, or reads none. Asks after
/// fold-quantization what that pass left behind.
std::string why_in_reals(const Graph& graph, const Node& node);

/// True when the node's kernel has floating point arithmetic or conversions in it, of which
/// --requantize fixed has left what is no sum of scaled integers.
bool computes_with_reals(const Node& node);

}  // namespace mlfc
