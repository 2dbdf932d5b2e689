// Quantizing, step by step: prepare the float graph; run it on the data and count; choose scales;
// compare each layer by itself and correct biases; insert; run the result; and, when an error is
// given that must not be exceeded, give the layers that hurt most more bits and try again.
#include "frontend/cli/quantization.h"

#include <algorithm>

#include "frontend/cli/compilation.h"
#include "frontend/cli/noise_breakdown.h"
#include "frontend/cli/observation.h"
#include "frontend/cli/quantize_advice.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "passes/quantize/contraction.h"
#include "passes/quantize/correct_biases.h"
#include "passes/quantize/equalize.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/prepare.h"
#include "passes/quantize/statistics.h"
#include "passes/quantize/widen.h"

namespace mlfc {
namespace {

constexpr int histogram_bins = 2048;
constexpr size_t most_suspects = 6;
constexpr size_t few_samples = 10;
constexpr double worth_explaining = 0.01;  ///< error of the outputs, relative

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Value* output : graph.outputs) names.push_back(output->name);
  return names;
}

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

/// By how much the largest element beats the next one.
double margin_of(const Tensor& tensor, int64_t largest) {
  double margin = INFINITY;
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    if (i != largest) margin = std::min(margin, tensor.real(largest) - tensor.real(i));
  }
  return margin;
}

/// One attempt: options, what they lead to, and how good it is.
struct Attempt {
  QuantizeOptions options = {};
  Plan plan = {};
  std::map<std::string, Parameters> parameters = {};
  std::map<std::string, Noise> noise = {};  ///< of stored values and outputs, in the whole model
  std::map<std::string, int64_t> same_top = {};
  std::map<std::string, double> lost_margin = {};
  std::map<std::string, std::vector<double>> margins = {};  ///< of the float model, by sample
  double error = 0;  ///< the largest relative error of an output
};

struct LayerNoise {
  Noise storing = {}, computing = {}, own = {};
};

class Quantizer {
 public:
  Quantizer(std::unique_ptr<Graph> graph, const Request& request, const QuantizeRequest& quantize)
      : graph_(std::move(graph)),
        request_(request),
        quantize_(quantize),
        progress_(request.quiet) {}

  QuantizedModel run() {
    prepare_graph();
    if (quantize_.check) quantize_.check(*graph_);
    read_data();
    const Plan widest = plan_quantization(*graph_, quantize_.options);
    if (widest.contractions.empty() && widest.stored.empty()) {
      fail(request_.file, "has nothing to quantize: no layer multiplies float32 values");
    }
    count(widest);
    Attempt attempt = attempt_with(quantize_.options);
    correct(attempt);
    measure(attempt, true);
    if (quantize_.max_error > 0 && attempt.error > quantize_.max_error) {
      attempt = meet_error(attempt);
    }
    if (attempt.error > worth_explaining) add_shares(attempt);
    return finished(attempt);
  }

 private:
  void prepare_graph() {
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

  void read_data() {
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

  const SampleSet& evaluation() const {
    return quantize_.evaluate.empty() ? calibration_ : evaluation_;
  }

  /// Ranges first, then histograms over them.
  void count(const Plan& plan) {
    std::vector<std::string> values = plan.wanted;
    values.insert(values.end(), plan.contractions.begin(), plan.contractions.end());
    std::unique_ptr<Graph> exposed = cloned(*graph_);
    expose(*exposed, values);
    float_ = std::make_unique<Observation>(std::move(exposed), "calibrating", progress_);
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

  /// Every float value of every run to calibrate with, the inputs included.
  template <typename Visit>
  void each_value(const Visit& visit) {
    float_->for_each(calibration_, [&](size_t sample, const Values& values) {
      for (size_t i = 0; i < graph_->inputs.size(); ++i) {
        const Tensor& input = calibration_.sets[sample][i];
        if (input.type.dtype == DType::f32) visit(graph_->inputs[i]->name, input);
      }
      for (const auto& [name, tensor] : values) {
        if (tensor.type.dtype == DType::f32) visit(name, tensor);
      }
    });
  }

  Attempt attempt_with(const QuantizeOptions& options) const {
    Attempt attempt{.options = options};
    attempt.plan = plan_quantization(*graph_, options);
    attempt.parameters = choose_parameters(attempt.plan, histograms_, options);
    return attempt;
  }

  /// The quantized graph, with float inputs and outputs for measuring.
  std::unique_ptr<Graph> inserted(const Attempt& attempt, bool as_asked) const {
    QuantizeOptions options = attempt.options;
    if (!as_asked) options.integer_io = false;
    std::unique_ptr<Graph> graph = cloned(*graph_);
    if (corrects_) correct_biases(*graph, attempt.plan, shifts_);
    insert_quantization(*graph, attempt.plan, attempt.parameters, options);
    return graph;
  }

  /// Values that a layer's row of the report is about.
  std::vector<std::string> layer_values(const Plan& plan) const {
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

  /// Each layer on exact operands: what it loses by itself, and the mean error of its channels.
  void measure_layers(const Attempt& attempt) {
    const std::unique_ptr<Graph> quantized = inserted(attempt, false);
    std::unique_ptr<Graph> both = with_shadows(*graph_, *quantized);
    const std::vector<std::string> values = layer_values(attempt.plan);
    std::vector<std::string> shown = values;
    for (const std::string& value : values) shown.push_back(shadow_name(value));
    expose(*both, shown);
    Observation observation(std::move(both), "measuring layers", progress_);
    layers_.clear();
    shifts_.clear();
    observation.for_each(calibration_, [&](size_t, const Values& seen) {
      for (const std::string& value : values) {
        const auto wanted = seen.find(value), got = seen.find(shadow_name(value));
        if (wanted == seen.end() || got == seen.end()) continue;
        add_layer(attempt, value, wanted->second, got->second);
      }
    });
  }

  void add_layer(const Attempt& attempt, const std::string& value, const Tensor& wanted,
                 const Tensor& got) {
    LayerNoise& noise = layers_[value];
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
    if (dim >= 0) shifts_[value].add_difference(wanted, got, dim);
  }

  /// Biases make up for what this attempt's layers lose. Attempts with more bits keep the
  /// corrections: measuring all layers again takes longer than it gains.
  void correct(const Attempt& attempt) {
    corrects_ = false;
    measure_layers(attempt);
    corrects_ = quantize_.correct_bias;
  }

  /// The quantized model as a whole against the float model.
  void measure(Attempt& attempt, bool every_layer) {
    attempt = {attempt.options, attempt.plan, attempt.parameters};
    const std::vector<std::string> outputs = output_names(*graph_);
    std::unique_ptr<Graph> graph = inserted(attempt, false);
    if (every_layer) show_layers(*graph, attempt);
    Observation observation(std::move(graph), "measuring the model", progress_);
    observation.for_each(evaluation(), [&](size_t sample, const Values& got) {
      add_to_attempt(attempt, float_->at(evaluation(), sample), got, outputs);
    });
    for (const std::string& output : outputs) {
      attempt.error = std::max(attempt.error, attempt.noise[output].relative());
    }
  }

  static void show_layers(Graph& graph, const Attempt& attempt) {
    std::vector<std::string> shown;
    for (const std::string& value : attempt.plan.stored) shown.push_back(dequantized_name(value));
    for (const std::string& value : attempt.plan.contractions) {
      if (!attempt.plan.stores(value)) shown.push_back(value);
    }
    expose(graph, shown);
  }

  void add_to_attempt(Attempt& attempt, const Values& wanted, const Values& got,
                      const std::vector<std::string>& outputs) const {
    for (const auto& [name, tensor] : wanted) {
      if (tensor.type.dtype != DType::f32) continue;
      auto found = got.find(dequantized_name(name));
      if (found == got.end()) found = got.find(name);
      if (found != got.end()) attempt.noise[name].add(tensor, found->second);
    }
    for (const std::string& output : outputs) {
      const Tensor& exact = wanted.at(output);
      const int64_t before = largest_place(exact), after = largest_place(got.at(output));
      if (before == after) ++attempt.same_top[output];
      attempt.margins[output].push_back(margin_of(exact, before));
      double& margin = attempt.lost_margin[output];
      margin = std::max(margin, exact.real(before) - exact.real(after));
    }
  }

  // --- mixed precision --------------------------------------------------------------------------

  /// What each rounding does to the outputs.
  NoiseBreakdown broken_down(const Attempt& attempt) {
    std::unique_ptr<Graph> graph = cloned(*graph_);
    if (corrects_) correct_biases(*graph, attempt.plan, shifts_);
    const auto exact = [&](size_t sample) {
      std::vector<Tensor> outputs;
      const Values& values = float_->at(calibration_, sample);
      for (const Value* output : graph_->outputs) outputs.push_back(values.at(output->name));
      return outputs;
    };
    return break_down_noise(
        with_switches(*graph, attempt.plan, attempt.parameters, attempt.options), calibration_,
        exact, progress_);
  }

  Attempt improved(const std::vector<Improvement>& order, size_t count) {
    QuantizeOptions options = quantize_.options;
    for (size_t i = 0; i < count; ++i) {
      (order[i].keep_float ? options.keep_float : options.int16).insert(order[i].value);
    }
    Attempt attempt = attempt_with(options);
    measure(attempt, false);
    return attempt;
  }

  /// The improvements that take most off the outputs' error for what they cost, as many as it
  /// takes.
  Attempt meet_error(const Attempt& attempt) {
    const NoiseBreakdown breakdown = broken_down(attempt);
    const ImprovementPlan plan = order_improvements(
        improvements_of(*graph_, attempt.options, breakdown), breakdown.total, quantize_.max_error);
    std::optional<Attempt> best;
    const auto is_enough = [&](size_t count) {
      Attempt trial = improved(plan.order, count);
      const bool enough = trial.error <= quantize_.max_error;
      if (enough) best = std::move(trial);
      return enough;
    };
    if (!fewest_enough(plan.order.size(), plan.needed, is_enough)) {
      fail("--max-error", "an error of ", quantize_.max_error,
           " cannot be met even with all layers kept float");
    }
    measure(*best, true);
    return std::move(*best);
  }

  std::vector<std::string> stored_inputs(const Plan& plan) const {
    std::vector<std::string> names;
    for (const Value* input : graph_->inputs) {
      if (plan.stores(input->name)) names.push_back(input->name);
    }
    return names;
  }

  // --- report -----------------------------------------------------------------------------------

  std::string layer_name(const Value& value) const {
    if (value.producer == nullptr) return value.name;
    const Node& node = *value.producer;
    if (!node.name.empty()) return node.name;
    return node.sources.empty() ? value.name : node.sources.front();
  }

  /// For each value or contraction: the share of the outputs' error that its rounding causes.
  void add_shares(const Attempt& attempt) {
    const NoiseBreakdown breakdown = broken_down(attempt);
    const auto worst = std::ranges::max_element(breakdown.total);
    if (worst == breakdown.total.end() || *worst <= 0) return;
    const auto output = static_cast<size_t>(worst - breakdown.total.begin());
    for (const auto& [source, shares] : breakdown.sources) {
      OutputShare share{.source = source, .share = shares[output] / *worst};
      share.without = std::sqrt(std::max(0.0, *worst - shares[output]));
      shares_.push_back(std::move(share));
    }
    report_.error_of_few = std::sqrt(*worst);
  }

  struct OutputShare {
    NoiseSource source = {};
    double share = 0;    ///< of the energy of the worst output's error
    double without = 0;  ///< relative error of that output without this rounding
  };

  /// What hurts most: the roundings that cause most of the outputs' error.
  void add_suspects(const Attempt& attempt) {
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

  void add_layers(const Attempt& attempt) {
    std::unique_ptr<Graph> trial = cloned(*graph_);
    can_equalize_ = equalize_weights(*trial) > 0;
    std::vector<std::string> values = stored_inputs(attempt.plan);
    const std::vector<std::string> inner = layer_values(attempt.plan);
    values.insert(values.end(), inner.begin(), inner.end());
    for (const std::string& name : values) {
      const Value& value = *graph_->find_value(name);
      const bool is_stored = attempt.plan.stores(name);
      const bool is_inner =
          !is_stored && !graph_->is_output(value) && is_wanted(attempt.plan, name);
      if (is_inner) continue;  // its layer is the node that the result is stored by
      QuantizedLayer layer{.name = layer_name(value), .value = name, .is_stored = is_stored};
      if (is_stored) layer.parameters = attempt.parameters.at(name);
      const auto noise = layers_.find(name);
      if (noise != layers_.end()) {
        layer.storing = noise->second.storing.decibels();
        layer.computing = noise->second.computing.decibels();
        layer.own = noise->second.own.decibels();
      } else if (is_stored) {  // an input: exact until it is stored
        const Histogram& histogram = histograms_.at(name);
        layer.computing = 200;
        layer.storing = layer.own = storing_decibels(histogram, layer.parameters);
      }
      const auto total = attempt.noise.find(name);
      layer.total = total == attempt.noise.end() ? layer.own : total->second.decibels();
      report_.layers.push_back(std::move(layer));
    }
  }

  static bool is_wanted(const Plan& plan, const std::string& value) {
    return std::find(plan.wanted.begin(), plan.wanted.end(), value) != plan.wanted.end();
  }

  void add_outputs(const Attempt& attempt) {
    for (const Value* output : graph_->outputs) {
      if (output->type.dtype != DType::f32) continue;
      QuantizedOutput row{.name = output->name};
      const auto noise = attempt.noise.find(output->name);
      if (noise == attempt.noise.end()) continue;
      row.decibels = noise->second.decibels();
      row.relative_error = noise->second.relative();
      const Shape& shape = output->type.shape;
      row.is_classes = !shape.empty() && shape.back() > 1 && shape.back() == element_count(shape);
      const auto same = attempt.same_top.find(output->name);
      row.same_top = same == attempt.same_top.end() ? 0 : same->second;
      const auto margin = attempt.lost_margin.find(output->name);
      row.lost_margin = margin == attempt.lost_margin.end() ? 0 : margin->second;
      for (const double sure : attempt.margins.at(output->name)) {
        if (sure <= row.lost_margin) ++row.as_close;
      }
      report_.outputs.push_back(row);
    }
  }

  QuantizedModel finished(const Attempt& attempt) {
    add_layers(attempt);
    add_outputs(attempt);
    add_suspects(attempt);
    report_.left_float = layers_left_float(*graph_, attempt.options);
    const QuantizeOptions& asked = quantize_.options;
    for (const std::string& name : attempt.options.int16) {
      if (!asked.int16.contains(name)) report_.int16.push_back(name);
    }
    for (const std::string& name : attempt.options.keep_float) {
      if (!asked.keep_float.contains(name)) report_.kept_float.push_back(name);
    }
    if (corrects_) {
      report_.corrected_biases = correct_biases(*cloned(*graph_), attempt.plan, shifts_);
    }
    std::unique_ptr<Graph> graph = inserted(attempt, true);
    report_.integer_bytes = constant_bytes(*graph);
    return {std::move(graph), std::move(report_)};
  }

  std::unique_ptr<Graph> graph_;  ///< float, prepared
  const Request& request_;
  const QuantizeRequest& quantize_;
  Progress progress_;
  SampleSet calibration_ = {}, evaluation_ = {};
  std::unique_ptr<Observation> float_ = {};
  std::map<std::string, Histogram> histograms_ = {};
  std::map<std::string, LayerNoise> layers_ = {};
  std::map<std::string, ChannelSum> shifts_ = {};  ///< mean error of the channels
  bool corrects_ = false;                          ///< once the shifts are known
  bool can_equalize_ = false;
  std::vector<OutputShare> shares_ = {};
  QuantizeReport report_ = {};
};

}  // namespace

QuantizedModel quantize_model(std::unique_ptr<Graph> graph, const Request& request,
                              const QuantizeRequest& quantize) {
  return Quantizer(std::move(graph), request, quantize).run();
}

}  // namespace mlfc
