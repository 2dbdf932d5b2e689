// Writes a plan into a graph: quantize_linear and dequantize_linear around the nodes that are to
// work on integers, integer weights and biases with their scales. The result is the standard QDQ
// form: computed as it stands it gives the numbers that integer kernels give, up to rounding.
#pragma once

#include <map>
#include <string>

#include "ir/graph.h"
#include "passes/quantize/plan.h"

namespace mlfc {

/// The parameters of one constant operand: one scale for all or one for each entry of `axis`.
struct WeightForm {
  int axis = -1;  ///< -1: one scale
  std::vector<float> scales = {};
};
/// Symmetric 8-bit scales for constant weights of a contraction.
WeightForm weight_form(const Tensor& weights, int axis);
Tensor quantized_weights(const Tensor& weights, const WeightForm& form);
/// What is read back of weights that were stored so.
Tensor stored_weights(const Tensor& weights, const WeightForm& form);

/// Changes `graph` in place. Values keep their names; a stored value `x` becomes `x/quantized` and
/// `x/dequantized`, which everybody reads. With `integer_io` the graph's float inputs and outputs
/// take the type they are stored in.
void insert_quantization(Graph& graph, const Plan& plan,
                         const std::map<std::string, Parameters>& parameters,
                         const QuantizeOptions& options);

/// The name insert_quantization gives what everybody reads in place of a stored value.
std::string dequantized_name(const std::string& value);
/// The planned value's name, from the value it was computed into: a stored output of the graph has
/// given its name to what is read back.
std::string stored_value_of(const Value& computed);

}  // namespace mlfc
