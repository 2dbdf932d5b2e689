// Rounding by a switch: y = x + on * (rounded x - x).
#include "passes/quantize/switches.h"

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/operator.h"
#include "passes/quantize/contraction.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/prepare.h"

namespace mlfc {
namespace {

class Switcher {
 public:
  Switcher(const Graph& graph, const Plan& plan,
           const std::map<std::string, Parameters>& parameters, const QuantizeOptions& options)
      : plan_(plan), parameters_(parameters), options_(options), graph_(cloned(graph)) {}

  SwitchedGraph run() {
    // Weights first: contractions are found by the names of what they compute.
    std::vector<Node*> nodes;
    for (const auto& node : graph_->nodes) nodes.push_back(node.get());
    for (Node* node : nodes) switch_weights(*node);
    for (const std::vector<std::string>& group : groups()) switch_values(group);
    return {std::move(graph_), std::move(sources_)};
  }

 private:
  /// Stored values that share their parameters with those they are moved from, in order.
  std::vector<std::vector<std::string>> groups() const {
    std::map<std::string, size_t> group_of;
    std::vector<std::vector<std::string>> groups;
    for (const std::string& value : plan_.stored) {
      const std::string* source = moved_from(value, group_of);
      const size_t group = source == nullptr ? groups.size() : group_of.at(*source);
      if (group == groups.size()) groups.emplace_back();
      groups[group].push_back(value);
      group_of[value] = group;
    }
    return groups;
  }

  const std::string* moved_from(const std::string& value,
                                const std::map<std::string, size_t>& known) const {
    for (const Movement& movement : plan_.movements) {
      if (std::ranges::find(movement.to, value) == movement.to.end()) continue;
      for (const std::string& from : movement.from) {
        if (!known.contains(from)) continue;
        if (parameters_.at(from) == parameters_.at(value)) return &from;
      }
    }
    return nullptr;
  }

  Value& add_switch(NoiseSource source) {
    sources_.push_back(std::move(source));
    return graph_->add_input(fmt::format("switch_{}", sources_.size()), {DType::f32, {}, {}});
  }

  Value& insert(Graph::Position before, const char* op, std::vector<Value*> inputs) {
    const TensorType type{DType::f32, inputs[0]->type.shape, {}};
    Node& node = graph_->insert_node(before, operator_named(op), std::move(inputs), {"switched"});
    node.output().type = type;
    return node.output();
  }

  /// x + on * difference, and the nodes that compute it.
  Value& blended(Graph::Position before, Value& x, Value& difference, Value& on) {
    Value& part = insert(before, "mul", {&difference, &on});
    return insert(before, "add", {&x, &part});
  }

  void switch_weights(Node& node) {
    if (node.outputs.size() != 1 || !plan_.contractions.contains(node.output().name)) return;
    const std::optional<ContractionNode> contraction = contraction_of(node);
    if (!contraction || !contraction->weights_are_constant) return;
    Value& weights = contraction->weight_value();
    const Tensor& exact = *weights.constant;
    const int axis = options_.per_channel ? contraction->channel().weight_dim : -1;
    Tensor difference = stored_weights(exact, weight_form(exact, axis));
    for (int64_t i = 0; i < exact.type.elements(); ++i) {
      difference.set_real(i, difference.real(i) - exact.real(i));
    }
    Value& change = graph_->add_constant(weights.name + "/change", std::move(difference));
    Value& on = add_switch({{node.output().name}, true, exact.type.elements()});
    node.inputs[static_cast<size_t>(contraction->weights)] =
        &blended(graph_->position(node), weights, change, on);
  }

  void switch_values(const std::vector<std::string>& group) {
    NoiseSource source{.values = group};
    for (const std::string& name : group) {
      source.elements += graph_->find_value(name)->type.elements();
    }
    Value& on = add_switch(source);
    for (const std::string& name : group) switch_value(*graph_->find_value(name), on);
  }

  void switch_value(Value& value, Value& on) {
    const Parameters& parameters = parameters_.at(value.name);
    const auto before = value.producer == nullptr ? graph_->nodes.begin()
                                                  : std::next(graph_->position(*value.producer));
    Value& scale =
        graph_->add_constant(value.name + "/scale", tensor_of(DType::f32, {}, {parameters.scale}));
    Value& zero =
        graph_->add_constant(value.name + "/zero_point", Tensor({parameters.dtype, {}, {}}));
    zero.constant->set_integer(0, parameters.zero_point);
    std::vector<Node*> readers = graph_->users(value);
    const bool is_output = graph_->is_output(value);
    Value& integers = insert(before, "quantize_linear", {&value, &scale, &zero});
    integers.type.dtype = parameters.dtype;
    Value& read = insert(before, "dequantize_linear", {&integers, &scale, &zero});
    Value& difference = insert(before, "sub", {&read, &value});
    Value& result = blended(before, value, difference, on);
    for (Node* reader : readers) std::ranges::replace(reader->inputs, &value, &result);
    if (is_output) std::ranges::replace(graph_->outputs, &value, &result);
  }

  const Plan& plan_;
  const std::map<std::string, Parameters>& parameters_;
  const QuantizeOptions& options_;
  std::unique_ptr<Graph> graph_;
  std::vector<NoiseSource> sources_ = {};
};

}  // namespace

SwitchedGraph with_switches(const Graph& graph, const Plan& plan,
                            const std::map<std::string, Parameters>& parameters,
                            const QuantizeOptions& options) {
  return Switcher(graph, plan, parameters, options).run();
}

}  // namespace mlfc
