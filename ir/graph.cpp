// Building and changing graphs while keeping names unique and uses consistent.
#include "ir/graph.h"

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

// The graph and every region below it.
void for_each_graph(const Graph& graph, const std::function<void(const Graph&)>& visit) {
  visit(graph);
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) for_each_graph(*region, visit);
  }
}

bool uses_value(const Graph& region, const Value& value) {
  bool found = false;
  for_each_graph(region, [&](const Graph& graph) {
    for (const auto& node : graph.nodes) {
      found |= std::count(node->inputs.begin(), node->inputs.end(), &value) > 0;
    }
    found |= std::count(graph.outputs.begin(), graph.outputs.end(), &value) > 0;
  });
  return found;
}

template <typename T>
const T& attribute(const Node& node, const std::string& name) {
  const auto found = node.attributes.find(name);
  const Attribute* held = found == node.attributes.end() ? nullptr : &found->second;
  for (const AttributeSpec& spec : node.op->attributes) {
    if (held == nullptr && spec.name == name) held = &spec.fallback;
  }
  check(held != nullptr, "operator '", node.op->name, "' declares no attribute '", name, "'");
  const T* typed = std::get_if<T>(held);
  check(typed != nullptr, "attribute '", name, "' of '", node.op->name, "' has another type");
  return *typed;
}

}  // namespace

Value& Node::input(int index) const {
  check(has_input(index), describe(*this), ": input ", index, " is absent");
  return *inputs[static_cast<size_t>(index)];
}

Value& Node::output(int index) const {
  return *outputs.at(static_cast<size_t>(index));
}

bool Node::has_input(int index) const {
  return index < static_cast<int>(inputs.size()) && inputs[static_cast<size_t>(index)] != nullptr;
}

bool Node::has(const std::string& attribute_name) const {
  return attributes.contains(attribute_name);
}
int64_t Node::integer(const std::string& key) const {
  return attribute<int64_t>(*this, key);
}
double Node::real(const std::string& key) const {
  return attribute<double>(*this, key);
}
const std::string& Node::text(const std::string& key) const {
  return attribute<std::string>(*this, key);
}
std::vector<int64_t> Node::integers(const std::string& key) const {
  return attribute<std::vector<int64_t>>(*this, key);
}
std::vector<double> Node::reals(const std::string& key) const {
  return attribute<std::vector<double>>(*this, key);
}
const Tensor& Node::tensor(const std::string& key) const {
  return attribute<Tensor>(*this, key);
}

Value& Graph::add_value(const std::string& wanted, TensorType type) {
  std::string unique = wanted.empty() ? "v" : wanted;
  if (find_value(unique) != nullptr) {
    int& next = next_suffix[unique];
    std::string candidate;
    do {
      candidate = unique + "_" + std::to_string(++next);
    } while (find_value(candidate) != nullptr);
    unique = candidate;
  }
  values.push_back(std::make_unique<Value>());
  Value& value = *values.back();
  value.name = unique;
  value.type = std::move(type);
  by_name[unique] = &value;
  return value;
}

Value& Graph::add_input(const std::string& input_name, TensorType type) {
  Value& value = add_value(input_name, std::move(type));
  inputs.push_back(&value);
  return value;
}

Value& Graph::add_constant(const std::string& constant_name, Tensor tensor) {
  Value& value = add_value(constant_name, tensor.type);
  value.constant = std::move(tensor);
  return value;
}

Node& Graph::add_node(const Operator& op, std::vector<Value*> node_inputs,
                      const std::vector<std::string>& output_names, Attributes attributes) {
  return insert_node(nodes.end(), op, std::move(node_inputs), output_names, std::move(attributes));
}

Node& Graph::insert_node(Position before, const Operator& op, std::vector<Value*> node_inputs,
                         const std::vector<std::string>& output_names, Attributes attributes) {
  Node& node = **nodes.insert(before, std::make_unique<Node>());
  node.op = &op;
  node.inputs = std::move(node_inputs);
  node.attributes = std::move(attributes);
  for (const std::string& output_name : output_names) {
    Value& value = add_value(output_name);
    value.producer = &node;
    node.outputs.push_back(&value);
  }
  return node;
}

// From both ends: nodes are mostly looked for where a pass begins, or where an importer has got to.
Graph::Position Graph::position(const Node& node) {
  auto front = nodes.begin(), back = nodes.end();
  while (front != back) {
    if (front->get() == &node) return front;
    if ((--back)->get() == &node) return back;
    if (front == back) break;
    ++front;
  }
  check(false, describe(node), " is not in graph '", name, "'");
  return nodes.end();
}

void Graph::replace_uses(const Value& from, Value& to) {
  for (const auto& node : nodes) {
    std::replace(node->inputs.begin(), node->inputs.end(), const_cast<Value*>(&from), &to);
    for (const auto& region : node->regions) region->replace_uses(from, to);
  }
  std::replace(outputs.begin(), outputs.end(), const_cast<Value*>(&from), &to);
}

void Graph::erase(const Node& node) {
  const Position place = position(node);
  const std::unique_ptr<Node> keep = std::move(*place);
  const Position behind = nodes.erase(place);
  // All checks come first: the message names the node by its outputs. Users stand behind.
  for (const Value* output : keep->outputs) {
    const bool is_used = std::any_of(behind, nodes.end(), [&](const auto& other) {
      return std::count(other->inputs.begin(), other->inputs.end(), output) > 0 ||
             std::any_of(other->regions.begin(), other->regions.end(),
                         [&](const auto& region) { return uses_value(*region, *output); });
    });
    check(!is_used && !is_output(*output), "erasing ", describe(*keep),
          " whose output is still used");
  }
  for (const Value* output : keep->outputs) erase_value(*output);
  for (Value* buffer : keep->scratch) erase_value(*buffer);
}

void Graph::erase_value(const Value& value) {
  by_name.erase(value.name);
  const auto found = std::find_if(values.rbegin(), values.rend(),
                                  [&](const auto& candidate) { return candidate.get() == &value; });
  if (found != values.rend()) values.erase(std::next(found).base());
}

void Graph::remove_unused() {
  std::set<const Value*> needed(outputs.begin(), outputs.end());
  std::set<const Node*> needed_nodes;
  const auto need_all = [&](const Graph& region) {
    for_each_graph(region, [&](const Graph& graph) {
      for (const auto& node : graph.nodes) needed.insert(node->inputs.begin(), node->inputs.end());
      needed.insert(graph.outputs.begin(), graph.outputs.end());
    });
  };
  for (auto place = nodes.rbegin(); place != nodes.rend(); ++place) {
    const Node& node = **place;
    const bool used = std::any_of(node.outputs.begin(), node.outputs.end(),
                                  [&](const Value* output) { return needed.contains(output); });
    if (!used) continue;
    needed_nodes.insert(&node);
    needed.insert(node.inputs.begin(), node.inputs.end());
    needed.insert(node.outputs.begin(), node.outputs.end());
    needed.insert(node.scratch.begin(), node.scratch.end());
    for (const auto& region : node.regions) need_all(*region);
  }
  needed.insert(inputs.begin(), inputs.end());
  for (const auto& value : values) {
    if (value->inside != nullptr && needed.contains(value.get())) needed.insert(value->inside);
  }
  std::erase_if(nodes, [&](const auto& node) { return !needed_nodes.contains(node.get()); });
  std::erase_if(values, [&](const auto& value) {
    const bool unused = !needed.contains(value.get());
    if (unused) by_name.erase(value->name);
    return unused;
  });
}

std::vector<Node*> Graph::users(const Value& value) const {
  std::vector<Node*> found;
  for (const auto& node : nodes) {
    for (const Value* input : node->inputs) {
      if (input == &value) found.push_back(node.get());
    }
    for (const auto& region : node->regions) {
      if (uses_value(*region, value)) found.push_back(node.get());
    }
  }
  return found;
}

bool Graph::is_output(const Value& value) const {
  return std::find(outputs.begin(), outputs.end(), &value) != outputs.end();
}

bool Graph::is_input(const Value& value) const {
  return std::find(inputs.begin(), inputs.end(), &value) != inputs.end();
}

Value* Graph::find_value(const std::string& value_name) const {
  const auto found = by_name.find(value_name);
  return found == by_name.end() ? nullptr : found->second;
}

void Graph::rename(Value& value, const std::string& new_name) {
  check(find_value(new_name) == nullptr, "two values named '", new_name, "'");
  by_name.erase(value.name);
  value.name = new_name;
  by_name[new_name] = &value;
}

const Pool* Graph::find_pool(const std::string& pool_name) const {
  for (const Pool& pool : pools) {
    if (pool.name == pool_name) return &pool;
  }
  return nullptr;
}

const Value& storage_of(const Value& value) {
  const Value* root = &value;
  while (root->inside != nullptr) root = root->inside;
  return *root;
}

Value& storage_of(Value& value) {
  return const_cast<Value&>(storage_of(static_cast<const Value&>(value)));
}

std::string describe(const Node& node) {
  const std::string op = node.op == nullptr ? "?" : node.op->name;
  if (!node.name.empty()) return fmt::format("node '{}' ({})", node.name, op);
  if (!node.sources.empty()) return fmt::format("node '{}' ({})", node.sources.front(), op);
  if (node.outputs.empty()) return "node " + op;
  return fmt::format("node {} that makes '{}'", op, node.outputs.front()->name);
}

std::string describe(const Value& value) {
  return "value '" + value.name + "'";
}
std::string describe(const Graph& graph) {
  return "graph '" + graph.name + "'";
}

}  // namespace mlfc
