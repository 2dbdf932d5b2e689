// How operators with regions (if, loop, scan) tell the interpreter what they mean: the file of such
// an operator registers a function that decides which region runs, on what, and how often.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

/// Runs region number `region` of the node on tensors for its inputs, in order. Values of the
/// graphs around it are found without being passed.
using RunRegion =
    std::function<std::vector<Tensor>(int region, const std::vector<const Tensor*>& inputs)>;

/// Inputs in the node's order, null where absent; returns one tensor per output.
using RegionMeaning = std::vector<Tensor> (*)(const Node& node,
                                              const std::vector<const Tensor*>& inputs,
                                              const RunRegion& run_region);

/// A static object of this type in an operator's file gives the operator its meaning.
struct RegisteredRegionMeaning {
  RegisteredRegionMeaning(const std::string& op, RegionMeaning meaning);
};

}  // namespace mlfc
