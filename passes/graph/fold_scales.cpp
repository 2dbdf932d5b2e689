// Folds a per-channel x * a + b that follows a contraction with constant weights into the weights
// and the bias: batch normalization after a convolution then costs nothing.
//
// Nothing here knows an operator. The producer qualifies when its kernel is a plain sum of products
// with a constant, whose channel index is that of the output; the consumer when its value is an
// affine function of the one element it reads, with factors that depend on the channel only. New
// weights are computed in f64 and rounded once.
#include <algorithm>
#include <set>

#include "ir/affine.h"
#include "ir/error.h"
#include "ir/interpret.h"
#include "ir/operator.h"
#include "passes/graph/replace.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// x * scale + shift as expressions of f64 that do not mention x.
struct AffineForm {
  Expr scale = {}, shift = {};
};

Expr zero() {
  return real_expr(0, DType::f64);
}

bool is_zero(const Expr& expr) {
  return is_literal(expr, 0);
}

Expr sum(const Expr& a, const Expr& b) {
  return is_zero(a) ? b : is_zero(b) ? a : a + b;
}

Expr product(const Expr& a, const Expr& b) {
  return is_zero(a) || is_zero(b) ? zero() : a * b;
}

// The same computation in f64; empty where that would change what it means.
Expr in_double(const Expr& expr) {
  if (expr->kind == ExprKind::constant) {
    return expr->is_real ? real_expr(expr->real, DType::f64) : Expr();
  }
  if (expr->kind == ExprKind::read) return cast_expr(DType::f64, expr);
  if (expr->kind != ExprKind::call || expr->function->result == ResultRule::boolean) return {};
  std::vector<Expr> args;
  for (const Expr& arg : expr->args) {
    if (!is_float(arg.dtype())) return {};
    args.push_back(in_double(arg));
    if (args.back().empty()) return {};
  }
  return call_expr(*expr->function, args);
}

std::optional<AffineForm> affine_form(const Expr& expr, const std::string& x) {
  if (!reads_tensor(expr, x)) {
    const Expr constant = in_double(expr);
    if (constant.empty()) return std::nullopt;
    return AffineForm{zero(), constant};
  }
  if (expr->kind == ExprKind::read) return AffineForm{real_expr(1, DType::f64), zero()};
  if (expr->kind != ExprKind::call || expr->args.size() > 2) return std::nullopt;
  const std::string_view name = expr->function->name;
  const std::optional<AffineForm> a = affine_form(expr->args[0], x);
  if (!a) return std::nullopt;
  if (name == "neg") return AffineForm{-a->scale, -a->shift};
  if (expr->args.size() != 2) return std::nullopt;
  const std::optional<AffineForm> b = affine_form(expr->args[1], x);
  if (!b) return std::nullopt;
  if (name == "add") return AffineForm{sum(a->scale, b->scale), sum(a->shift, b->shift)};
  if (name == "sub") return AffineForm{sum(a->scale, -b->scale), sum(a->shift, -b->shift)};
  if (name == "mul" && is_zero(b->scale)) {
    return AffineForm{product(a->scale, b->shift), product(a->shift, b->shift)};
  }
  if (name == "mul" && is_zero(a->scale)) {
    return AffineForm{product(b->scale, a->shift), product(b->shift, a->shift)};
  }
  if (name == "div" && is_zero(b->scale)) {
    return AffineForm{a->scale / b->shift, is_zero(a->shift) ? zero() : a->shift / b->shift};
  }
  return std::nullopt;
}

bool same_index(const Expr& a, const Expr& b) {
  const std::optional<Affine> left = affine_of(a), right = affine_of(b);
  return left && right ? *left == *right : same(a, b);
}

// The node's input that the kernel calls `param`.
int input_of(const Node& node, const Kernel& kernel, const std::string& param) {
  size_t next = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != nullptr && kernel.inputs[next++].name == param) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

// A sum of products with a constant; see the top of the file.
struct Producer {
  Node* node = nullptr;
  Kernel kernel = {};
  int weight_input = -1;
  std::vector<Expr> weight_indices = {};
  int bias_input = -1;  ///< -1: the sum starts from 0

  const Store& store() const { return *kernel.stages[0].store; }
  const Reduction& reduction() const { return *kernel.stages[0].reduction; }
  /// The dimension of the weights that is dimension `channel` of the output; -1: none.
  int weight_dim(size_t channel) const {
    for (size_t dim = 0; dim < weight_indices.size(); ++dim) {
      if (same_index(weight_indices[dim], store().indices[channel])) return static_cast<int>(dim);
    }
    return -1;
  }
};

bool is_plain_sum(const Kernel& kernel) {
  if (kernel.stages.size() != 1 || kernel.outputs.size() != 1) return false;
  const Stage& stage = kernel.stages[0];
  if (!stage.reduction || !stage.store) return false;
  const Expr& value = stage.store->value;
  const bool stores_sum = value->kind == ExprKind::local && value->name == stage.reduction->name;
  const Expr& body = stage.reduction->body;
  const bool is_product = is_call(body, "mul");
  return stores_sum && is_product && stage.reduction->combine == Combine::sum &&
         stage.reduction->dtype == DType::f32;
}

bool find_weights(Producer& producer) {
  for (const Expr& factor : producer.reduction().body->args) {
    if (factor->kind != ExprKind::read || !factor->otherwise.empty()) continue;
    const int input = input_of(*producer.node, producer.kernel, factor->name);
    if (input < 0 || !producer.node->input(input).is_constant()) continue;
    if (reads_of(producer.kernel, factor->name).size() != 1) continue;
    producer.weight_input = input;
    producer.weight_indices = factor->args;
    return true;
  }
  return false;
}

std::optional<Producer> producer_of(const Value& value) {
  Node* node = value.producer;
  if (node == nullptr || node->op->kernel == nullptr || node->kernel || node->proc) return {};
  Producer producer{.node = node, .kernel = node->op->kernel(*node)};
  if (!is_plain_sum(producer.kernel) || !find_weights(producer)) return std::nullopt;
  const Expr& init = producer.reduction().init;
  if (is_zero(init)) return producer;
  if (init->kind != ExprKind::read) return std::nullopt;
  producer.bias_input = input_of(*node, producer.kernel, init->name);
  const bool constant = producer.bias_input >= 0 &&
                        node->input(producer.bias_input).is_constant() &&
                        reads_of(producer.kernel, init->name).size() == 1;
  if (!constant) return std::nullopt;
  return producer;
}

// The consumer's factors per channel.
struct Factors {
  size_t channel = 0;             ///< dimension of the output
  Tensor scale = {}, shift = {};  ///< f64, one element per channel
};

// Evaluates both forms over the channels, with the interpreter like everything else.
Factors evaluate(const Node& node, const Kernel& kernel, const AffineForm& form, size_t channel,
                 const std::string& axis) {
  const int64_t channels = kernel.outputs[0].type.shape[channel];
  Kernel small{.name = kernel.name, .axes = {{axis, channels}}};
  std::vector<const Tensor*> inputs;
  size_t next = 0;
  for (const Value* input : node.inputs) {
    if (input == nullptr) continue;
    const Param& param = kernel.inputs[next++];
    if (!input->is_constant()) continue;
    small.inputs.push_back(param);
    inputs.push_back(&*input->constant);
  }
  const std::vector<Expr> at = {axis_expr(axis)};
  for (const auto& [name, value] : {std::pair{"scale", form.scale}, {"shift", form.shift}}) {
    const std::string output = std::string(name) + "/folded";  // not the name of a parameter
    small.outputs.push_back({output, {DType::f64, {channels}, {}}});
    small.stages.push_back({.store = Store{output, at, value}});
  }
  std::vector<Tensor> tensors = interpret(small, inputs);
  return {channel, std::move(tensors[0]), std::move(tensors[1])};
}

// The axes that expressions outside the reads of x mention.
std::set<std::string> axes_of(const AffineForm& form) {
  std::set<std::string> names;
  for (const Expr& expr : {form.scale, form.shift}) {
    for_each(expr, [&](const Expr& part) {
      if (part->kind == ExprKind::axis) names.insert(part->name);
    });
  }
  return names;
}

std::optional<Factors> factors_of(const Node& node, const Value& x, const Producer& producer) {
  if (node.op->kernel == nullptr || node.kernel || node.proc) return std::nullopt;
  const Kernel kernel = node.op->kernel(node);
  if (!is_elementwise(kernel) || node.output().type != x.type) return std::nullopt;
  if (x.type.dtype != DType::f32) return std::nullopt;
  std::string x_name;
  size_t next = 0;
  for (const Value* input : node.inputs) {
    if (input == nullptr) continue;
    const std::string& name = kernel.inputs[next++].name;
    if (input == &x && !x_name.empty()) return std::nullopt;
    if (input == &x) x_name = name;
    if (input != &x && !input->is_constant()) return std::nullopt;
  }
  const Store& store = *kernel.stages[0].store;
  for (const Expr& read : reads_of(kernel, x_name)) {
    const bool same_element = std::equal(read->args.begin(), read->args.end(),
                                         store.indices.begin(), store.indices.end(), same);
    if (!same_element) return std::nullopt;
  }
  const std::optional<AffineForm> form = affine_form(store.value, x_name);
  if (!form || is_zero(form->scale)) return std::nullopt;
  const std::set<std::string> axes = axes_of(*form);
  if (axes.size() > 1) return std::nullopt;
  if (axes.empty()) {  // the same for all channels, so any dimension the weights share will do
    for (size_t dim = 0; dim < store.indices.size(); ++dim) {
      if (producer.weight_dim(dim) >= 0) return evaluate(node, kernel, *form, dim, "channel");
    }
    return std::nullopt;
  }
  for (size_t dim = 0; dim < store.indices.size(); ++dim) {
    const Expr& index = store.indices[dim];
    const bool is_channel = index->kind == ExprKind::axis && index->name == *axes.begin();
    if (is_channel) return evaluate(node, kernel, *form, dim, *axes.begin());
  }
  return std::nullopt;
}

Tensor scaled_weights(const Tensor& weights, int dim, const Tensor& scale) {
  Tensor result = weights;
  const Shape& shape = weights.type.shape;
  const int64_t stride = row_major_strides(shape)[dim];
  for (int64_t i = 0; i < weights.type.elements(); ++i) {
    result.set_real(i, weights.real(i) * scale.real(i / stride % shape[dim]));
  }
  return result;
}

bool is_all_zero(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    if (tensor.real(i) != 0) return false;
  }
  return true;
}

// A bias where there was none: the optional input whose presence turns the initial value of the sum
// into a read at the channel. -1 when the operator has no such input.
int bias_slot(const Producer& producer, size_t channel, int64_t channels) {
  const Operator& op = *producer.node->op;
  for (size_t slot = 0; slot < op.inputs.size(); ++slot) {
    const bool free_slot =
        parse_slot(op.inputs[slot]).optional && !producer.node->has_input(static_cast<int>(slot));
    if (!free_slot) continue;
    Value candidate{.name = "bias", .type = {DType::f32, {channels}, {}}};
    candidate.constant = Tensor(candidate.type);
    Node trial;
    trial.op = &op;
    trial.inputs = producer.node->inputs;
    trial.outputs = producer.node->outputs;
    trial.attributes = producer.node->attributes;
    trial.inputs.resize(std::max(trial.inputs.size(), slot + 1), nullptr);
    trial.inputs[slot] = &candidate;
    const Kernel kernel = op.kernel(trial);
    if (!is_plain_sum(kernel)) continue;
    const Expr& init = kernel.stages[0].reduction->init;
    const bool is_bias = init->kind == ExprKind::read && init->args.size() == 1 &&
                         input_of(trial, kernel, init->name) == static_cast<int>(slot) &&
                         same_index(init->args[0], kernel.stages[0].store->indices[channel]) &&
                         same(kernel.stages[0].reduction->body, producer.reduction().body);
    if (is_bias) return static_cast<int>(slot);
  }
  return -1;
}

// The new bias: scale * bias + shift. Nullopt when the old one does not have one element a channel.
std::optional<Tensor> new_bias(const Producer& producer, const Factors& factors) {
  Tensor bias(TensorType{DType::f32, factors.scale.type.shape, {}});
  const Tensor* old = nullptr;
  if (producer.bias_input >= 0) {
    const Expr& init = producer.reduction().init;
    old = &*producer.node->input(producer.bias_input).constant;
    const bool per_channel = init->args.size() == 1 && old->type == bias.type &&
                             same_index(init->args[0], producer.store().indices[factors.channel]);
    if (!per_channel) return std::nullopt;
  }
  for (int64_t i = 0; i < bias.type.elements(); ++i) {
    const double before = old == nullptr ? 0 : old->real(i);
    bias.set_real(i, before * factors.scale.real(i) + factors.shift.real(i));
  }
  return bias;
}

bool reads_else_only_constants(const Node& node, const Value& x) {
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Value* input) {
    return input == nullptr || input == &x || input->is_constant();
  });
}

bool fold_into_producer(Graph& graph, Node& consumer, Value& x) {
  if (graph.is_output(x) || !reads_else_only_constants(consumer, x)) return false;
  std::optional<Producer> producer = producer_of(x);
  if (!producer) return false;
  Node& node = *producer->node;
  Value& weights = node.input(producer->weight_input);
  const std::optional<Factors> factors = factors_of(consumer, x, *producer);
  if (!factors) return false;
  // Looking for users walks the whole graph: last. Two scaled copies of weights would cost memory.
  if (graph.users(x).size() != 1 || graph.users(weights).size() != 1) return false;
  const int dim = producer->weight_dim(factors->channel);
  const std::optional<Tensor> bias = new_bias(*producer, *factors);
  const bool fits = dim >= 0 && bias && weights.type.shape[dim] == factors->scale.type.shape[0] &&
                    weights.type.dtype == DType::f32;
  if (!fits) return false;
  int slot = producer->bias_input;
  if (slot < 0 && !is_all_zero(*bias)) {
    slot = bias_slot(*producer, factors->channel, bias->type.shape[0]);
    if (slot < 0) return false;
  }
  node.inputs[producer->weight_input] =
      &graph.add_constant(weights.name, scaled_weights(*weights.constant, dim, factors->scale));
  if (slot >= 0) {
    node.inputs.resize(std::max(node.inputs.size(), static_cast<size_t>(slot) + 1), nullptr);
    const Value* old = node.inputs[slot];
    node.inputs[slot] = &graph.add_constant(old == nullptr ? x.name + "/bias" : old->name, *bias);
  }
  node.sources.insert(node.sources.end(), consumer.sources.begin(), consumer.sources.end());
  replace_value(graph, consumer.output(), x, true);
  graph.erase(consumer);
  return true;
}

void fold_scales(Graph& graph, const PassContext& context) {
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& consumer = **place++;
    for (const auto& region : consumer.regions) fold_scales(*region, context);
    if (consumer.outputs.size() != 1) continue;
    for (size_t i = 0; i < consumer.inputs.size(); ++i) {
      Value* x = consumer.inputs[i];
      if (x != nullptr && fold_into_producer(graph, consumer, *x)) break;
    }
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "fold-scales",
    .level = Level::graph,
    .summary = "Fold a per-channel scale and shift into the weights before it.",
    .run = fold_scales,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
