// The reference: runs kernels and loop programs on tensors, exactly as their text says. Everything
// else - constant folding, tests of every target, per-layer validation - compares with this.
// f32 arithmetic rounds to f32 after every operation, integers wrap; contractions (a sum of
// products of affine reads) are carried by Eigen, which only changes the order of summation.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

/// All tensors row-major; one per kernel input, in order. Returns one per output.
std::vector<Tensor> interpret(const Kernel& kernel, const std::vector<const Tensor*>& inputs);
std::vector<Tensor> interpret(const Proc& proc, const std::vector<const Tensor*>& inputs);
/// A node at whatever level it is: proc, kernel, or operator (kernel, expansion, call, region).
std::vector<Tensor> interpret(const Node& node, const std::vector<const Tensor*>& inputs);

/// About how many elements that looks at: a measure of the time it takes, a few nanoseconds each.
/// At least 1; at most 2^60.
int64_t interpreted_points(const Node& node);

struct InterpretOptions {
  /// Called with every value a node produced, in execution order.
  std::function<void(const Node& node, const Value& value, const Tensor& tensor)> observe = {};
};
/// The whole graph; inputs and results in graph order.
std::vector<Tensor> interpret(const Graph& graph, const std::vector<Tensor>& inputs,
                              const InterpretOptions& options = {});

}  // namespace mlfc
