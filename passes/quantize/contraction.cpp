// Reads contractions off kernels. Where a kernel has several stages (a transposed convolution has
// one for each remainder of its stride), all must multiply the same operands.
#include "passes/quantize/contraction.h"

#include <algorithm>

#include "ir/affine.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

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

bool is_sum_of_products(const Stage& stage) {
  if (!stage.reduction || !stage.store || stage.reduction->combine != Combine::sum) return false;
  const Expr& body = stage.reduction->body;
  if (stage.reduction->dtype != DType::f32 || body->kind != ExprKind::call) return false;
  return body->function->name == "mul" && body->args[0]->kind == ExprKind::read &&
         body->args[1]->kind == ExprKind::read && body->args[0]->name != body->args[1]->name;
}

// What a sum over nothing leaves behind: the bias alone.
bool is_gap(const Stage& stage) {
  return !stage.reduction && stage.store;
}

bool find_operands(ContractionNode& contraction) {
  std::string data, weights;
  for (const Stage& stage : contraction.kernel.stages) {
    if (is_gap(stage) && &stage != &contraction.kernel.stages[0]) continue;
    if (!is_sum_of_products(stage)) return false;
    const std::vector<Expr>& factors = stage.reduction->body->args;
    if (data.empty()) {
      data = factors[0]->name;
      weights = factors[1]->name;
      contraction.data_indices = factors[0]->args;
      contraction.weight_indices = factors[1]->args;
    }
    if (factors[0]->name != data || factors[1]->name != weights) return false;
  }
  contraction.data = input_of(*contraction.node, contraction.kernel, data);
  contraction.weights = input_of(*contraction.node, contraction.kernel, weights);
  if (contraction.data < 0 || contraction.weights < 0) return false;
  const bool other_way = contraction.data_value().is_constant();
  if (other_way) {
    std::swap(contraction.data, contraction.weights);
    std::swap(contraction.data_indices, contraction.weight_indices);
  }
  contraction.weights_are_constant = contraction.weight_value().is_constant();
  return !contraction.data_value().is_constant();
}

void find_bias(ContractionNode& contraction) {
  const Stage& stage = contraction.kernel.stages[0];
  const Expr& value = stage.store->value;
  contraction.stores_sum = value->kind == ExprKind::local && value->name == stage.reduction->name;
  const Expr& init = stage.reduction->init;
  contraction.starts_at_zero = is_literal(init, 0);
  const ContractionNode::Channel channel = contraction.channel();
  const bool per_channel =
      init->kind == ExprKind::read && init->args.size() == 1 && channel.output_dim >= 0 &&
      same_index(init->args[0], stage.store->indices[static_cast<size_t>(channel.output_dim)]);
  if (!per_channel) return;
  const int input = input_of(*contraction.node, contraction.kernel, init->name);
  const bool constant = input >= 0 && contraction.node->input(input).is_constant();
  const bool read_elsewhere = input == contraction.data || input == contraction.weights;
  if (constant && !read_elsewhere) contraction.bias = input;
}

}  // namespace

bool same_index(const Expr& a, const Expr& b) {
  const std::optional<Affine> left = affine_of(a), right = affine_of(b);
  return left && right ? *left == *right : same(a, b);
}

int ContractionNode::output_dim(int dim) const {
  const std::vector<Expr>& stored = kernel.stages[0].store->indices;
  for (size_t i = 0; i < stored.size(); ++i) {
    if (same_index(weight_indices[static_cast<size_t>(dim)], stored[i])) return static_cast<int>(i);
  }
  return -1;
}

ContractionNode::Channel ContractionNode::channel() const {
  Channel best;
  int64_t most = 0;
  const Shape& shape = weight_value().type.shape;
  for (int dim = 0; dim < static_cast<int>(weight_indices.size()); ++dim) {
    const int output = output_dim(dim);
    const int64_t extent = shape[static_cast<size_t>(dim)];
    const bool fits =
        output >= 0 && node->output().type.shape[static_cast<size_t>(output)] == extent;
    if (!fits || extent <= most) continue;
    best = {dim, output};
    most = extent;
  }
  return best;
}

int ContractionNode::weight_dim_of_data(int data_dim) const {
  const Expr& index = data_indices[static_cast<size_t>(data_dim)];
  const int64_t extent = data_value().type.shape[static_cast<size_t>(data_dim)];
  for (size_t dim = 0; dim < weight_indices.size(); ++dim) {
    const bool as_many = weight_value().type.shape[dim] == extent;
    if (as_many && same_index(weight_indices[dim], index)) return static_cast<int>(dim);
  }
  return -1;
}

std::optional<ContractionNode> contraction_of(Node& node) {
  if (node.op->kernel == nullptr || node.kernel || node.outputs.size() != 1) return std::nullopt;
  ContractionNode contraction{.node = &node, .kernel = node.op->kernel(node)};
  if (contraction.kernel.stages.empty() || !find_operands(contraction)) return std::nullopt;
  find_bias(contraction);
  return contraction;
}

int free_bias_input(const ContractionNode& contraction) {
  const ContractionNode::Channel channel = contraction.channel();
  if (!contraction.starts_at_zero || !contraction.stores_sum || channel.weight_dim < 0) return -1;
  const Node& node = *contraction.node;
  const int64_t channels =
      contraction.weight_value().type.shape[static_cast<size_t>(channel.weight_dim)];
  for (size_t slot = 0; slot < node.op->inputs.size(); ++slot) {
    const bool taken = node.has_input(static_cast<int>(slot));
    if (taken || !parse_slot(node.op->inputs[slot]).optional) continue;
    Value candidate{.name = "bias", .type = {DType::f32, {channels}, {}}};
    candidate.constant = Tensor(candidate.type);
    Node trial;
    trial.op = node.op;
    trial.inputs = node.inputs;
    trial.outputs = node.outputs;
    trial.attributes = node.attributes;
    trial.inputs.resize(std::max(trial.inputs.size(), slot + 1), nullptr);
    trial.inputs[slot] = &candidate;
    const std::optional<ContractionNode> with_bias = contraction_of(trial);
    if (with_bias && with_bias->bias == static_cast<int>(slot)) return static_cast<int>(slot);
  }
  return -1;
}

}  // namespace mlfc
