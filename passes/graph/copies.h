// What nodes that only move data do to it, read off their kernels: no operator is known by name.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

/// What output 0 of a node is, in terms of one of its inputs.
struct CopyOf {
  Value* source = nullptr;
  /// Every element keeps its place in row-major order: the node is a reshape.
  bool keeps_places = false;
  /// Otherwise, perhaps, the dimensions in another order: output dimension i is input dimension
  /// permutation[i].
  std::vector<int64_t> permutation = {};
};

/// Nullopt unless the node's first output is nothing but elements of one input, of the same dtype
/// and equally many.
std::optional<CopyOf> copy_of(const Node& node);

}  // namespace mlfc
