// Expanding one operator, for passes that do not want all of them expanded.
#pragma once

#include "ir/graph.h"

namespace mlfc {

/// Replaces the node, whose operator has `expand`, by the small graph that it stands for.
void expand_node(Graph& graph, Node& node);

}  // namespace mlfc
