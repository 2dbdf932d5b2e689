// Says which layers the quantizer cannot do anything for, so that nobody looks for their integers;
// and what would help those that it hurts.
#include "frontend/cli/quantize_advice.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "ir/operator.h"
#include "passes/quantize/contraction.h"
#include "passes/quantize/statistics.h"

namespace mlfc {
namespace {

/// Numbers in constant matrices (or larger things) of reals.
int64_t weights_of(const Node& node) {
  int64_t count = 0;
  for (const Value* input : node.inputs) {
    const bool is_matrix = input != nullptr && input->is_constant() &&
                           input->type.dtype == DType::f32 && input->type.shape.size() >= 2;
    if (is_matrix) count += input->type.elements();
  }
  return count;
}

/// Empty: it is quantized, or it has nothing that could be.
std::string reason_for(Node& node) {
  if (weights_of(node) == 0 || contraction_of(node)) return "";
  const bool loops = node.op->kernel == nullptr && node.outputs.size() > 1;
  if (loops) return "a recurrence: what it rounds would come back at every step";
  if (node.op->kernel == nullptr) return "it stands for several operators";
  const std::vector<Value*> moved = moved_inputs(node);
  const bool is_table = std::ranges::any_of(moved, [](const Value* v) { return v->is_constant(); });
  return is_table ? "a table that is looked up, not multiplied" : "";
}

}  // namespace

std::string weight_advice(const QuantizeOptions& options, const std::string& value,
                          bool may_equalize) {
  if (!options.per_channel) return "--weights channel";
  return (may_equalize ? "--equalize, or --keep-float '" : "--keep-float '") + value + "'";
}

std::string value_advice(const QuantizeOptions& options, const std::string& value,
                         const Histogram& histogram, const Parameters& parameters) {
  const double now = storing_error(histogram, parameters);
  for (const Method method : {Method::mse, Method::percentile, Method::entropy}) {
    MethodOptions trial = options.method;
    trial.method = method;
    const Interval interval =
        chosen_interval(histogram, parameters.dtype, options.symmetric, trial);
    const double then =
        storing_error(histogram, parameters_for(interval, parameters.dtype, options.symmetric));
    const double gain = then > 0 ? 10 * std::log10(now / then) : 0;
    if (gain >= 3) return fmt::format("--method {} (+{:.0f} dB)", to_text(method), gain);
  }
  return "--int16 '" + value + "'";
}

double storing_decibels(const Histogram& histogram, const Parameters& parameters) {
  Noise noise;
  const auto total = static_cast<double>(histogram.total());
  noise.noise = storing_error(histogram, parameters) * total;
  for (size_t bin = 0; bin < histogram.counts.size(); ++bin) {
    noise.signal +=
        histogram.centre(bin) * histogram.centre(bin) * static_cast<double>(histogram.counts[bin]);
  }
  return noise.decibels();
}

std::vector<FloatLayer> layers_left_float(const Graph& graph, const QuantizeOptions& options) {
  std::vector<FloatLayer> layers;
  for (const auto& node : graph.nodes) {
    const bool was_asked_for =
        std::ranges::any_of(options.keep_float, [&](auto& name) { return is_called(*node, name); });
    const std::string reason = reason_for(*node);
    if (was_asked_for || reason.empty()) continue;
    const std::string& name = node->name.empty() ? node->output().name : node->name;
    layers.push_back({name, weights_of(*node), reason});
  }
  return layers;
}

}  // namespace mlfc
