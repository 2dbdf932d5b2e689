// The steps that subcommands put together: load a model, run the pipeline, package.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/cli/model.h"
#include "frontend/cli/request.h"

namespace mlfc {

/// The machine of the request's target, with the user's pools and alignments.
Machine machine_of(const Request& request);

/// The graph of import_model().
std::unique_ptr<Graph> load_model(const Request& request);

/// What request.transform makes of a graph.
std::unique_ptr<Graph> transformed(const Request& request, std::unique_ptr<Graph> graph);

/// A place that cannot be written is found out before compiling, not after.
void check_output(const std::string& path);

/// Runs the pipeline (up to request.pipeline.stop_after) with progress on a terminal and reports on
/// stderr.
void run_pipeline(Graph& graph, const Request& request, const Machine& machine);

/// Runs the named passes, in the given order.
void run_named_passes(Graph& graph, const Request& request, const Machine& machine,
                      const std::vector<std::string>& names);

/// Transforms and compiles what import_model gave, in memory.
Archive compile_to_archive(const Request& request, LoadedModel& model);

}  // namespace mlfc
