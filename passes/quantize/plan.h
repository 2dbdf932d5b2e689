// What to quantize: which values of a float graph are stored as integers, and which of them must
// share one scale. Decided by properties of kernels, never by operators' names:
//
//   - A contraction (conv, gemm, matmul, ...) works on integers: its computed operands are stored
//     as integers and its constant weights become integers per channel.
//   - So does everything between contractions: whatever lies before one and after another. What
//     comes before the first (preprocessing) or after the last (softmax, boxes) stays float, unless
//     the model's inputs and outputs are to be integers themselves.
//   - A value that only a cheap elementwise node reads (conv -> relu, matmul -> + bias) is not
//     stored at all: both are one kernel, and the integers are what comes out of it.
//   - Nodes that only move elements (transpose, concat, max pool) keep the scale of what they move.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/quantize/scales.h"

namespace mlfc {

struct QuantizeOptions {
  DType activations = DType::i8;  ///< i8 or u8
  bool symmetric = false;         ///< activations without zero point
  MethodOptions method = {};
  bool per_channel = true;                ///< one scale of weights for each channel of the output
  bool integer_io = false;                ///< the model's float inputs and outputs become integers
  std::set<std::string> int16 = {};       ///< nodes or values that get 16-bit activations
  std::set<std::string> keep_float = {};  ///< nodes that compute in float
};

/// A node whose output elements are elements of `from`.
struct Movement {
  std::vector<std::string> from = {};
  std::vector<std::string> to = {};
};

struct Plan {
  std::vector<std::string> stored = {};  ///< values to store as integers, in order of the graph
  /// Those and the values that would be stored if fewer nodes worked on integers.
  std::vector<std::string> wanted = {};
  std::set<std::string> contractions = {};  ///< outputs of the contractions that work on integers
  std::vector<Movement> movements = {};
  std::set<std::string> wide = {};  ///< stored values that were asked to have 16 bits
  bool stores(const std::string& value) const;
};

/// `graph` at the level of operators, typed. Fails when options name what the graph does not have.
Plan plan_quantization(const Graph& graph, const QuantizeOptions& options);

/// Inputs of which the node's outputs are elements, and nothing else; empty: it computes.
std::vector<Value*> moved_inputs(const Node& node);

/// True when `name` is the node's, one of its sources' or one of its outputs'.
bool is_called(const Node& node, const std::string& name);

/// Parameters of every stored value, from the histograms of all: values that share get the same.
std::map<std::string, Parameters> choose_parameters(
    const Plan& plan, const std::map<std::string, Histogram>& histograms,
    const QuantizeOptions& options);

}  // namespace mlfc
