// Compiles and runs programs for tests, with nothing cached: each is seen once.
#include "tests/compiled.h"

#include "codegen/mlf/package.h"
#include "codegen/target.h"
#include "ir/parse.h"
#include "passes/pipeline.h"
#include "runtime/runner/runner.h"

namespace mlfc {

Machine CompiledSetup::machine() const {
  TargetAttributes attributes;
  if (!march.empty()) attributes["march"] = march;
  return find_target("c")->machine(attributes);
}

std::unique_ptr<Graph> compiled(const std::string& text, const CompiledSetup& setup,
                                const std::string& stop_after) {
  std::unique_ptr<Graph> graph = parse_graph(text);
  const Target& target = *find_target("c");
  PipelineOptions pipeline;
  pipeline.stop_after = stop_after;
  pipeline.verify_each = stop_after.empty();
  run_pipeline(*graph, {setup.machine(), setup.options}, {target.schedule, target.finish},
               pipeline);
  return graph;
}

std::vector<Tensor> run_as_c(const Graph& graph, const CompiledSetup& setup,
                             const std::vector<Tensor>& inputs) {
  PackageOptions package;
  package.interface_api = "c";
  package.unpacked_api = true;
  const TemporaryFolder folder;
  const std::string tar = (folder.path() / "model.tar").string();
  write_tar(build_archive(graph, *find_target("c"), setup.machine(), package), tar,
            package.timestamp);
  BuildOptions build;
  build.optimisation = setup.optimisation;
  build.flags = setup.flags;
  build.cached = false;
  RunResult result = run_program(build_program(tar, build), inputs, {});
  if (!result.damage.empty()) throw RunError(result.damage.front());
  return std::move(result.outputs);
}

}  // namespace mlfc
