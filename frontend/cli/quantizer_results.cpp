// The report on a quantized model, and the model itself.
#include <algorithm>
#include <cmath>

#include "frontend/cli/quantize_advice.h"
#include "frontend/cli/quantizer.h"
#include "passes/quantize/correct_biases.h"
#include "passes/quantize/equalize.h"
#include "passes/quantize/prepare.h"

namespace mlfc {
namespace {

constexpr size_t most_suspects = 6;

}  // namespace

std::vector<std::string> Quantizer::stored_inputs(const Plan& plan) const {
  std::vector<std::string> names;
  for (const Value* input : graph_->inputs) {
    if (plan.stores(input->name)) names.push_back(input->name);
  }
  return names;
}

std::string Quantizer::layer_name(const Value& value) const {
  if (value.producer == nullptr) return value.name;
  const Node& node = *value.producer;
  if (!node.name.empty()) return node.name;
  return node.sources.empty() ? value.name : node.sources.front();
}

void Quantizer::add_shares(const Attempt& attempt) {
  const NoiseBreakdown breakdown = broken_down(attempt);
  const auto worst = std::ranges::max_element(breakdown.total);
  if (worst == breakdown.total.end() || *worst <= 0) return;
  const auto output = static_cast<size_t>(worst - breakdown.total.begin());
  for (const auto& [source, shares] : breakdown.sources) {
    OutputShare share{.source = source, .share = shares[output] / *worst};
    share.without = std::sqrt(std::max(0.0, *worst - shares[output]));
    shares_.push_back(std::move(share));
  }
}

void Quantizer::add_suspects(const Attempt& attempt) {
  constexpr double worth_mentioning = 0.02;
  std::ranges::stable_sort(shares_, std::ranges::greater(), &OutputShare::share);
  for (const OutputShare& share : shares_) {
    if (share.share < worth_mentioning || report_.suspects.size() == most_suspects) break;
    const std::string& value = share.source.values[0];
    const std::string name = layer_name(*graph_->find_value(value));
    QuantizedSuspect suspect{.layer = name, .value = value, .share = share.share};
    suspect.is_weights = share.source.is_weights;
    suspect.error_without = share.without;
    const bool may_equalize = !quantize_.equalize && can_equalize_;
    suspect.advice = suspect.is_weights
                         ? weight_advice(attempt.options, value, may_equalize)
                         : value_advice(attempt.options, value, histograms_.at(value),
                                        attempt.parameters.at(value));
    report_.suspects.push_back(std::move(suspect));
  }
}

void Quantizer::add_layers(const Attempt& attempt) {
  std::unique_ptr<Graph> trial = cloned(*graph_);
  can_equalize_ = equalize_weights(*trial) > 0;
  std::vector<std::string> values = stored_inputs(attempt.plan);
  const std::vector<std::string> inner = layer_values(attempt.plan);
  values.insert(values.end(), inner.begin(), inner.end());
  for (const std::string& name : values) {
    const Value& value = *graph_->find_value(name);
    const bool is_stored = attempt.plan.stores(name);
    const bool is_inner = !is_stored && !graph_->is_output(value) && is_wanted(attempt.plan, name);
    if (is_inner) continue;  // its layer is the node that the result is stored by
    QuantizedLayer layer{.name = layer_name(value), .value = name, .is_stored = is_stored};
    if (is_stored) layer.parameters = attempt.parameters.at(name);
    const auto noise = attempt.layers.find(name);
    if (noise != attempt.layers.end()) {
      layer.storing = noise->second.storing.decibels();
      layer.computing = noise->second.computing.decibels();
      layer.own = noise->second.own.decibels();
    } else if (is_stored) {  // an input: exact until it is stored
      const Histogram& histogram = histograms_.at(name);
      layer.computing = 200;
      layer.storing = layer.own = storing_decibels(histogram, layer.parameters);
    }
    const auto total = attempt.outcome.noise.find(name);
    layer.total = total == attempt.outcome.noise.end() ? layer.own : total->second.decibels();
    report_.layers.push_back(std::move(layer));
  }
}

bool Quantizer::is_wanted(const Plan& plan, const std::string& value) {
  return std::find(plan.wanted.begin(), plan.wanted.end(), value) != plan.wanted.end();
}

void Quantizer::add_outputs(const Attempt& attempt) {
  for (const Value* output : graph_->outputs) {
    if (output->type.dtype != DType::f32) continue;
    QuantizedOutput row{.name = output->name};
    const auto noise = attempt.outcome.noise.find(output->name);
    if (noise == attempt.outcome.noise.end()) continue;
    row.decibels = noise->second.decibels();
    row.relative_error = noise->second.relative();
    const Shape& shape = output->type.shape;
    row.is_classes = !shape.empty() && shape.back() > 1 && shape.back() == element_count(shape);
    const auto same = attempt.outcome.same_top.find(output->name);
    row.same_top = same == attempt.outcome.same_top.end() ? 0 : same->second;
    const auto margin = attempt.outcome.lost_margin.find(output->name);
    row.lost_margin = margin == attempt.outcome.lost_margin.end() ? 0 : margin->second;
    for (const double sure : attempt.outcome.margins.at(output->name)) {
      if (sure <= row.lost_margin) ++row.as_close;
    }
    report_.outputs.push_back(row);
  }
}

QuantizedModel Quantizer::finished(const Attempt& attempt) {
  add_layers(attempt);
  add_outputs(attempt);
  add_suspects(attempt);
  report_.left_float = layers_left_float(*graph_, attempt.options);
  const QuantizeOptions& asked = quantize_.options;
  for (const std::string& name : attempt.options.int16) {
    const bool counts = is_wanted(attempt.plan, name);  // or its reader became float as well
    if (counts && !asked.int16.contains(name)) report_.int16.push_back(name);
  }
  for (const std::string& name : attempt.options.keep_float) {
    if (!asked.keep_float.contains(name)) report_.kept_float.push_back(name);
  }
  if (quantize_.correct_bias) {
    report_.corrected_biases = correct_biases(*cloned(*graph_), attempt.plan, attempt.shifts);
  }
  std::unique_ptr<Graph> graph = inserted(attempt, true);
  report_.integer_bytes = constant_bytes(*graph);
  return {std::move(graph), std::move(report_)};
}

}  // namespace mlfc
