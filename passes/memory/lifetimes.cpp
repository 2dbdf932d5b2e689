// Lifetimes by one walk over the nodes.
#include "passes/memory/lifetimes.h"

#include <algorithm>

#include "ir/error.h"

namespace mlfc {
namespace {

// Values of the outer graph that regions read.
void captured(const Graph& region, std::vector<const Value*>& values) {
  for (const auto& node : region.nodes) {
    values.insert(values.end(), node->inputs.begin(), node->inputs.end());
    for (const auto& inner : node->regions) captured(*inner, values);
  }
  values.insert(values.end(), region.outputs.begin(), region.outputs.end());
}

}  // namespace

Lifetimes::Lifetimes(const Graph& graph) : steps_(static_cast<int>(graph.nodes.size())) {
  for (const Value* input : graph.inputs) touch(*input, -1);
  int step = 0;
  for (const auto& node : graph.nodes) {
    step_[node.get()] = step;
    std::vector<const Value*> touched(node->inputs.begin(), node->inputs.end());
    touched.insert(touched.end(), node->outputs.begin(), node->outputs.end());
    touched.insert(touched.end(), node->scratch.begin(), node->scratch.end());
    for (const auto& region : node->regions) captured(*region, touched);
    for (const Value* value : touched) {
      if (value != nullptr) touch(*value, step);
    }
    ++step;
  }
  for (const Value* output : graph.outputs) touch(*output, steps_);
  for (const auto& value : graph.values) {
    const bool ours = value->inside == nullptr && !value->is_constant() &&
                      !graph.is_input(*value) && !graph.is_output(*value);
    if (ours && is_used(*value)) to_place_.push_back(value.get());
  }
}

void Lifetimes::touch(const Value& value, int step) {
  const Value& root = storage_of(value);
  const auto [place, fresh] = by_root_.try_emplace(&root, Lifetime{step, step});
  if (fresh) return;
  place->second.first = std::min(place->second.first, step);
  place->second.last = std::max(place->second.last, step);
}

void Lifetimes::join(const Value& root, const Value& value) {
  const auto joined = by_root_.find(&value);
  if (joined == by_root_.end()) return;
  const Lifetime life = joined->second;
  by_root_.erase(joined);
  Lifetime& whole = by_root_.try_emplace(&root, life).first->second;
  whole.first = std::min(whole.first, life.first);
  whole.last = std::max(whole.last, life.last);
}

int Lifetimes::step_of(const Node& node) const {
  const auto found = step_.find(&node);
  check(found != step_.end(), describe(node), " has no step");
  return found->second;
}

const Lifetime& Lifetimes::of(const Value& root) const {
  const auto found = by_root_.find(&root);
  check(found != by_root_.end(), describe(root), " has no lifetime");
  return found->second;
}

Readers::Readers(const Graph& graph) {
  for (const auto& node : graph.nodes) {
    std::vector<const Value*> read(node->inputs.begin(), node->inputs.end());
    for (const auto& region : node->regions) captured(*region, read);
    for (const Value* value : read) {
      if (value != nullptr) readers_[value].push_back(node.get());
    }
  }
}

const std::vector<const Node*>& Readers::of(const Value& value) const {
  static const std::vector<const Node*> none;
  const auto found = readers_.find(&value);
  return found == readers_.end() ? none : found->second;
}

bool needs_plain_storage(const Readers& readers, const Value& value) {
  const auto is_foreign = [](const Node* node) { return !node->kernel && !node->is_free; };
  if (value.producer != nullptr && is_foreign(value.producer)) return true;
  const std::vector<const Node*>& users = readers.of(value);
  return std::any_of(users.begin(), users.end(), is_foreign);
}

void sync_param_types(Node& node) {
  if (!node.kernel) return;
  size_t position = 0;
  for (const Value* input : node.inputs) {
    if (input == nullptr) continue;
    Param& param = node.kernel->inputs.at(position++);
    param.type.layout = input->type.layout;
    param.is_constant = input->is_constant();
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    node.kernel->outputs.at(i).type.layout = node.outputs[i]->type.layout;
  }
}

}  // namespace mlfc
