// Random models as program text: a few dozen operators, each on values that are there already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace mlfc::fuzz {

struct GraphText {
  std::vector<std::string> inputs = {};   ///< "%a_x: f32[1,4,8,8]"
  std::vector<std::string> outputs = {};  ///< "%a_7"
  std::string lines = {};
};

/// A graph whose values are called `prefix`_something, so that several fit into one program.
GraphText random_graph(const std::string& prefix, uint64_t seed);

/// The same of quantized layers: integers, dequantized, computed with and quantized again.
GraphText random_quantized_graph(const std::string& prefix, uint64_t seed);

/// One program of all of them side by side.
std::string program_of(const std::vector<GraphText>& graphs);

}  // namespace mlfc::fuzz
