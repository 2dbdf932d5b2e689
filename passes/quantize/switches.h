// A float graph in which every rounding that quantizing brings can be switched on and off while it
// runs: which of them matter for the outputs is then a question of running it, not of compiling it
// once for each.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/quantize/plan.h"

namespace mlfc {

/// What one switch rounds: values that share their parameters because they are moved about, or the
/// constant weights of a contraction.
struct NoiseSource {
  std::vector<std::string> values = {};  ///< stored values; or the contraction's output
  bool is_weights = false;
  int64_t elements = 0;  ///< of the values, or of the weights
};

struct SwitchedGraph {
  std::unique_ptr<Graph> graph = {};
  /// One f32 input each, after the graph's own: 1 rounds, 0 leaves things as they are.
  std::vector<NoiseSource> sources = {};
};

/// `graph` is float, the plan and the parameters are its own. Biases are never rounded: their steps
/// are those of the accumulator.
SwitchedGraph with_switches(const Graph& graph, const Plan& plan,
                            const std::map<std::string, Parameters>& parameters,
                            const QuantizeOptions& options);

}  // namespace mlfc
