// Random graphs: what the operators' kernels compute, what the finished loops compute and what
// compiled C computes must be the same numbers. Many graphs lie side by side in one program, so
// that a thousand of them cost forty runs of the C compiler.
//
//   graph_fuzz [--seed N] [--runs N]        N graphs; a failing one is printed
#include <algorithm>
#include <random>

#include "codegen/mlf/package.h"
#include "codegen/target.h"
#include "frontend/data/compare.h"
#include "ir/error.h"
#include "ir/interpret.h"
#include "ir/parse.h"
#include "passes/pipeline.h"
#include "runtime/runner/runner.h"
#include "tests/fuzz/limits.h"
#include "tests/fuzz/random_graph.h"

namespace mlfc {
namespace {

constexpr int graphs_in_program = 25;

std::vector<Tensor> inputs_of(const Graph& graph, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs) {
    Tensor tensor(input->type.plain());
    for (int64_t i = 0; i < tensor.type.elements(); ++i) {
      tensor.set_real(i, static_cast<double>(random() % 2001) / 1000 - 1);
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::unique_ptr<Graph> compiled(const std::string& text, const Machine& machine,
                                const std::string& stop_after) {
  std::unique_ptr<Graph> graph = parse_graph(text);
  const Options options;
  const Target& target = *find_target("c");
  PipelineOptions pipeline;
  pipeline.stop_after = stop_after;
  pipeline.verify_each = stop_after.empty();
  run_pipeline(*graph, {machine, options}, {target.schedule, target.finish}, pipeline);
  return graph;
}

std::vector<Tensor> run_as_c(const Graph& graph, const Machine& machine,
                             const std::vector<Tensor>& inputs) {
  PackageOptions package;
  package.interface_api = "c";
  package.unpacked_api = true;
  const TemporaryFolder folder;
  const std::string tar = (folder.path() / "model.tar").string();
  write_tar(build_archive(graph, *find_target("c"), machine, package), tar, package.timestamp);
  BuildOptions build;
  build.optimisation = "-O2";
  build.cached = false;
  RunResult result = run_program(build_program(tar, build), inputs, {});
  if (!result.damage.empty()) throw RunError(result.damage.front());
  return std::move(result.outputs);
}

/// What does not agree; empty when all does.
std::string disagreement(const std::string& text, uint64_t seed) {
  const Machine machine = find_target("c")->machine({});
  const std::unique_ptr<Graph> kernels = compiled(text, machine, "infer-types");
  const std::unique_ptr<Graph> loops = compiled(text, machine, "");
  const std::vector<Tensor> inputs = inputs_of(*kernels, seed);
  const std::vector<Tensor> wanted = interpret(*kernels, inputs);
  const std::vector<Tensor> from_loops = interpret(*loops, inputs);
  const std::vector<Tensor> from_c = run_as_c(*loops, machine, inputs);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string name = kernels->outputs[i]->name;
    const Tolerance tolerance{1e-4, 1e-5};
    const std::string in_loops = compare(from_loops[i], wanted[i], tolerance).problem;
    if (!in_loops.empty()) return "loops: output '" + name + "' " + in_loops;
    const std::string in_c = compare(from_c[i], wanted[i], tolerance).problem;
    if (!in_c.empty()) return "C: output '" + name + "' " + in_c;
  }
  return "";
}

/// Nothing thrown: a refusal of what type inference accepted is a finding, too.
std::string problem_of(const std::vector<fuzz::GraphText>& graphs, uint64_t seed) {
  try {
    return disagreement(fuzz::program_of(graphs), seed);
  } catch (const std::exception& error) {
    return error.what();
  }
}

int run(const fuzz::Arguments& arguments) {
  std::cout << "seed " << arguments.seed << ", " << arguments.runs << " graphs" << std::endl;
  int bad = 0;
  for (int first = 0; first < arguments.runs && bad < 5; first += graphs_in_program) {
    std::vector<fuzz::GraphText> graphs;
    for (int i = first; i < std::min(first + graphs_in_program, arguments.runs); ++i) {
      graphs.push_back(fuzz::random_graph(fmt::format("g{}", i), arguments.seed + i));
    }
    fuzz::begin_input(fmt::format("graphs from {}", first));
    if (problem_of(graphs, arguments.seed).empty()) continue;
    ++bad;
    for (size_t i = 0; i < graphs.size(); ++i) {
      fuzz::begin_input(fmt::format("graph {}", first + static_cast<int>(i)));
      const std::string problem = problem_of({graphs[i]}, arguments.seed);
      if (problem.empty()) continue;
      std::cout << "graph " << first + static_cast<int>(i) << ": " << problem << "\n"
                << fuzz::program_of({graphs[i]}) << std::endl;
    }
  }
  std::cout << (bad == 0 ? "all agree" : "some disagree") << std::endl;
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** words) {
  return mlfc::run(mlfc::fuzz::parse_arguments(count, words, std::random_device()()));
}
