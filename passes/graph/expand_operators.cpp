// Replaces operators that stand for a small graph of others (batch normalization, attention, ...)
// by that graph, until every operator left says itself what it computes.
#include "ir/error.h"
#include "ir/operator.h"
#include "passes/graph/expand.h"
#include "passes/graph/replace.h"
#include "passes/pass.h"

namespace mlfc {

void expand_node(Graph& graph, Node& node) {
  if (node.sources.empty() && !node.name.empty()) node.sources = {node.name};
  Expansion expansion(graph, node);
  const std::vector<Value*> values = node.op->expand(expansion);
  check(values.size() == node.outputs.size(), describe(node), " expands to ", values.size(),
        " values for ", node.outputs.size(), " outputs");
  for (size_t i = 0; i < values.size(); ++i) {
    Value& output = *node.outputs[i];
    if (values[i] == nullptr) {
      check(graph.users(output).empty() && !graph.is_output(output), describe(node),
            " does not expand to its used output '", output.name, "'");
      continue;
    }
    check(values[i]->type.plain() == output.type.plain(), describe(node), " is ", output.type,
          " but expands to ", values[i]->type);
    replace_value(graph, output, *values[i], true);
  }
  graph.erase(node);
}

namespace {

void expand_operators(Graph& graph, const PassContext& context) {
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place;
    for (const auto& region : node.regions) expand_operators(*region, context);
    const bool is_lowered = node.kernel || node.proc;
    if (is_lowered || node.op->expand == nullptr) {
      ++place;
      continue;
    }
    // What it expands to comes in front of it and may itself expand: start there.
    const bool is_first = place == graph.nodes.begin();
    const auto before = is_first ? place : std::prev(place);
    expand_node(graph, node);
    place = is_first ? graph.nodes.begin() : std::next(before);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "expand-operators",
    .level = Level::graph,
    .summary = "Replace operators that are small graphs of others by those graphs.",
    .run = expand_operators,
    .required = true,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
