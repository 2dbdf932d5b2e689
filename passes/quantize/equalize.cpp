// Finds pairs of contractions joined by positively homogeneous nodes, and balances the ranges of
// their weights channel by channel until nothing moves any more.
#include "passes/quantize/equalize.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ir/operator.h"
#include "passes/quantize/contraction.h"

namespace mlfc {
namespace {

/// True for f with f(s * x) = s * f(x), s > 0, x the only tensor read.
bool is_homogeneous(const Expr& expr) {
  if (expr->kind == ExprKind::read) return true;
  if (is_literal(expr, 0)) return true;
  if (expr->kind != ExprKind::call) return false;
  const std::string_view name = expr->function->name;
  const auto& args = expr->args;
  if (name == "max" || name == "min" || name == "add" || name == "sub") {
    return is_homogeneous(args[0]) && is_homogeneous(args[1]);
  }
  if (name == "mul") {
    const bool left = args[0]->kind == ExprKind::constant,
               right = args[1]->kind == ExprKind::constant;
    return (left && is_homogeneous(args[1])) || (right && is_homogeneous(args[0]));
  }
  return name == "neg" && is_homogeneous(args[0]);
}

bool passes_scales(const Node& node) {
  if (node.op->kernel == nullptr || node.outputs.size() != 1) return false;
  const Kernel kernel = node.op->kernel(node);
  const bool one_operand = kernel.inputs.size() == 1;
  const bool same_shape =
      one_operand && kernel.inputs[0].type.shape == kernel.outputs[0].type.shape;
  return same_shape && is_elementwise(kernel) && is_homogeneous(kernel.stages[0].store->value);
}

struct Pair {
  ContractionNode first = {}, second = {};
  int first_dim = 0, second_dim = 0;  ///< dimension of the channel in each one's weights
};

/// The only node that reads the value, and nobody outside.
Node* only_user(const Graph& graph, const Value& value) {
  if (graph.is_output(value)) return nullptr;
  const std::vector<Node*> users = graph.users(value);
  return users.size() == 1 ? users[0] : nullptr;
}

bool can_be_scaled(const Graph& graph, const ContractionNode& contraction) {
  return contraction.weights_are_constant && graph.users(contraction.weight_value()).size() == 1;
}

std::optional<Pair> pair_from(const Graph& graph, Node& node) {
  std::optional<ContractionNode> first = contraction_of(node);
  if (!first || !can_be_scaled(graph, *first) || !first->stores_sum) return std::nullopt;
  const bool scales_bias =
      first->starts_at_zero ||
      (first->bias >= 0 && graph.users(first->node->input(first->bias)).size() == 1);
  const ContractionNode::Channel channel = first->channel();
  if (!scales_bias || channel.weight_dim < 0) return std::nullopt;
  const Value* value = &node.output();
  Node* user = only_user(graph, *value);
  while (user != nullptr && passes_scales(*user)) {
    value = &user->output();
    user = only_user(graph, *value);
  }
  if (user == nullptr) return std::nullopt;
  std::optional<ContractionNode> second = contraction_of(*user);
  const bool fits = second && can_be_scaled(graph, *second) && &second->data_value() == value;
  if (!fits || !second->weights_are_constant) return std::nullopt;
  const int second_dim = second->weight_dim_of_data(channel.output_dim);
  if (second_dim < 0) return std::nullopt;
  return Pair{std::move(*first), std::move(*second), channel.weight_dim, second_dim};
}

std::vector<double> ranges(const Tensor& weights, int dim) {
  const int64_t stride = row_major_strides(weights.type.shape)[static_cast<size_t>(dim)];
  const int64_t extent = weights.type.shape[static_cast<size_t>(dim)];
  std::vector<double> largest(static_cast<size_t>(extent), 0.0);
  for (int64_t i = 0; i < weights.type.elements(); ++i) {
    double& entry = largest[static_cast<size_t>(i / stride % extent)];
    entry = std::max(entry, std::fabs(weights.real(i)));
  }
  return largest;
}

void multiply(Tensor& tensor, int dim, const std::vector<double>& factors) {
  const int64_t stride = row_major_strides(tensor.type.shape)[static_cast<size_t>(dim)];
  const int64_t extent = tensor.type.shape[static_cast<size_t>(dim)];
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    tensor.set_real(i, tensor.real(i) * factors[static_cast<size_t>(i / stride % extent)]);
  }
}

/// Returns how far the farthest factor was from 1, as a logarithm.
double balance(Pair& pair) {
  Tensor& first = *pair.first.weight_value().constant;
  Tensor& second = *pair.second.weight_value().constant;
  const std::vector<double> before = ranges(first, pair.first_dim);
  const std::vector<double> after = ranges(second, pair.second_dim);
  std::vector<double> up(before.size(), 1.0), down(before.size(), 1.0);
  double farthest = 0;
  // A channel that is nearly dead on one side would be blown up without end on the other.
  constexpr double limit = 256;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] == 0 || after[i] == 0) continue;
    up[i] = std::clamp(std::sqrt(before[i] / after[i]), 1 / limit, limit);
    down[i] = 1 / up[i];
    farthest = std::max(farthest, std::fabs(std::log(up[i])));
  }
  multiply(first, pair.first_dim, down);
  if (pair.first.bias >= 0) multiply(*pair.first.node->input(pair.first.bias).constant, 0, down);
  multiply(second, pair.second_dim, up);
  return farthest;
}

}  // namespace

int equalize_weights(Graph& graph) {
  std::vector<Pair> pairs;
  for (const auto& node : graph.nodes) {
    if (std::optional<Pair> pair = pair_from(graph, *node)) pairs.push_back(std::move(*pair));
  }
  constexpr int most_rounds = 40;
  for (int round = 0; round < most_rounds; ++round) {
    double farthest = 0;
    for (Pair& pair : pairs) farthest = std::max(farthest, balance(pair));
    if (farthest < 1e-3) break;
  }
  return static_cast<int>(pairs.size());
}

}  // namespace mlfc
