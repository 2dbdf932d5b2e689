// Putting one value in the place of another while the names users see stay.
#include "passes/graph/replace.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

void swap_names(Graph& graph, Value& old, Value& fresh) {
  const std::string name = old.name, fresh_name = fresh.name;
  std::string aside = name + "/replaced";
  while (graph.find_value(aside) != nullptr) aside += "'";
  graph.rename(old, aside);
  graph.rename(fresh, name);
  graph.rename(old, fresh_name);
}

// A graph output must be made by a node; this one only hands the value on.
Value& copied(Graph& graph, const Value& old, Value& fresh) {
  Node& producer = *old.producer;
  Node& identity =
      graph.insert_node(graph.position(producer), operator_named("identity"), {&fresh}, {old.name});
  identity.name = producer.name;
  identity.sources = producer.sources;
  identity.output().type = old.type;
  return identity.output();
}

}  // namespace

void replace_value(Graph& graph, Value& old, Value& fresh, bool takes_name) {
  check(old.producer != nullptr, describe(old), " has no producer to be replaced");
  const bool made_here = fresh.producer != nullptr && graph.find_value(fresh.name) == &fresh;
  if (!graph.is_output(old)) {
    graph.replace_uses(old, fresh);
    if (takes_name && made_here && !graph.is_output(fresh)) swap_names(graph, old, fresh);
    return;
  }
  const bool can_be_output = made_here && !graph.is_output(fresh);
  Value& output = can_be_output ? fresh : copied(graph, old, fresh);
  std::replace(graph.outputs.begin(), graph.outputs.end(), &old, &output);
  graph.replace_uses(old, fresh);
  swap_names(graph, old, output);
}

void replace_by_constants(Graph& graph, Node& node, std::vector<Tensor> tensors) {
  check(tensors.size() == node.outputs.size(), describe(node), ": ", tensors.size(), " values for ",
        node.outputs.size(), " outputs");
  std::vector<std::pair<Value*, std::string>> renamed;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Value& output = *node.outputs[i];
    const bool was_output = graph.is_output(output);
    const std::string name = output.name;
    Value& constant = graph.add_constant(name, std::move(tensors[i]));
    replace_value(graph, output, constant, false);
    if (!was_output) renamed.emplace_back(&constant, name);
  }
  graph.erase(node);
  for (const auto& [constant, name] : renamed) graph.rename(*constant, name);
}

}  // namespace mlfc
