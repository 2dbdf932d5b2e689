// Rewrites constant biases of contractions.
#include "passes/quantize/correct_biases.h"

#include "passes/quantize/contraction.h"

namespace mlfc {
namespace {

bool correct_bias(Graph& graph, const std::string& value, const std::vector<double>& means) {
  Node& node = *graph.find_value(value)->producer;
  const std::optional<ContractionNode> contraction = contraction_of(node);
  if (!contraction->weights_are_constant) return false;
  const auto channels = static_cast<int64_t>(means.size());
  int input = contraction->bias;
  Tensor bias(TensorType{DType::f32, {channels}, {}});
  if (input >= 0) bias = *node.input(input).constant;
  if (input < 0) input = free_bias_input(*contraction);
  if (input < 0 || bias.type.elements() != channels) return false;
  for (int64_t i = 0; i < channels; ++i) {
    bias.set_real(i, bias.real(i) + means[static_cast<size_t>(i)]);
  }
  const auto slot = static_cast<size_t>(input);
  if (node.inputs.size() <= slot) node.inputs.resize(slot + 1, nullptr);
  const Value* old = node.inputs[slot];
  node.inputs[slot] = &graph.add_constant(old == nullptr ? value + "/bias" : old->name, bias);
  return true;
}

}  // namespace

int correct_biases(Graph& graph, const Plan& plan,
                   const std::map<std::string, ChannelSum>& shifts) {
  int corrected = 0;
  for (const std::string& value : plan.contractions) {
    const auto shift = shifts.find(value);
    if (shift == shifts.end()) continue;
    if (correct_bias(graph, value, shift->second.means())) ++corrected;
  }
  graph.remove_unused();
  return corrected;
}

}  // namespace mlfc
