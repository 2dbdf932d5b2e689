// Contractions - convolutions, matrix products, whatever sums products of two operands - read off
// their kernels: which operand holds data and which constant weights, which dimension of the
// weights is the output's channel, where a bias enters. No operator is known by name.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

struct ContractionNode {
  Node* node = nullptr;
  Kernel kernel = {};
  /// Inputs of the node. Of two operands that are both computed, `data` is the first one.
  int data = -1, weights = -1;
  bool weights_are_constant = false;
  std::vector<Expr> data_indices = {}, weight_indices = {};
  int bias = -1;               ///< the input the sum starts from, one element per channel; -1: none
  bool starts_at_zero = true;  ///< false with a bias, or anything else the sum starts from
  /// The sum is stored as it is: nothing in the kernel comes after the bias.
  bool stores_sum = false;

  Value& weight_value() const { return node->input(weights); }
  Value& data_value() const { return node->input(data); }
  /// Dimension of the output that is dimension `dim` of the weights; -1: none.
  int output_dim(int dim) const;
  /// Dimension of the weights whose entries belong to different channels of the output, and that
  /// dimension of the output; -1 when there is none (both).
  struct Channel {
    int weight_dim = -1, output_dim = -1;
  };
  Channel channel() const;
  /// Dimension of the weights that is the data's dimension `data_dim`; -1: none.
  int weight_dim_of_data(int data_dim) const;
};

/// Nullopt unless every stage of the node's kernel sums products of the same two f32 inputs.
std::optional<ContractionNode> contraction_of(Node& node);

/// The optional input that would be the contraction's bias, one element per channel of the output;
/// -1 when the operator has none or it is taken.
int free_bias_input(const ContractionNode& contraction);

/// True when two index expressions are the same affine function (or the same text).
bool same_index(const Expr& a, const Expr& b);

}  // namespace mlfc
