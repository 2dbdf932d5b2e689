// Quantizing, step by step: prepare the float graph; run it on the data and count; choose scales;
// compare each layer by itself and correct biases; insert; run the result; and, when an error is
// given that must not be exceeded, give the layers that hurt most more bits and try again.
#include "frontend/cli/quantization.h"

#include <algorithm>

#include "frontend/cli/compilation.h"
#include "frontend/cli/quantizer.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "passes/quantize/contraction.h"
#include "passes/quantize/correct_biases.h"
#include "passes/quantize/equalize.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/prepare.h"
#include "passes/quantize/widen.h"

namespace mlfc {
namespace {

constexpr int histogram_bins = 2048;
constexpr size_t few_samples = 10;
constexpr double worth_explaining = 0.01;  ///< error of the outputs, relative

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Value* output : graph.outputs) names.push_back(output->name);
  return names;
}

/// By how much the largest element beats the next one.
double margin_of(const Tensor& tensor, int64_t largest) {
  double margin = INFINITY;
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    if (i != largest) margin = std::min(margin, tensor.real(largest) - tensor.real(i));
  }
  return margin;
}

}  // namespace

int64_t constant_bytes(const Graph& graph) {
  std::set<const Value*> seen;
  int64_t bytes = 0;
  for (const auto& node : graph.nodes) {
    for (const Value* input : node->inputs) {
      const bool counts = input != nullptr && input->is_constant() && seen.insert(input).second;
      if (counts) bytes += input->type.storage_bytes();
    }
  }
  return bytes;
}

QuantizedModel Quantizer::run() {
  prepare_graph();
  if (quantize_.check) quantize_.check(*graph_);
  read_data();
  const Plan widest = plan_quantization(*graph_, quantize_.options);
  if (widest.contractions.empty() && widest.stored.empty()) {
    fail(request_.file, "has nothing to quantize: no layer multiplies float32 values");
  }
  count(widest);
  Attempt attempt = attempt_with(quantize_.options);
  evaluate(attempt);
  if (quantize_.max_error > 0 && attempt.outcome.error > quantize_.max_error) {
    attempt = meet_error(attempt);
  }
  if (attempt.outcome.error > worth_explaining) add_shares(attempt);
  return finished(attempt);
}

void Quantizer::prepare_graph() {
  Request passes = request_;
  passes.quiet = true;
  passes.pipeline = {};
  const Machine machine = machine_of(request_);
  const auto run_passes = [&](const std::vector<std::string>& names) {
    run_named_passes(*graph_, passes, machine, names);
  };
  run_passes({"infer-types"});
  if (widen_reals(*graph_) > 0) {
    report_.warnings.push_back("16-bit reals became float32, inputs and outputs included");
  }
  run_passes({"infer-types", "fold-constants", "simplify-graph"});
  for (const auto& node : graph_->nodes) {
    if (node->op->name != "dequantize_linear") continue;
    fail(request_.file, "is quantized already: ", describe(*node));
  }
  expand_single_nodes(*graph_, {machine, request_.options});
  run_passes({"fold-constants", "fold-scales", "simplify-graph"});
  report_.float_bytes = constant_bytes(*graph_);
  if (quantize_.equalize) report_.equalized_pairs = equalize_weights(*graph_);
}

void Quantizer::read_data() {
  std::vector<InputSpec> inputs;
  for (const Value* input : graph_->inputs) inputs.push_back({input->name, input->type});
  calibration_ = read_samples(quantize_.calibrate, inputs, quantize_.most_samples);
  report_.calibrated = calibration_.sets.size();
  if (report_.calibrated < few_samples) {
    report_.warnings.push_back("few samples: other inputs may leave the ranges seen in these");
  }
  if (!quantize_.evaluate.empty()) {
    evaluation_ = read_samples(quantize_.evaluate, inputs, quantize_.most_samples);
  }
  report_.evaluated = evaluation().sets.size();
  report_.evaluated_on = evaluation().where;
}

const SampleSet& Quantizer::evaluation() const {
  return quantize_.evaluate.empty() ? calibration_ : evaluation_;
}

void Quantizer::count(const Plan& plan) {
  std::vector<std::string> values = plan.wanted;
  values.insert(values.end(), plan.contractions.begin(), plan.contractions.end());
  std::unique_ptr<Graph> exposed = cloned(*graph_);
  expose(*exposed, values);
  float_ = std::make_unique<Observation>(
      std::move(exposed), "calibrating", progress_,
      Observation::Use{.keeps_values = true, .runs = calibration_.sets.size()});
  std::map<std::string, RangeSeen> ranges;
  each_value([&](const std::string& name, const Tensor& tensor) { ranges[name].add(tensor); });
  for (const auto& [name, range] : ranges) {
    histograms_.emplace(name, Histogram(range.interval, histogram_bins));
    if (range.all_finite) continue;
    report_.warnings.push_back("'" + name + "' takes values that are not finite; they saturate");
  }
  each_value(
      [&](const std::string& name, const Tensor& tensor) { histograms_.at(name).add(tensor); });
}

Attempt Quantizer::attempt_with(const QuantizeOptions& options) const {
  Attempt attempt{.options = options};
  attempt.plan = plan_quantization(*graph_, options);
  attempt.parameters = choose_parameters(attempt.plan, histograms_, options);
  return attempt;
}

std::unique_ptr<Graph> Quantizer::inserted(const Attempt& attempt, bool as_asked) const {
  QuantizeOptions options = attempt.options;
  if (!as_asked) options.integer_io = false;
  std::unique_ptr<Graph> graph = cloned(*graph_);
  if (quantize_.correct_bias) correct_biases(*graph, attempt.plan, attempt.shifts);
  insert_quantization(*graph, attempt.plan, attempt.parameters, options);
  return graph;
}

std::vector<std::string> Quantizer::layer_values(const Plan& plan) const {
  std::vector<std::string> values;
  for (const auto& node : graph_->nodes) {
    for (const Value* output : node->outputs) {
      const bool counts = plan.stores(output->name) || plan.contractions.contains(output->name) ||
                          graph_->is_output(*output);
      if (counts && output->type.dtype == DType::f32) values.push_back(output->name);
    }
  }
  return values;
}

void Quantizer::measure_layers(Attempt& attempt) {
  const std::unique_ptr<Graph> quantized = inserted(attempt, false);
  std::unique_ptr<Graph> both = with_shadows(*graph_, *quantized);
  const std::vector<std::string> values = layer_values(attempt.plan);
  std::vector<std::string> shown = values;
  for (const std::string& value : values) shown.push_back(shadow_name(value));
  expose(*both, shown);
  Observation observation(std::move(both), "measuring layers", progress_,
                          {.runs = calibration_.sets.size()});
  observation.for_each(calibration_, [&](size_t, const Values& seen) {
    for (const std::string& value : values) {
      const auto wanted = seen.find(value), got = seen.find(shadow_name(value));
      if (wanted == seen.end() || got == seen.end()) continue;
      add_layer(attempt, value, wanted->second, got->second);
    }
  });
}

void Quantizer::add_layer(Attempt& attempt, const std::string& value, const Tensor& wanted,
                          const Tensor& got) {
  LayerNoise& noise = attempt.layers[value];
  noise.computing.add(wanted, got);
  const auto parameters = attempt.parameters.find(value);
  if (parameters != attempt.parameters.end()) {
    noise.storing.add_stored(wanted, wanted, parameters->second);
    noise.own.add_stored(wanted, got, parameters->second);
  } else {
    noise.own.add(wanted, got);
  }
  if (!attempt.plan.contractions.contains(value)) return;
  Node* node = graph_->find_value(value)->producer;
  const int dim = contraction_of(*node)->channel().output_dim;
  if (dim >= 0) attempt.shifts[value].add_difference(wanted, got, dim);
}

void Quantizer::evaluate(Attempt& attempt) {
  measure_layers(attempt);
  measure(attempt);
}

void Quantizer::measure(Attempt& attempt) {
  Outcome& outcome = attempt.outcome = {};
  const std::vector<std::string> outputs = output_names(*graph_);
  std::unique_ptr<Graph> graph = inserted(attempt, false);
  show_layers(*graph, attempt);
  Observation observation(std::move(graph), "measuring the model", progress_,
                          {.runs = evaluation().sets.size()});
  Observation::Reader exact(*float_, evaluation());
  observation.for_each(evaluation(), [&](size_t, const Values& got) {
    add_to_outcome(outcome, exact.next(), got, outputs);
  });
  for (const std::string& output : outputs) {
    outcome.error = std::max(outcome.error, outcome.noise[output].relative());
  }
}

void Quantizer::show_layers(Graph& graph, const Attempt& attempt) {
  std::vector<std::string> shown;
  for (const std::string& value : attempt.plan.stored) shown.push_back(dequantized_name(value));
  for (const std::string& value : attempt.plan.contractions) {
    if (!attempt.plan.stores(value)) shown.push_back(value);
  }
  expose(graph, shown);
}

void Quantizer::add_to_outcome(Outcome& outcome, const Values& wanted, const Values& got,
                               const std::vector<std::string>& outputs) const {
  for (const auto& [name, tensor] : wanted) {
    if (tensor.type.dtype != DType::f32) continue;
    auto found = got.find(dequantized_name(name));
    if (found == got.end()) found = got.find(name);
    if (found != got.end()) outcome.noise[name].add(tensor, found->second);
  }
  for (const std::string& output : outputs) {
    const Tensor& exact = wanted.at(output);
    const int64_t before = largest_place(exact), after = largest_place(got.at(output));
    if (before == after) ++outcome.same_top[output];
    outcome.margins[output].push_back(margin_of(exact, before));
    double& margin = outcome.lost_margin[output];
    margin = std::max(margin, exact.real(before) - exact.real(after));
  }
}

QuantizedModel quantize_model(std::unique_ptr<Graph> graph, const Request& request,
                              const QuantizeRequest& quantize) {
  return Quantizer(std::move(graph), request, quantize).run();
}

}  // namespace mlfc
