// Asks type inference, and puts graphs side by side into one program.
#include "tests/fuzz/graph_writer.h"

#include "ir/error.h"
#include "ir/parse.h"
#include "passes/pass.h"

namespace mlfc::fuzz {

std::optional<TensorType> GraphWriter::inferred(const std::string& lines,
                                                const std::string& name) const {
  GraphText probe{text_.inputs, {"%" + name}, lines};
  try {
    const std::unique_ptr<Graph> graph = parse_graph(program_of({probe}));
    const Options options;
    const Machine machine;
    find_pass("infer-types")->run(*graph, {machine, options});
    return graph->outputs.front()->type.plain();
  } catch (const UserError&) {
    return std::nullopt;
  }
}

std::string program_of(const std::vector<GraphText>& graphs) {
  std::vector<std::string> inputs, outputs;
  std::string lines;
  for (const GraphText& graph : graphs) {
    inputs.insert(inputs.end(), graph.inputs.begin(), graph.inputs.end());
    outputs.insert(outputs.end(), graph.outputs.begin(), graph.outputs.end());
    lines += graph.lines;
  }
  return fmt::format("graph main({}) -> ({}) {{\n{}}}\n", fmt::join(inputs, ", "),
                     fmt::join(outputs, ", "), lines);
}

}  // namespace mlfc::fuzz
