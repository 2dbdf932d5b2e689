// Puts nodes into an order in which they can run. ONNX demands that order of models, but exporters
// get it wrong; the model's own order is kept wherever it is legal.
#include <functional>
#include <queue>
#include <set>

#include "frontend/onnx/model.h"

namespace mlfc {
namespace {

/// Calls `use` with every name a node reads, names that its sub-graphs take from outside included.
void for_each_use(const onnx::NodeProto& node, const std::function<void(const std::string&)>& use,
                  int depth = 0) {
  if (depth > max_depth) return;  // refused with a message when the region is converted
  for (const std::string& input : node.input()) {
    if (!input.empty()) use(input);
  }
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    std::set<std::string> own;
    for (const auto& input : attribute.g().input()) own.insert(input.name());
    for (const auto& initialiser : attribute.g().initializer()) own.insert(initialiser.name());
    for (const auto& inner : attribute.g().node()) {
      own.insert(inner.output().begin(), inner.output().end());
    }
    const auto use_outer = [&](const std::string& name) {
      if (!own.contains(name)) use(name);
    };
    for (const auto& inner : attribute.g().node()) for_each_use(inner, use_outer, depth + 1);
    for (const auto& output : attribute.g().output()) use_outer(output.name());
  }
}

struct Dependencies {
  std::vector<std::vector<int>> users = {};
  std::vector<int> waits_for = {};  ///< number of uses not yet available
};

Dependencies dependencies_of(const NodeProtos& nodes) {
  std::map<std::string, int> producer;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& output : nodes[i].output()) {
      if (!output.empty()) producer.emplace(output, i);
    }
  }
  Dependencies result;
  result.users.resize(static_cast<size_t>(nodes.size()));
  result.waits_for.resize(static_cast<size_t>(nodes.size()));
  for (int i = 0; i < nodes.size(); ++i) {
    for_each_use(nodes[i], [&](const std::string& name) {
      const auto found = producer.find(name);
      if (found == producer.end()) return;
      result.users[static_cast<size_t>(found->second)].push_back(i);
      ++result.waits_for[static_cast<size_t>(i)];
    });
  }
  return result;
}

/// Every node that still waits has a predecessor that waits; walking back from any of them must
/// meet a node twice, and the nodes between the two meetings are a cycle.
[[noreturn]] void fail_on_cycle(const NodeProtos& nodes, const Dependencies& dependencies,
                                const Model& model) {
  std::vector<int> waiting_predecessor(static_cast<size_t>(nodes.size()), -1);
  int start = -1;
  for (int i = 0; i < nodes.size(); ++i) {
    if (dependencies.waits_for[static_cast<size_t>(i)] == 0) continue;
    start = i;
    for (const int user : dependencies.users[static_cast<size_t>(i)]) {
      waiting_predecessor[static_cast<size_t>(user)] = i;
    }
  }
  std::set<int> seen;
  int node = start;
  while (seen.insert(node).second) node = waiting_predecessor[static_cast<size_t>(node)];
  std::string names;
  const int first = node;
  int listed = 0;
  do {
    if (listed < 8) names = label_of(nodes[node]) + (listed > 0 ? " -> " : "") + names;
    ++listed;
    node = waiting_predecessor[static_cast<size_t>(node)];
  } while (node != first);
  fail(model.file, "the graph is cyclic: ", listed > 8 ? "... -> " : "", names,
       listed > 1 ? " and back" : " reads its own output",
       "; a model with feedback needs Loop or Scan");
}

}  // namespace

std::vector<int> execution_order(const NodeProtos& nodes, const Model& model) {
  Dependencies dependencies = dependencies_of(nodes);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < nodes.size(); ++i) {
    if (dependencies.waits_for[static_cast<size_t>(i)] == 0) ready.push(i);
  }
  std::vector<int> order;
  order.reserve(static_cast<size_t>(nodes.size()));
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    order.push_back(node);
    for (const int user : dependencies.users[static_cast<size_t>(node)]) {
      if (--dependencies.waits_for[static_cast<size_t>(user)] == 0) ready.push(user);
    }
  }
  if (static_cast<int>(order.size()) < nodes.size()) fail_on_cycle(nodes, dependencies, model);
  return order;
}

}  // namespace mlfc
