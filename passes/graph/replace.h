// Putting one value in the place of another, which every rewriting pass over graphs does.
#pragma once

#include "ir/graph.h"

namespace mlfc {

/// Every use of `old` becomes a use of `fresh`. Where `old` is a graph output its name stays the
/// output's: `fresh` takes it over, or, when it has to keep its own (a graph input, a constant,
/// another output), is copied by an identity node. With `takes_name` a fresh value that a node
/// makes gets the old name in any case. `old` must have a producer, which the caller then erases.
void replace_value(Graph& graph, Value& old, Value& fresh, bool takes_name);

/// Replaces a node's outputs by known tensors and erases it.
void replace_by_constants(Graph& graph, Node& node, std::vector<Tensor> tensors);

}  // namespace mlfc
