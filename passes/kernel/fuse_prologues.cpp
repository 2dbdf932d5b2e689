// Lets a kernel read through a producer that only moves data: pad -> conv becomes a convolution
// whose reads have the padding as their out-of-range value. The padded copy is never made.
//
// A producer that fills its tensor with one value is read through as that value, by any number of
// consumers: the tensor is never made.
//
// A read of y[r] becomes the producer's read x[g(r)]. Where the consumer itself may read outside y,
// the two out-of-range values must agree and outside y must mean outside x.
#include <algorithm>

#include "ir/affine.h"
#include "ir/operator.h"
#include "passes/kernel/fusion.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// The producer's one read when all it does is y[i...] = x[g(i...)].
std::optional<Expr> moved_read(const Kernel& kernel) {
  if (!is_elementwise(kernel) || !stores_by_plain_axes(kernel)) return std::nullopt;
  const Expr& value = kernel.stages[0].store->value;
  if (value->kind != ExprKind::read) return std::nullopt;
  const bool constant_outside =
      value->otherwise.empty() || value->otherwise->kind == ExprKind::constant;
  return constant_outside ? std::optional(value) : std::nullopt;
}

// Values of y's index `axis` (extent `size`) outside y give indices outside x: x's index is
// axis + shift with 0 <= -shift and size reaching past x's end.
bool outside_means_outside(const Expr& index, const std::string& axis, int64_t size,
                           int64_t source_size) {
  const std::optional<Affine> affine = affine_of(index);
  const bool shifted = affine && affine->coefficients.size() == 1 && affine->of(axis) == 1;
  return shifted && affine->constant <= 0 && size + affine->constant >= source_size;
}

bool guards_agree(const Kernel& producer, const Expr& moved, const Expr& consumer_read) {
  if (consumer_read->otherwise.empty()) return true;
  if (moved->otherwise.empty() || !same(moved->otherwise, consumer_read->otherwise)) return false;
  const Store& store = *producer.stages[0].store;
  const Param& source = *find_param(producer, moved->name);
  for (size_t dim = 0; dim < store.indices.size(); ++dim) {
    const Expr& stored = store.indices[dim];
    if (stored->kind != ExprKind::axis) return false;
    const bool fits =
        dim < moved->args.size() &&
        outside_means_outside(moved->args[dim], stored->name, producer.outputs[0].type.shape[dim],
                              source.type.shape[dim]);
    if (!fits) return false;
  }
  return true;
}

// The consumer's read of y at its indices, as a read of x.
Expr composed(const Kernel& producer, const Expr& moved, const Expr& consumer_read) {
  const Store& store = *producer.stages[0].store;
  AxisMap axes;
  for (size_t dim = 0; dim < store.indices.size(); ++dim) {
    if (store.indices[dim]->kind == ExprKind::axis) {
      axes.emplace_back(store.indices[dim]->name, consumer_read->args[dim]);
    }
  }
  std::vector<Expr> indices;
  for (const Expr& index : moved->args) {
    const Expr replaced = substituted(index, axes);
    const std::optional<Affine> affine = affine_of(replaced);
    indices.push_back(affine ? to_expr(*affine) : replaced);
  }
  return read_expr(moved->name, moved.dtype(), std::move(indices), moved->otherwise);
}

// Only data movement that costs a real copy is worth it; what can be a view will be one. Places
// that have to be looked up are looked up once an element.
bool is_worth_fusing(const Expr& moved, const Kernel& consumer, size_t reads) {
  const bool affine = std::all_of(moved->args.begin(), moved->args.end(),
                                  [](const Expr& index) { return affine_of(index).has_value(); });
  if (!affine) return is_elementwise(consumer) && reads == 1;
  return !moved->otherwise.empty() || is_elementwise(consumer);
}

bool read_through(Node& consumer, const Node& producer, Value& between) {
  const std::optional<Expr> moved = moved_read(*producer.kernel);
  Kernel kernel = *consumer.kernel;
  const std::string operand = param_of(consumer, kernel, between);
  const std::vector<Expr> reads = reads_of(kernel, operand);
  if (!moved || !is_worth_fusing(*moved, kernel, reads.size())) return false;
  const bool fits = std::all_of(reads.begin(), reads.end(), [&](const Expr& read) {
    return guards_agree(*producer.kernel, *moved, read);
  });
  if (!fits || reads.empty()) return false;

  rename_param(kernel, operand, "%between");
  std::erase_if(kernel.inputs, [](const Param& param) { return param.name == "%between"; });
  std::erase(consumer.inputs, nullptr);
  std::erase(consumer.inputs, &between);
  Kernel producer_kernel = *producer.kernel;
  join_inputs(kernel, consumer, producer_kernel, producer, between);
  const Expr read = producer_kernel.stages[0].store->value;
  rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
    const bool is_operand = part->kind == ExprKind::read && part->name == "%between";
    return is_operand ? composed(producer_kernel, read, part) : Expr();
  });
  consumer.kernel = std::move(kernel);
  consumer.sources.insert(consumer.sources.begin(), producer.sources.begin(),
                          producer.sources.end());
  return true;
}

// Concatenations and the like want their input as storage, not as a value.
bool is_only_copied(const Kernel& kernel) {
  return std::all_of(kernel.stages.begin(), kernel.stages.end(), [](const Stage& stage) {
    return !stage.reduction && stage.store && stage.store->value->kind == ExprKind::read;
  });
}

// The one value of a tensor that holds nothing else.
std::optional<Expr> uniform_value(const Node& producer) {
  if (!is_elementwise(*producer.kernel) || !producer.kernel->inputs.empty()) return std::nullopt;
  const Expr& value = producer.kernel->stages[0].store->value;
  return value->kind == ExprKind::constant ? std::optional(value) : std::nullopt;
}

bool read_as_value(Node& consumer, const Node& producer, Value& between) {
  const std::optional<Expr> value = uniform_value(producer);
  if (!value) return false;
  Kernel& kernel = *consumer.kernel;
  const std::string operand = param_of(consumer, kernel, between);
  const std::vector<Expr> reads = reads_of(kernel, operand);
  const bool plain = std::all_of(reads.begin(), reads.end(),
                                 [](const Expr& read) { return read->otherwise.empty(); });
  if (!plain || is_only_copied(kernel)) return false;
  rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
    return part->kind == ExprKind::read && part->name == operand ? *value : Expr();
  });
  std::erase_if(kernel.inputs, [&](const Param& param) { return param.name == operand; });
  std::erase(consumer.inputs, nullptr);
  std::erase(consumer.inputs, &between);
  return true;
}

void read_uniform_inputs(Graph& graph, Node& node) {
  for (size_t i = 0; i < node.inputs.size();) {
    Value* input = node.inputs[i];
    const bool candidate = input != nullptr && input->producer != nullptr &&
                           input->producer->kernel && !graph.is_output(*input);
    const bool replaced = candidate && read_as_value(node, *input->producer, *input);
    if (!replaced) ++i;
  }
}

void fuse_prologues(Graph& graph, const PassContext&) {
  for (const auto& node : graph.nodes) {
    if (!node->kernel) continue;
    read_uniform_inputs(graph, *node);
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      Value* input = node->inputs[i];
      if (input == nullptr || input->producer == nullptr || !input->producer->kernel) continue;
      if (!moved_read(*input->producer->kernel)) continue;
      if (graph.is_output(*input) || graph.users(*input).size() != 1) continue;
      if (read_through(*node, *input->producer, *input)) i = static_cast<size_t>(-1);
    }
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "fuse-prologues",
    .level = Level::kernel,
    .summary = "Let kernels read through producers that only move data.",
    .run = fuse_prologues,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
