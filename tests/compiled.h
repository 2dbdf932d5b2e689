// Programs written as text, through the whole compiler and run as C: what tests need that hold
// compiled code against the interpreters.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/machine.h"
#include "passes/pass.h"

namespace mlfc {

/// What a program is compiled for and with.
struct CompiledSetup {
  std::string march = {};
  Options options = {};
  std::string optimisation = "-O1";
  std::vector<std::string> flags = {};

  Machine machine() const;
};

/// The program after that step of the pipeline; after the last one when none is named, and then
/// verified after each.
std::unique_ptr<Graph> compiled(const std::string& text, const CompiledSetup& setup,
                                const std::string& stop_after = "");

/// What a finished program computes as an archive, built by the C compiler of this machine.
std::vector<Tensor> run_as_c(const Graph& graph, const CompiledSetup& setup,
                             const std::vector<Tensor>& inputs);

}  // namespace mlfc
