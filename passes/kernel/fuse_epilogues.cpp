// Folds an elementwise consumer into the kernel that feeds it: conv -> relu becomes one kernel
// whose epilogue applies the relu. Saves one round trip through memory per fused operator.
//
// The consumer may read other tensors (a residual, a scale): they become inputs of the joint
// kernel, which runs where the consumer stood. Producers that store from several stages, as
// transposed convolutions do, or to computed places, as convolutions in groups do, take it in too:
// each element is stored once, and the consumer's value is made there.
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

// The stores to the producer's one result; none when there are several results or when it reads
// elements of its result again.
template <typename AnyKernel>
auto result_stores(AnyKernel& kernel) {
  std::vector<decltype(&*kernel.stages.back().store)> stores;
  if (kernel.outputs.size() != 1) return stores;
  const std::string& result = kernel.outputs[0].name;
  if (!reads_of(kernel, result).empty()) return stores;
  for (auto& stage : kernel.stages) {
    if (stage.store && stage.store->target == result) stores.push_back(&*stage.store);
  }
  return stores;
}

// How the consumer's axes follow from the producer's: the consumer reads element y[a, b, 0] where
// the producer stores y[i, 2 * j, 0], hence a is i and b is 2 * j. Empty when the reads do not pair
// up.
std::optional<AxisMap> matching_axes(const Kernel& producer, const Store& store,
                                     const Kernel& consumer, const std::string& operand) {
  const std::vector<Expr>& stored = store.indices;
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
  return std::all_of(kernel.stages.begin(), kernel.stages.end(), [](const Stage& stage) {
    return !stage.reduction && stage.store && stage.store->value->kind == ExprKind::read &&
           stage.store->value->otherwise.empty();
  });
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
  if (!producer.kernel || producer.is_free || only_moves_data(*producer.kernel)) return false;
  if (graph.is_output(between) || places.uses(between) != 1) return false;
  const std::string operand = param_of(consumer, *consumer.kernel, between);
  const auto reads = static_cast<int64_t>(reads_of(*consumer.kernel, operand).size());
  const auto stores = result_stores(*producer.kernel);
  const bool takes_it_in = std::all_of(stores.begin(), stores.end(), [&](const Store* store) {
    const bool computes_twice = reads > 1 && is_expensive(store->value);
    return !computes_twice && reads * size_of(store->value) <= kMostExpressionNodes &&
           matching_axes(*producer.kernel, *store, *consumer.kernel, operand);
  });
  return takes_it_in && !stores.empty();
}

// What the consumer stores, with its read of `operand` replaced by what the producer would have
// stored.
Store joined(const Store& store, const Store& wanted, const std::string& operand,
             const AxisMap& axes) {
  const auto translate = [&](const Expr& expr) {
    return rewritten(substituted(expr, axes), [&](const Expr& part) -> Expr {
      return part->kind == ExprKind::read && part->name == operand ? store.value : Expr();
    });
  };
  std::vector<Expr> indices;
  for (const Expr& index : wanted.indices) indices.push_back(translate(index));
  return Store{store.target, std::move(indices), translate(wanted.value)};
}

void join_kernels(Kernel& producer, const Kernel& consumer, const std::string& operand) {
  for (Store* store : result_stores(producer)) {
    const AxisMap axes = matching_axes(producer, *store, consumer, operand).value();
    *store = joined(*store, *consumer.stages.back().store, operand, axes);
  }
  producer.outputs[0].type = consumer.outputs[0].type;
  producer.name += "_" + consumer.name;
}

void fuse(Graph& graph, Places& places, Node& producer, Node& consumer, const Value& between) {
  Kernel consumer_kernel = *consumer.kernel;
  places.forget_inputs(producer);
  places.forget_inputs(consumer);
  // Parameters first: names of the consumer may change. `between` gets a name nobody else has.
  const std::string operand = "%between";
  rename_param(consumer_kernel, param_of(consumer, consumer_kernel, between), operand);
  join_inputs(*producer.kernel, producer, consumer_kernel, consumer, between);
  join_kernels(*producer.kernel, consumer_kernel, operand);
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
}

// The joint node; null when nothing could be fused.
Node* fuse_into_some_producer(Graph& graph, Places& places, Node& consumer) {
  const bool is_candidate =
      consumer.kernel && is_elementwise(*consumer.kernel) && !consumer.is_free;
  if (!is_candidate) return nullptr;
  for (Value* input : consumer.inputs) {
    if (input == nullptr || input->producer == nullptr) continue;
    Node& producer = *input->producer;
    if (may_fuse(graph, places, producer, consumer, *input)) {
      fuse(graph, places, producer, consumer, *input);
      return &producer;
    }
  }
  return nullptr;
}

void fuse_epilogues(Graph& graph, const PassContext&) {
  Places places(graph);
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    // Two readers of one value may have become one, which then goes on: x * sigmoid(x) after a sum.
    Node* consumer = (place++)->get();
    while (consumer != nullptr) consumer = fuse_into_some_producer(graph, places, *consumer);
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
