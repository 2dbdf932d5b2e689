// Copies, expands and instruments graphs for the quantizer.
#include "passes/quantize/prepare.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/operator.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "passes/graph/expand.h"
#include "passes/quantize/insert.h"

namespace mlfc {
namespace {

/// The node alone in a graph, its computed inputs as inputs of that graph.
std::unique_ptr<Graph> isolated(const Node& node) {
  auto graph = std::make_unique<Graph>();
  std::map<const Value*, Value*> copies;
  std::vector<Value*> inputs;
  for (const Value* input : node.inputs) {
    if (input == nullptr) {
      inputs.push_back(nullptr);
      continue;
    }
    Value*& copy = copies[input];
    if (copy == nullptr) {
      copy = input->is_constant() ? &graph->add_constant(input->name, *input->constant)
                                  : &graph->add_input(input->name, input->type);
    }
    inputs.push_back(copy);
  }
  std::vector<std::string> names;
  for (const Value* output : node.outputs) names.push_back(output->name);
  Node& copy = graph->add_node(*node.op, inputs, names, node.attributes);
  for (size_t i = 0; i < node.outputs.size(); ++i) copy.outputs[i]->type = node.outputs[i]->type;
  graph->outputs = {copy.outputs[0]};
  return graph;
}

bool expands_to_one_node(const Node& node, const PassContext& context) {
  if (node.op->expand == nullptr || !node.regions.empty()) return false;
  const std::unique_ptr<Graph> graph = isolated(node);
  for (const char* pass : {"expand-operators", "fold-constants", "simplify-graph"}) {
    find_pass(pass)->run(*graph, context);
  }
  if (graph->nodes.size() != 1) return false;
  const Operator& result = *graph->nodes.front()->op;
  return !result.onnx.empty() || result.offer != nullptr;  // it must remain possible to write it
}

}  // namespace

std::unique_ptr<Graph> cloned(const Graph& graph) {
  return parse_graph(to_text(graph));
}

void expand_single_nodes(Graph& graph, const PassContext& context) {
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place++;
    if (expands_to_one_node(node, context)) expand_node(graph, node);
  }
  graph.remove_unused();
}

std::vector<std::string> expose(Graph& graph, const std::vector<std::string>& values) {
  for (const std::string& name : values) {
    Value* value = graph.find_value(name);
    if (value == nullptr || value->producer == nullptr || graph.is_output(*value)) continue;
    graph.outputs.push_back(value);
  }
  std::vector<std::string> names;
  for (const Value* output : graph.outputs) names.push_back(output->name);
  return names;
}

std::string shadow_name(const std::string& value) {
  return value + "/shadow";
}

std::unique_ptr<Graph> with_shadows(const Graph& graph, const Graph& quantized) {
  std::unique_ptr<Graph> both = cloned(graph);
  std::map<const Value*, Value*> copies;
  for (const Value* input : quantized.inputs) copies[input] = both->find_value(input->name);
  const auto copy_of_value = [&](Value* value) -> Value* {
    if (value == nullptr) return nullptr;
    Value*& copy = copies[value];
    if (copy == nullptr) {
      check(value->is_constant(), describe(*value), " is read before it is made");
      copy = &both->add_constant(value->name, *value->constant);
    }
    return copy;
  };
  for (const auto& node : quantized.nodes) {
    std::vector<Value*> inputs;
    for (Value* input : node->inputs) inputs.push_back(copy_of_value(input));
    // What a stored value is read back from is the float graph's own value of that name.
    const bool stores = node->op->name == "quantize_linear";
    if (stores) {
      const std::string original = stored_value_of(*node->inputs[0]);
      if (Value* own = both->find_value(original)) inputs[0] = own;
    }
    std::vector<std::string> names;
    for (const Value* output : node->outputs) {
      names.push_back(shadow_name(stored_value_of(*output)));
    }
    Node& copy = both->add_node(*node->op, inputs, names, node->attributes);
    copy.name = node->name;
    for (size_t i = 0; i < node->outputs.size(); ++i) {
      copy.outputs[i]->type = node->outputs[i]->type;
      copies[node->outputs[i]] = copy.outputs[i];
    }
  }
  return both;
}

}  // namespace mlfc
