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

/// load_model, and what request.transform makes of it.
std::unique_ptr<Graph> load_transformed(const Request& request);

/// A place that cannot be written is found out before compiling, not after.
void check_output(const std::string& path);

/// Runs the pipeline (up to request.pipeline.stop_after) with progress on a terminal and reports on
/// stderr.
void run_pipeline(Graph& graph, const Request& request, const Machine& machine);

/// Runs the named passes, in the given order.
void run_named_passes(Graph& graph, const Request& request, const Machine& machine,
                      const std::vector<std::string>& names);

/// A compiled model in memory; the second form takes what import_model gave, and changes its graph.
Archive compile_to_archive(const Request& request);
Archive compile_to_archive(const Request& request, const LoadedModel& model);

}  // namespace mlfc
