// Removes nodes that compute nothing: copies of their input (dropout, casts to the same type,
// slices of everything, ...), reshapes and transposes of each other, the second of two equal
// nodes, and what no output depends on.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "ir/error.h"
#include "ir/operator.h"
#include "ir/print.h"
#include "passes/graph/copies.h"
#include "passes/graph/replace.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

bool copies_exactly(const Node& node, const CopyOf& copy) {
  return copy.keeps_places && copy.source->type.shape == node.output().type.shape;
}

// Removes a node that hands on its input, unless it is what gives a graph output its own storage.
bool remove_copy(Graph& graph, Node& node, const CopyOf& copy) {
  if (!copies_exactly(node, copy)) return false;
  const bool source_can_be_output = copy.source->producer != nullptr &&
                                    graph.find_value(copy.source->name) == copy.source &&
                                    !graph.is_output(*copy.source);
  if (graph.is_output(node.output()) && !source_can_be_output) return false;
  replace_value(graph, node.output(), *copy.source, false);
  graph.erase(node);
  return true;
}

Node& insert_like(Graph& graph, Node& node, std::string_view op, std::vector<Value*> inputs,
                  Attributes attributes) {
  Node& made = graph.insert_node(graph.position(node), operator_named(op), std::move(inputs),
                                 {node.output().name}, std::move(attributes));
  made.name = node.name;
  made.sources = node.sources;
  made.output().type = node.output().type;
  return made;
}

// A copy of a copy is one copy: both reshape, or both permute.
bool merge_copies(Graph& graph, Node& node, const CopyOf& second) {
  const Node* producer = second.source->producer;
  if (producer == nullptr) return false;
  const std::optional<CopyOf> first = copy_of(*producer);
  if (!first) return false;
  Node* merged = nullptr;
  if (first->keeps_places && second.keeps_places) {
    Value& shape =
        graph.add_constant(node.output().name + "/shape", integer_tensor(node.output().type.shape));
    merged =
        &insert_like(graph, node, "reshape", {first->source, &shape}, {{"allowzero", int64_t{1}}});
  } else if (!first->permutation.empty() && !second.permutation.empty()) {
    std::vector<int64_t> permutation;
    for (const int64_t dim : second.permutation) permutation.push_back(first->permutation[dim]);
    merged = &insert_like(graph, node, "transpose", {first->source}, {{"perm", permutation}});
  } else {
    return false;
  }
  replace_value(graph, node.output(), merged->output(), true);
  graph.erase(node);
  return true;
}

bool simplify_copies(Graph& graph) {
  bool changed = false;
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place++;
    const std::optional<CopyOf> copy = copy_of(node);
    if (copy) changed |= remove_copy(graph, node, *copy) || merge_copies(graph, node, *copy);
  }
  return changed;
}

// Two nodes with the same key compute the same. Empty: the node is one of a kind.
std::string key_of(const Node& node) {
  const bool is_pure = node.regions.empty() && (node.op->kernel != nullptr || node.op->expand);
  if (!is_pure) return "";
  std::string key = node.op->name;
  for (const Value* input : node.inputs) key += fmt::format(" {}", static_cast<const void*>(input));
  for (const auto& [name, attribute] : node.attributes) {
    key += " " + name + "=" + to_text(attribute);
  }
  return key + fmt::format(" -> {}", node.outputs.size());
}

bool merge_equal_nodes(Graph& graph) {
  std::map<std::string, Node*> known;
  bool changed = false;
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place++;
    const std::string key = key_of(node);
    if (key.empty()) continue;
    const auto [first, fresh] = known.emplace(key, &node);
    const bool is_output = std::any_of(node.outputs.begin(), node.outputs.end(),
                                       [&](const Value* value) { return graph.is_output(*value); });
    if (fresh || is_output) continue;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      replace_value(graph, *node.outputs[i], *first->second->outputs[i], false);
    }
    graph.erase(node);
    changed = true;
  }
  return changed;
}

// All at once: one walk for each would take the square of the graph's length.
void replace_uses(Graph& graph, const std::unordered_map<const Value*, Value*>& replacements) {
  const auto replace = [&](Value*& use) {
    const auto found = replacements.find(use);
    if (found != replacements.end()) use = found->second;
  };
  for (const auto& node : graph.nodes) {
    std::ranges::for_each(node->inputs, replace);
    for (const auto& region : node->regions) replace_uses(*region, replacements);
  }
  std::ranges::for_each(graph.outputs, replace);
}

// Equal constants become one, which also lets nodes that read them be found equal.
void merge_equal_constants(Graph& graph) {
  std::multimap<size_t, Value*> known;
  std::unordered_map<const Value*, Value*> equals;
  for (const auto& value : graph.values) {
    if (!value->is_constant()) continue;
    const std::vector<std::byte>& bytes = value->constant->bytes;
    const size_t hash =
        std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const auto [first, last] = known.equal_range(hash);
    const auto equal = std::find_if(first, last, [&](const auto& entry) {
      return *entry.second->constant == *value->constant && entry.second->type == value->type;
    });
    if (equal == last) {
      known.emplace(hash, value.get());
    } else if (!graph.is_output(*value)) {
      equals.emplace(value.get(), equal->second);
    }
  }
  if (!equals.empty()) replace_uses(graph, equals);
}

void simplify_graph(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) simplify_graph(*region, context);
  }
  graph.remove_unused();
  merge_equal_constants(graph);
  while (simplify_copies(graph) || merge_equal_nodes(graph)) {
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "simplify-graph",
    .level = Level::graph,
    .summary = "Remove copies, repeated computations and what no output needs.",
    .run = simplify_graph,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
