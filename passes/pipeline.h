// Runs the compiler's steps in order. The list itself is pipeline.cpp, one page.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "passes/pass.h"

namespace mlfc {

/// What a target contributes to the pipeline: the choice of schedules and a last look at the loops.
struct TargetHooks {
  std::function<Schedule(const Kernel& kernel, const Machine& machine)> schedule = {};
  std::function<void(Graph& graph, const Machine& machine)> finish = {};
};

struct PipelineOptions {
  std::string stop_after = {};  ///< name of a pass; empty: run all
  /// Extra passes, each run right after the named one: {"fuse-epilogues", "my-pass"}.
  std::vector<std::pair<std::string, std::string>> insert_after = {};
  bool verify_each = false;  ///< verify, print and re-parse after every pass
  bool check_each = false;   ///< also interpret on random inputs and compare the numbers
  /// Passes that are not ours, with the plugin that brought each: what they do wrong is for their
  /// author to mend, not a bug of the compiler.
  std::map<std::string, std::string> foreign_passes = {};
  bool print_changed = false;
  bool time_passes = false;
  std::function<void(const std::string& pass)> progress = {};
  std::function<void(const std::string& text)> message = {};  ///< print_changed, time_passes output
};

/// Names of all steps in order, as `--stop-after` accepts them.
std::vector<std::string> pipeline_steps();
void run_pipeline(Graph& graph, const PassContext& context, const TargetHooks& target,
                  const PipelineOptions& options);
/// Runs passes by name, in the given order (mlfc opt).
void run_passes(Graph& graph, const PassContext& context, const TargetHooks& target,
                const std::vector<std::string>& names, const PipelineOptions& options);

}  // namespace mlfc
