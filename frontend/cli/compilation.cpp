// Glue between the command line and the compiler proper.
#include "frontend/cli/compilation.h"

#include <filesystem>

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
  for (const ExternalPool& pool : request.package.constant_pools) {
    machine.memories.push_back({pool.name, pool.size_hint_bytes, true});
  }
  return machine;
}

std::unique_ptr<Graph> load_model(const Request& request) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(request.file, error)) {
    fail("", "Input file '", request.file,
         std::filesystem::is_directory(request.file, error) ? "' is a directory"
                                                            : "' does not exist");
  }
  return import_onnx(request.file, request.import);
}

void run_pipeline(Graph& graph, const Request& request, const Machine& machine) {
  Progress progress(request.quiet);
  const Target& target = *request.target.target;
  PipelineOptions options = request.pipeline;
  options.progress = [&](const std::string& pass) { progress.show("compiling: " + pass); };
  options.message = [&](const std::string& text) {
    progress.clear();
    fmt::print(stderr, "{}{}", text, text.ends_with('\n') ? "" : "\n");
  };
  const TargetHooks hooks{target.schedule, target.finish};
  run_pipeline(graph, PassContext{machine, request.options}, hooks, options);
}

Archive compile_to_archive(const Request& request) {
  verify_options(request.package);
  const Machine machine = machine_of(request);
  const std::unique_ptr<Graph> graph = load_model(request);
  run_pipeline(*graph, request, machine);
  return build_archive(*graph, *request.target.target, machine, request.package);
}

}  // namespace mlfc
