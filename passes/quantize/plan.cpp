// Decides what is stored as integers, walking from the outputs to the inputs: a value is wanted as
// integers when a node that works on integers reads it, and a node that computes such a value works
// on integers itself.
#include "passes/quantize/plan.h"

#include <algorithm>
#include <functional>

#include "ir/error.h"
#include "ir/operator.h"
#include "passes/kernel/fusion.h"
#include "passes/quantize/contraction.h"

namespace mlfc {
namespace {

bool is_real(const Value* value) {
  return value != nullptr && value->type.dtype == DType::f32;
}

/// The read an expression consists of; null when there is more to it.
const ExprNode* plain_read(const Expr& expr) {
  return expr->kind == ExprKind::read && expr.dtype() == DType::f32 ? &*expr : nullptr;
}

/// What a stage moves: the read its store consists of, perhaps the largest or smallest of many.
const ExprNode* moved_by(const Stage& stage) {
  if (!stage.store) return nullptr;
  if (!stage.reduction) return plain_read(stage.store->value);
  const Expr& value = stage.store->value;
  const bool stores_result = value->kind == ExprKind::local && value->name == stage.reduction->name;
  const bool selects =
      stage.reduction->combine == Combine::max || stage.reduction->combine == Combine::min;
  const bool from_nothing = stage.reduction->init->kind == ExprKind::constant;
  if (!stores_result || !selects || !from_nothing) return nullptr;
  return plain_read(stage.reduction->body);
}

Value* input_called(const Node& node, const Kernel& kernel, const std::string& param) {
  size_t next = 0;
  for (Value* input : node.inputs) {
    if (input != nullptr && kernel.inputs[next++].name == param) return input;
  }
  return nullptr;
}

/// A node whose kernel's result another elementwise node can be computed on without storing it.
bool can_be_followed(const Node& node) {
  if (node.op->kernel == nullptr || node.outputs.size() != 1) return false;
  const Kernel kernel = node.op->kernel(node);
  const bool one_result = kernel.stages.size() == 1 && kernel.stages[0].store.has_value();
  const bool computes = one_result && (kernel.stages[0].reduction ||
                                       plain_read(kernel.stages[0].store->value) == nullptr);
  return computes && moved_inputs(node).empty();
}

/// Elementwise arithmetic on one computed operand and constants.
bool is_cheap_follower(const Node& node, const Value& value) {
  if (node.op->kernel == nullptr || node.outputs.size() != 1) return false;
  const Kernel kernel = node.op->kernel(node);
  if (!is_elementwise(kernel) || is_expensive(kernel.stages[0].store->value)) return false;
  if (node.output().type.shape != value.type.shape || !is_real(&node.output())) return false;
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Value* input) {
    return input == nullptr || input == &value || input->is_constant();
  });
}

class Planner {
 public:
  Planner(const Graph& graph, const QuantizeOptions& options) : graph_(graph), options_(options) {}

  Plan run() {
    check_names();
    find_upstream();
    if (options_.integer_io) {
      for (const Value* output : graph_.outputs) {
        if (is_real(output) && !output->is_constant()) wanted_.insert(output);
      }
    }
    for (auto place = graph_.nodes.rbegin(); place != graph_.nodes.rend(); ++place) visit(**place);
    if (options_.integer_io) {
      for (const Value* input : graph_.inputs) {
        if (is_real(input)) wanted_.insert(input);
      }
    }
    return collected();
  }

 private:
  bool kept_float(const Node& node) const {
    return std::any_of(options_.keep_float.begin(), options_.keep_float.end(),
                       [&](const std::string& name) { return is_called(node, name); });
  }

  void check_names() const {
    for (const auto& [option, names] :
         {std::pair{"--int16", &options_.int16}, {"--keep-float", &options_.keep_float}}) {
      for (const std::string& name : *names) {
        const bool is_value = graph_.find_value(name) != nullptr;
        const bool is_node = std::any_of(graph_.nodes.begin(), graph_.nodes.end(),
                                         [&](const auto& node) { return is_called(*node, name); });
        if (is_value || is_node) continue;
        fail("", option, " names '", name,
             "', which is no layer of the model; the report lists them");
      }
    }
  }

  /// Values that some contraction has worked on.
  void find_upstream() {
    for (const auto& node : graph_.nodes) {
      bool found = contraction_of(*node).has_value();
      for (const Value* input : node->inputs) found |= after_contraction_.contains(input);
      if (!found) continue;
      for (const Value* output : node->outputs) after_contraction_.insert(output);
    }
  }

  /// Kept float, or in one kernel with what is: the sum in between is then not stored either.
  bool stays_float(const Node& node) const {
    if (kept_float(node)) return true;
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const Value* input) {
      if (!is_real(input) || input->producer == nullptr) return false;
      const Node& producer = *input->producer;
      return can_be_followed(producer) && !graph_.is_output(*input) &&
             graph_.users(*input).size() == 1 && is_cheap_follower(node, *input) &&
             stays_float(producer);
    });
  }

  bool works_on_integers(Node& node) const {
    if (stays_float(node) || !node.regions.empty()) return false;
    if (contraction_of(node)) return true;
    const auto is_wanted = [&](const Value* output) { return wanted_.contains(output); };
    if (!std::any_of(node.outputs.begin(), node.outputs.end(), is_wanted)) return false;
    const bool all_real = std::all_of(node.outputs.begin(), node.outputs.end(), is_real);
    // Operators that are loops of others (recurrences) stay as they are.
    const bool capable =
        node.op->kernel != nullptr || (node.op->expand != nullptr && node.outputs.size() == 1);
    if (!all_real || !capable) return false;
    if (options_.integer_io || !moved_inputs(node).empty()) return true;
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](const Value* input) { return after_contraction_.contains(input); });
  }

  void visit(Node& node) {
    if (!works_on_integers(node)) return;
    working_.insert(&node);
    for (Value* input : node.inputs) {
      if (is_real(input) && !input->is_constant()) wanted_.insert(input);
    }
  }

  /// Wanted, but one kernel with its only reader.
  bool is_inner(const Value& value) const {
    if (value.producer == nullptr || !working_.contains(value.producer)) return false;
    if (graph_.is_output(value) || !can_be_followed(*value.producer)) return false;
    const std::vector<Node*> users = graph_.users(value);
    return users.size() == 1 && working_.contains(users[0]) && is_cheap_follower(*users[0], value);
  }

  bool is_wide(const Value& value) const {
    return std::any_of(options_.int16.begin(), options_.int16.end(), [&](const std::string& name) {
      return value.name == name || (value.producer != nullptr && is_called(*value.producer, name));
    });
  }

  /// The stored value that a value becomes in the same kernel.
  const Value& stored_form(const Value& value) const {
    const Value* result = &value;
    while (wanted_.contains(result) && is_inner(*result)) {
      result = &graph_.users(*result)[0]->output();
    }
    return *result;
  }

  void store(Plan& plan, const Value& value) const {
    if (!wanted_.contains(&value)) return;
    plan.wanted.push_back(value.name);
    if (!is_inner(value)) plan.stored.push_back(value.name);
    if (is_wide(value)) plan.wide.insert(stored_form(value).name);
  }

  Plan collected() const {
    Plan plan;
    for (const Value* input : graph_.inputs) store(plan, *input);
    for (const auto& node : graph_.nodes) {
      for (const Value* output : node->outputs) store(plan, *output);
      if (!working_.contains(node.get())) continue;
      if (contraction_of(*node)) plan.contractions.insert(node->output().name);
      Movement movement;
      for (const Value* input : moved_inputs(*node)) {
        if (!input->is_constant()) movement.from.push_back(input->name);
      }
      if (movement.from.empty()) continue;
      for (const Value* output : node->outputs) movement.to.push_back(output->name);
      plan.movements.push_back(std::move(movement));
    }
    return plan;
  }

  const Graph& graph_;
  const QuantizeOptions& options_;
  std::set<const Value*> after_contraction_ = {}, wanted_ = {};
  std::set<const Node*> working_ = {};
};

/// Sets of values that share their parameters, each with the hull of what its members take.
class Sharing {
 public:
  int of(const std::string& value) {
    const auto found = index_.find(value);
    if (found == index_.end()) {
      index_[value] = static_cast<int>(parent_.size());
      parent_.push_back(static_cast<int>(parent_.size()));
    }
    int root = index_[value];
    while (parent_[static_cast<size_t>(root)] != root) root = parent_[static_cast<size_t>(root)];
    return root;
  }
  void join(const std::string& a, const std::string& b) {
    const int from = of(a), to = of(b);
    parent_[static_cast<size_t>(std::max(from, to))] = std::min(from, to);
  }

 private:
  std::map<std::string, int> index_ = {};
  std::vector<int> parent_ = {};
};

double span(const Interval& interval) {
  return interval.highest - interval.lowest;
}

}  // namespace

bool Plan::stores(const std::string& value) const {
  return std::find(stored.begin(), stored.end(), value) != stored.end();
}

bool is_called(const Node& node, const std::string& name) {
  const auto is_it = [&](const std::string& source) { return source == name; };
  if (node.name == name || std::any_of(node.sources.begin(), node.sources.end(), is_it)) {
    return true;
  }
  return std::any_of(node.outputs.begin(), node.outputs.end(),
                     [&](const Value* output) { return output->name == name; });
}

std::vector<Value*> moved_inputs(const Node& node) {
  std::vector<Value*> moved;
  if (node.op->kernel == nullptr) return moved;
  const Kernel kernel = node.op->kernel(node);
  for (const Stage& stage : kernel.stages) {
    const ExprNode* read = moved_by(stage);
    Value* input = read == nullptr ? nullptr : input_called(node, kernel, read->name);
    if (input == nullptr) return {};
    if (std::find(moved.begin(), moved.end(), input) == moved.end()) moved.push_back(input);
  }
  return moved;
}

Plan plan_quantization(const Graph& graph, const QuantizeOptions& options) {
  return Planner(graph, options).run();
}

std::map<std::string, Parameters> choose_parameters(
    const Plan& plan, const std::map<std::string, Histogram>& histograms,
    const QuantizeOptions& options) {
  std::map<std::string, Interval> own;
  for (const std::string& value : plan.stored) {
    const auto found = histograms.find(value);
    check(found != histograms.end(), "no statistics of '", value, "'");
    const DType dtype = plan.wide.contains(value) ? DType::i16 : options.activations;
    own[value] = chosen_interval(found->second, dtype, options.symmetric, options.method);
  }
  Sharing sharing;
  for (const std::string& value : plan.stored) sharing.of(value);
  for (const Movement& movement : plan.movements) {
    Interval all;
    for (const std::string& value : movement.from) {
      if (own.contains(value)) all = hull(all, own[value]);
    }
    for (const std::string& from : movement.from) {
      if (!own.contains(from)) continue;
      // Sharing with others may cost one bit of this value's steps, not more; otherwise it is
      // converted where they meet.
      if (movement.from.size() > 1 && 2 * span(own[from]) < span(all)) continue;
      for (const std::string& to : movement.to) {
        if (own.contains(to)) sharing.join(from, to);
      }
    }
  }
  std::map<int, Interval> interval;
  std::set<int> wide;
  for (const std::string& value : plan.stored) {
    const int group = sharing.of(value);
    interval[group] = interval.contains(group) ? hull(interval[group], own[value]) : own[value];
    if (plan.wide.contains(value)) wide.insert(group);
  }
  std::map<std::string, Parameters> parameters;
  for (const std::string& value : plan.stored) {
    const int group = sharing.of(value);
    const DType dtype = wide.contains(group) ? DType::i16 : options.activations;
    parameters[value] = parameters_for(interval[group], dtype, options.symmetric);
  }
  return parameters;
}

}  // namespace mlfc
