// Glue between the command line and the compiler proper.
#include "frontend/cli/compilation.h"

#include "frontend/cli/progress.h"
#include "ir/error.h"

namespace mlfc {

Machine machine_of(const Request& request) {
  const Target& target = *request.target.target;
  check(target.machine != nullptr, "target ", target.name, " has no machine");
  Machine machine = target.machine(request.target.attributes);
  machine.workspace_alignment = request.package.workspace_alignment;
  machine.constant_alignment = request.package.constant_alignment;
  if (request.package.workspace_pools.empty() && request.package.constant_pools.empty()) {
    return machine;
  }
  machine.memories.clear();
  for (const ExternalPool& pool : request.package.workspace_pools) {
    machine.memories.push_back({pool.name, pool.size_hint_bytes, false});
  }
  if (machine.memories.empty()) machine.memories.push_back({.name = default_workspace_pool});
  for (const ExternalPool& pool : request.package.constant_pools) {
    machine.memories.push_back({pool.name, pool.size_hint_bytes, true});
  }
  return machine;
}

std::unique_ptr<Graph> load_model(const Request& request) {
  return import_model(request).graph;
}

std::unique_ptr<Graph> transformed(const Request& request, std::unique_ptr<Graph> graph) {
  return request.transform ? request.transform(std::move(graph)) : std::move(graph);
}

void check_output(const std::string& path) {
  if (path.empty()) fail("--output", "is empty; it must name the file to write");
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder, error)) {
    fail(path, "cannot be written: the folder '", folder.string(), "' does not exist");
  }
  if (std::filesystem::is_directory(path, error)) fail(path, "cannot be written: it is a folder");
}

namespace {

// The request's pipeline options with progress and messages going where they belong.
PipelineOptions reporting(const PipelineOptions& options, Progress& progress) {
  PipelineOptions result = options;
  result.progress = [&](const std::string& pass) { progress.show("compiling: " + pass); };
  result.message = [&](const std::string& text) {
    progress.clear();
    fmt::print(stderr, "{}{}", text, text.ends_with('\n') ? "" : "\n");
  };
  return result;
}

}  // namespace

void run_pipeline(Graph& graph, const Request& request, const Machine& machine) {
  Progress progress(request.quiet);
  const Target& target = *request.target.target;
  run_pipeline(graph, PassContext{machine, request.options}, {target.schedule, target.finish},
               reporting(request.pipeline, progress));
}

void run_named_passes(Graph& graph, const Request& request, const Machine& machine,
                      const std::vector<std::string>& names) {
  Progress progress(request.quiet);
  const Target& target = *request.target.target;
  run_passes(graph, PassContext{machine, request.options}, {target.schedule, target.finish}, names,
             reporting(request.pipeline, progress));
}

Archive compile_to_archive(const Request& request, LoadedModel& model) {
  PackageOptions package = request.package;
  verify_options(package);
  package.output_names = model.output_names;
  const Machine machine = machine_of(request);
  model.graph = transformed(request, std::move(model.graph));
  run_pipeline(*model.graph, request, machine);
  return build_archive(*model.graph, *request.target.target, machine, package);
}

}  // namespace mlfc
