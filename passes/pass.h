// A pass rewrites a graph in place. It lives in one file, registers itself by name and is run by
// the pipeline (pipeline.h) or by name from `mlfc opt`. It sees hardware only as a Machine and the
// user's wishes only as Options. Every pass receives a well-formed graph and leaves one.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/machine.h"

namespace mlfc {

/// What the user asked of the compilation, in neutral terms; filled by the command line.
struct Options {
  /// Wanted order of activations: "" (free), "NCHW" or "NHWC".
  std::string desired_layout = {};
  bool plan_workspace = true;  ///< tir.usmp.enable: one arena planned at compile time
  std::string workspace_algorithm = "greedy_by_size";
  bool io_in_workspace = false;     ///< tir.usmp.use_workspace_io
  std::string requantize = "real";  ///< how sums become narrow again: "real" or "fixed"
  std::vector<std::string> disabled_passes = {};
};

struct PassContext {
  const Machine& machine;
  const Options& options;
};

enum class Level : uint8_t { graph, kernel, loop, memory };

struct Pass {
  std::string name = {};  ///< kebab-case; the file has the same name in snake_case
  Level level = Level::graph;
  std::string summary = {};
  void (*run)(Graph& graph, const PassContext& context) = nullptr;
  bool required = false;  ///< the steps behind it cannot do without it
};

const Pass* find_pass(std::string_view name);
std::vector<const Pass*> passes();  ///< sorted by name

struct RegisteredPass {
  explicit RegisteredPass(const Pass& pass);
};

}  // namespace mlfc
