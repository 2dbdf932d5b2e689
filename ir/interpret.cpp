// Runs nodes at whatever level they are, and graphs node by node. A tensor is given up after its
// last use, so that the memory needed is about that of the model itself.
#include "ir/interpret.h"

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/interpret_region.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

std::map<std::string, RegionMeaning>& region_meanings() {
  static std::map<std::string, RegionMeaning> by_operator;
  return by_operator;
}

std::vector<const Tensor*> present(const std::vector<const Tensor*>& inputs) {
  std::vector<const Tensor*> given;
  for (const Tensor* tensor : inputs) {
    if (tensor != nullptr) given.push_back(tensor);
  }
  return given;
}

// The operators a node stands for, in a graph of their own.
std::vector<Tensor> interpret_expansion(const Node& node,
                                        const std::vector<const Tensor*>& inputs) {
  Graph graph;
  std::vector<Value*> operands;
  std::vector<Tensor> arguments;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Value* value = node.inputs[i];
    if (value == nullptr) {
      operands.push_back(nullptr);
    } else if (value->is_constant()) {  // the expansion may depend on it
      operands.push_back(&graph.add_constant(value->name, *inputs[i]));
    } else {
      operands.push_back(&graph.add_input(value->name, value->type.plain()));
      arguments.push_back(*inputs[i]);
    }
  }
  std::vector<std::string> names;
  for (const Value* output : node.outputs) names.push_back(output->name);
  Node& copy = graph.add_node(*node.op, operands, names, node.attributes);
  copy.name = node.name;
  for (size_t i = 0; i < names.size(); ++i) copy.outputs[i]->type = node.outputs[i]->type;
  Expansion expansion(graph, copy);
  graph.outputs = node.op->expand(expansion);
  graph.remove_unused();
  return interpret(graph, arguments);
}

// One activation of a graph or region.
class GraphRun {
 public:
  GraphRun(const Graph& graph, const InterpretOptions& options, const GraphRun* outer)
      : graph_(graph), options_(options), outer_(outer) {}

  std::vector<Tensor> run(const std::vector<const Tensor*>& inputs);

 private:
  void find_last_uses();
  void run_node(const Node& node);
  std::vector<Tensor> run_region_node(const Node& node, const std::vector<const Tensor*>& inputs);
  const Tensor& tensor_of_value(const Value& value);
  const Tensor* find(const Value& value) const;

  const Graph& graph_;
  const InterpretOptions& options_;
  const GraphRun* outer_;
  std::map<const Value*, Tensor> tensors_;
  std::map<const Value*, const Tensor*> borrowed_;  // inputs
  std::map<const Node*, std::vector<const Value*>> dies_after_;
};

void collect_uses(const Node& node, std::set<const Value*>& uses) {
  uses.insert(node.inputs.begin(), node.inputs.end());
  for (const auto& region : node.regions) {
    for (const auto& inner : region->nodes) collect_uses(*inner, uses);
    uses.insert(region->outputs.begin(), region->outputs.end());
  }
}

void GraphRun::find_last_uses() {
  std::set<const Value*> needed_later(graph_.outputs.begin(), graph_.outputs.end());
  for (auto place = graph_.nodes.rbegin(); place != graph_.nodes.rend(); ++place) {
    std::set<const Value*> uses((*place)->outputs.begin(), (*place)->outputs.end());
    collect_uses(**place, uses);
    for (const Value* value : uses) {
      if (needed_later.insert(value).second) dies_after_[place->get()].push_back(value);
    }
  }
}

const Tensor* GraphRun::find(const Value& value) const {
  if (const auto own = tensors_.find(&value); own != tensors_.end()) return &own->second;
  if (const auto input = borrowed_.find(&value); input != borrowed_.end()) return input->second;
  if (value.is_constant() && !value.constant->type.layout) return &*value.constant;
  return outer_ == nullptr ? nullptr : outer_->find(value);
}

const Tensor& GraphRun::tensor_of_value(const Value& value) {
  if (const Tensor* tensor = find(value)) return *tensor;
  check(value.is_constant(), describe(graph_), ": ", describe(value),
        " is used before it is computed");
  return tensors_[&value] = repacked(*value.constant, value.constant->type.plain());
}

std::vector<Tensor> GraphRun::run(const std::vector<const Tensor*>& inputs) {
  check(inputs.size() == graph_.inputs.size(), describe(graph_), " takes ", graph_.inputs.size(),
        " inputs, not ", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = *graph_.inputs[i];
    check(inputs[i]->type == value.type.plain(), describe(graph_), ": input '", value.name, "' is ",
          value.type.plain(), " but was given ", inputs[i]->type);
    borrowed_[&value] = inputs[i];
  }
  find_last_uses();
  for (const auto& node : graph_.nodes) run_node(*node);
  std::vector<Tensor> results;
  for (const Value* output : graph_.outputs) results.push_back(tensor_of_value(*output));
  return results;
}

void GraphRun::run_node(const Node& node) {
  std::vector<const Tensor*> inputs;
  for (const Value* input : node.inputs) {
    inputs.push_back(input == nullptr ? nullptr : &tensor_of_value(*input));
  }
  const bool has_work = node.proc.has_value() || node.kernel.has_value();
  std::vector<Tensor> results =
      node.op->region && !has_work ? run_region_node(node, inputs) : interpret(node, inputs);
  check(results.size() == node.outputs.size(), describe(node), " has ", node.outputs.size(),
        " outputs but computed ", results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    const Value& value = *node.outputs[i];
    check(value.type.dtype == DType::none || results[i].type == value.type.plain(), describe(node),
          ": '", value.name, "' should be ", value.type.plain(), " but was computed as ",
          results[i].type);
    Tensor& tensor = tensors_[&value] = std::move(results[i]);
    if (options_.observe) options_.observe(node, value, tensor);
  }
  for (const Value* dead : dies_after_[&node]) tensors_.erase(dead);
}

std::vector<Tensor> GraphRun::run_region_node(const Node& node,
                                              const std::vector<const Tensor*>& inputs) {
  const auto meaning = region_meanings().find(node.op->name);
  check(meaning != region_meanings().end(), describe(node),
        ": the interpreter was not told how the regions of '", node.op->name, "' run");
  return meaning->second(node, inputs, [&](int region, const std::vector<const Tensor*>& given) {
    const Graph& graph = *node.regions.at(static_cast<size_t>(region));
    return GraphRun(graph, options_, this).run(given);
  });
}

}  // namespace

RegisteredRegionMeaning::RegisteredRegionMeaning(const std::string& op, RegionMeaning meaning) {
  const bool fresh = region_meanings().emplace(op, meaning).second;
  check(fresh, "two meanings for the regions of '", op, "'");
}

std::vector<Tensor> interpret(const Node& node, const std::vector<const Tensor*>& inputs) {
  check(inputs.size() == node.inputs.size(), describe(node), " takes ", node.inputs.size(),
        " inputs, not ", inputs.size());
  if (node.proc) return interpret(*node.proc, present(inputs));
  if (node.kernel) return interpret(*node.kernel, present(inputs));
  if (node.op->kernel != nullptr) return interpret(node.op->kernel(node), present(inputs));
  if (node.op->expand != nullptr) return interpret_expansion(node, inputs);
  check(node.op->reference != nullptr, describe(node), ": operator '", node.op->name,
        "' cannot be interpreted here");
  return node.op->reference(node, inputs);
}

std::vector<Tensor> interpret(const Graph& graph, const std::vector<Tensor>& inputs,
                              const InterpretOptions& options) {
  std::vector<const Tensor*> borrowed;
  for (const Tensor& input : inputs) borrowed.push_back(&input);
  return GraphRun(graph, options, nullptr).run(borrowed);
}

}  // namespace mlfc
