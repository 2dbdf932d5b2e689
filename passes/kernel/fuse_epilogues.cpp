// Folds an elementwise consumer into the kernel that feeds it: conv -> relu becomes one kernel
// whose epilogue applies the relu. Saves one round trip through memory per fused operator.
//
// The consumer may read other tensors (a residual, a scale): they become inputs of the joint
// kernel, which runs where the consumer stood.
#include <algorithm>
#include <unordered_map>

#include "ir/operator.h"
#include "passes/kernel/fusion.h"
#include "passes/memory/lifetimes.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// Substituted values larger than this are left in a tensor: the text would grow without bound when
// a chain of consumers each reads its operand several times.
constexpr int64_t kMostExpressionNodes = 160;

// How the consumer's axes follow from the producer's: the consumer reads element y[a, b, 0] where
// the producer stores y[i, j, 0], hence a is i and b is j. Empty when the reads do not pair up.
std::optional<AxisMap> matching_axes(const Kernel& producer, const Kernel& consumer,
                                     const std::string& operand) {
  const std::vector<Expr>& stored = producer.stages.back().store->indices;
  const std::vector<Expr> reads = reads_of(consumer, operand);
  if (reads.empty()) return std::nullopt;
  AxisMap axes;
  for (size_t dim = 0; dim < stored.size(); ++dim) {
    const Expr& index = reads.front()->args[dim];
    if (is_literal(index, 0) && is_literal(stored[dim], 0)) continue;
    if (index->kind != ExprKind::axis) return std::nullopt;
    const bool repeats = std::any_of(axes.begin(), axes.end(),
                                     [&](const auto& pair) { return pair.first == index->name; });
    const bool same_extent =
        find_axis(consumer, index->name)->extent == producer.outputs[0].type.shape[dim];
    if (repeats || !same_extent) return std::nullopt;
    axes.emplace_back(index->name, stored[dim]);
  }
  const bool all_alike = std::all_of(reads.begin(), reads.end(), [&](const Expr& read) {
    return same(read, reads.front()) && read->otherwise.empty();
  });
  const bool complete = axes.size() == consumer.axes.size();
  return all_alike && complete ? std::optional(axes) : std::nullopt;
}

// A kernel that only moves elements may become a view and cost nothing; fusing would make it work.
bool only_moves_data(const Kernel& kernel) {
  const Expr& value = kernel.stages.back().store->value;
  return is_elementwise(kernel) && value->kind == ExprKind::read && value->otherwise.empty();
}

// Where nodes stand and how often values are read, kept up to date: asking the graph takes a walk
// over all of it each time.
class Places {
 public:
  explicit Places(Graph& graph) {
    for (auto place = graph.nodes.begin(); place != graph.nodes.end(); ++place) {
      positions_.emplace(place->get(), place);
    }
    const Readers readers(graph);
    for (const auto& value : graph.values) uses_[value.get()] = readers.of(*value).size();
  }

  Graph::Position position(const Node& node) const { return positions_.at(&node); }
  size_t uses(const Value& value) const {
    const auto found = uses_.find(&value);
    return found == uses_.end() ? 0 : found->second;
  }
  void forget_inputs(const Node& node) {
    for (const Value* input : node.inputs) --uses_[input];
  }
  void count_inputs(const Node& node) {
    for (const Value* input : node.inputs) ++uses_[input];
  }

 private:
  std::unordered_map<const Node*, Graph::Position> positions_;
  std::unordered_map<const Value*, size_t> uses_;
};

bool may_fuse(const Graph& graph, const Places& places, const Node& producer, const Node& consumer,
              const Value& between) {
  if (!producer.kernel || producer.is_free || !stores_by_plain_axes(*producer.kernel)) return false;
  if (only_moves_data(*producer.kernel)) return false;
  const std::string operand = param_of(consumer, *consumer.kernel, between);
  const Expr& value = producer.kernel->stages.back().store->value;
  const auto reads = static_cast<int64_t>(reads_of(*consumer.kernel, operand).size());
  const bool computes_twice = reads > 1 && is_expensive(value);
  if (computes_twice || reads * size_of(value) > kMostExpressionNodes) return false;
  return !graph.is_output(between) && places.uses(between) == 1;
}

// The joint kernel: the consumer's value with its read of `operand` replaced by what the producer
// would have stored.
Kernel joined(Kernel producer, const Kernel& consumer, const std::string& operand,
              const AxisMap& axes) {
  Store& store = producer.stages.back().store.value();
  const Expr replaced_value = store.value;
  const Store& wanted = *consumer.stages.back().store;
  const auto translate = [&](const Expr& expr) {
    return rewritten(substituted(expr, axes), [&](const Expr& part) -> Expr {
      return part->kind == ExprKind::read && part->name == operand ? replaced_value : Expr();
    });
  };
  std::vector<Expr> indices;
  for (const Expr& index : wanted.indices) indices.push_back(translate(index));
  producer.outputs[0].type = consumer.outputs[0].type;
  store = Store{producer.outputs[0].name, std::move(indices), translate(wanted.value)};
  producer.name += "_" + consumer.name;
  return producer;
}

bool fuse(Graph& graph, Places& places, Node& producer, Node& consumer, const Value& between) {
  Kernel consumer_kernel = *consumer.kernel;
  Kernel producer_kernel = *producer.kernel;
  const std::string before = param_of(consumer, consumer_kernel, between);
  if (!matching_axes(producer_kernel, consumer_kernel, before)) return false;
  places.forget_inputs(producer);
  places.forget_inputs(consumer);
  // Parameters first: names of the consumer may change. `between` gets a name nobody else has.
  const std::string operand = "%between";
  rename_param(consumer_kernel, before, operand);
  join_inputs(producer_kernel, producer, consumer_kernel, consumer, between);
  const AxisMap axes = *matching_axes(producer_kernel, consumer_kernel, operand);
  producer.kernel = joined(std::move(producer_kernel), consumer_kernel, operand, axes);
  producer.sources.insert(producer.sources.end(), consumer.sources.begin(), consumer.sources.end());

  // The joint node stands where the consumer stood and makes what the consumer made.
  const Graph::Position here = places.position(consumer);
  graph.nodes.splice(here, graph.nodes, places.position(producer));
  const std::vector<Value*> results = consumer.outputs;
  producer.outputs = results;
  for (Value* result : results) result->producer = &producer;
  graph.nodes.erase(here);
  places.count_inputs(producer);
  graph.erase_value(between);
  return true;
}

bool fuse_into_some_producer(Graph& graph, Places& places, Node& consumer) {
  for (Value* input : consumer.inputs) {
    if (input == nullptr || input->producer == nullptr) continue;
    Node& producer = *input->producer;
    if (may_fuse(graph, places, producer, consumer, *input) &&
        fuse(graph, places, producer, consumer, *input)) {
      return true;
    }
  }
  return false;
}

void fuse_epilogues(Graph& graph, const PassContext&) {
  Places places(graph);
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& consumer = **place++;
    const bool is_candidate =
        consumer.kernel && is_elementwise(*consumer.kernel) && !consumer.is_free;
    if (is_candidate) fuse_into_some_producer(graph, places, consumer);
  }
}

const Pass pass{
    .name = "fuse-epilogues",
    .level = Level::kernel,
    .summary = "Fold an elementwise consumer into the kernel that feeds it.",
    .run = fuse_epilogues,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
