// Quantizing, step by step: prepare the float graph; run it on the data and count; choose scales;
// compare each layer by itself and correct biases; insert; run the result; and, when an error is
// given that must not be exceeded, give the layers that hurt most more bits and try again.
#include "frontend/cli/quantization.h"

#include <algorithm>

#include "frontend/cli/compilation.h"
#include "frontend/cli/observation.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "passes/quantize/contraction.h"
#include "passes/quantize/equalize.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/prepare.h"
#include "passes/quantize/statistics.h"
#include "passes/quantize/widen.h"

namespace mlfc {
namespace {

constexpr int histogram_bins = 2048;
constexpr size_t few_samples = 10;

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

/// One attempt: options, what they lead to, and how good it is.
struct Attempt {
  QuantizeOptions options = {};
  Plan plan = {};
  std::map<std::string, Parameters> parameters = {};
  std::map<std::string, Noise> noise = {};  ///< of stored values and outputs, in the whole model
  std::map<std::string, int64_t> same_top = {};
  std::map<std::string, double> lost_margin = {};
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
    measure_layers(attempt);
    corrects_ = quantize_.correct_bias;
    measure(attempt);
    if (quantize_.max_error > 0 && attempt.error > quantize_.max_error) {
      attempt = meet_error(std::move(attempt));
    }
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
    if (corrects_) correct_biases(*graph, attempt.plan);
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

  /// Adds to each bias what its channel lost on average. Returns how many there were.
  int correct_biases(Graph& graph, const Plan& plan) const {
    int corrected = 0;
    for (const std::string& value : plan.contractions) {
      Node& node = *graph.find_value(value)->producer;
      const std::optional<ContractionNode> contraction = contraction_of(node);
      const auto shift = shifts_.find(value);
      if (shift == shifts_.end() || !contraction->weights_are_constant) continue;
      const std::vector<double> means = shift->second.means();
      int input = contraction->bias;
      Tensor bias(TensorType{DType::f32, {static_cast<int64_t>(means.size())}, {}});
      if (input >= 0) bias = *node.input(input).constant;
      if (input < 0) input = free_bias_input(*contraction);
      if (input < 0 || bias.type.elements() != static_cast<int64_t>(means.size())) continue;
      for (size_t i = 0; i < means.size(); ++i) {
        const auto place = static_cast<int64_t>(i);
        bias.set_real(place, bias.real(place) + means[i]);
      }
      const auto slot = static_cast<size_t>(input);
      if (node.inputs.size() <= slot) node.inputs.resize(slot + 1, nullptr);
      const Value* old = node.inputs[slot];
      node.inputs[slot] = &graph.add_constant(old == nullptr ? value + "/bias" : old->name, bias);
      ++corrected;
    }
    graph.remove_unused();
    return corrected;
  }

  /// The quantized model as a whole against the float model.
  void measure(Attempt& attempt) {
    const std::vector<std::string> outputs = output_names(*graph_);
    std::unique_ptr<Graph> graph = inserted(attempt, false);
    std::vector<std::string> shown;
    for (const std::string& value : attempt.plan.stored) shown.push_back(dequantized_name(value));
    for (const std::string& value : attempt.plan.contractions) {
      if (!attempt.plan.stores(value)) shown.push_back(value);
    }
    expose(*graph, shown);
    Observation observation(std::move(graph), "measuring the model", progress_);
    observation.for_each(evaluation(), [&](size_t sample, const Values& got) {
      add_to_attempt(attempt, float_->at(evaluation(), sample), got, outputs);
    });
    for (const std::string& output : outputs) {
      attempt.error = std::max(attempt.error, attempt.noise[output].relative());
    }
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
      double& margin = attempt.lost_margin[output];
      margin = std::max(margin, exact.real(before) - exact.real(after));
    }
  }

  // --- mixed precision --------------------------------------------------------------------------

  /// Values or contractions, those that lose most first.
  template <typename Loss>
  std::vector<std::string> ranked(const std::vector<std::string>& values, const Loss& loss) const {
    std::vector<std::string> result;
    for (const std::string& value : values) {
      if (layers_.contains(value)) result.push_back(value);
    }
    std::stable_sort(result.begin(), result.end(), [&](const auto& a, const auto& b) {
      return loss(layers_.at(a)) < loss(layers_.at(b));
    });
    return result;
  }

  /// Smallest number of names from the front of `ranking` with which `with` stays below the error;
  /// nullopt when all are not enough.
  template <typename With>
  std::optional<Attempt> fewest(const std::vector<std::string>& ranking, const With& with) {
    size_t low = 0, high = ranking.size();  // `low` are too few
    std::optional<Attempt> best;
    if (high == 0) return best;
    const auto attempt_first = [&](size_t count) {
      Attempt attempt = attempt_with(
          with({ranking.begin(), ranking.begin() + static_cast<std::ptrdiff_t>(count)}));
      measure(attempt);
      return attempt;
    };
    Attempt all = attempt_first(high);
    if (all.error > quantize_.max_error) return best;
    best = std::move(all);
    while (high - low > 1) {
      const size_t middle = (low + high) / 2;
      Attempt attempt = attempt_first(middle);
      const bool enough = attempt.error <= quantize_.max_error;
      (enough ? high : low) = middle;
      if (enough) best = std::move(attempt);
    }
    return best;
  }

  Attempt meet_error(Attempt attempt) {
    const auto storing = [](const LayerNoise& noise) { return noise.storing.decibels(); };
    const auto own = [](const LayerNoise& noise) { return noise.own.decibels(); };
    const std::vector<std::string> stored = ranked(attempt.plan.stored, storing);
    const std::vector<std::string> inputs = stored_inputs(attempt.plan);
    std::vector<std::string> wide = stored;
    wide.insert(wide.end(), inputs.begin(), inputs.end());
    const auto with_wide = [&](const std::vector<std::string>& names) {
      QuantizeOptions options = quantize_.options;
      options.int16.insert(names.begin(), names.end());
      return options;
    };
    if (auto best = fewest(wide, with_wide)) return *best;
    const std::vector<std::string> contractions(attempt.plan.contractions.begin(),
                                                attempt.plan.contractions.end());
    const auto with_float = [&](const std::vector<std::string>& names) {
      QuantizeOptions options = with_wide(wide);
      options.keep_float.insert(names.begin(), names.end());
      return options;
    };
    if (auto best = fewest(ranked(contractions, own), with_float)) return *best;
    fail("--max-error", "an error of ", quantize_.max_error,
         " cannot be met even with all layers kept float");
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

  /// What would make the layer better, by how much.
  std::string advice_for(const QuantizedLayer& layer, const Attempt& attempt) const {
    constexpr double good_enough = 30;
    if (layer.own >= good_enough) return "";
    const bool storing_hurts = layer.is_stored && layer.storing < layer.computing;
    if (!storing_hurts) {
      if (!attempt.options.per_channel) return "--weights channel";
      if (!quantize_.equalize && report_.equalized_pairs == 0 && can_equalize_) return "--equalize";
      return "--keep-float '" + layer.name + "'";
    }
    const Histogram& histogram = histograms_.at(layer.value);
    const DType dtype = layer.parameters.dtype;
    const double now = storing_error(histogram, layer.parameters);
    for (const Method method : {Method::mse, Method::percentile, Method::entropy}) {
      MethodOptions options = attempt.options.method;
      options.method = method;
      const Interval interval =
          chosen_interval(histogram, dtype, attempt.options.symmetric, options);
      const double then =
          storing_error(histogram, parameters_for(interval, dtype, attempt.options.symmetric));
      const double gain = then > 0 ? 10 * std::log10(now / then) : 0;
      if (gain >= 3) return fmt::format("--method {} (+{:.0f} dB)", to_text(method), gain);
    }
    return "--int16 '" + layer.name + "'";
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
      layer.advice = advice_for(layer, attempt);
      report_.layers.push_back(std::move(layer));
    }
  }

  static bool is_wanted(const Plan& plan, const std::string& value) {
    return std::find(plan.wanted.begin(), plan.wanted.end(), value) != plan.wanted.end();
  }

  static double storing_decibels(const Histogram& histogram, const Parameters& parameters) {
    Noise noise;
    const auto total = static_cast<double>(histogram.total());
    noise.noise = storing_error(histogram, parameters) * total;
    for (size_t bin = 0; bin < histogram.counts.size(); ++bin) {
      noise.signal += histogram.centre(bin) * histogram.centre(bin) *
                      static_cast<double>(histogram.counts[bin]);
    }
    return noise.decibels();
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
      report_.outputs.push_back(row);
    }
  }

  QuantizedModel finished(const Attempt& attempt) {
    add_layers(attempt);
    add_outputs(attempt);
    const QuantizeOptions& asked = quantize_.options;
    for (const std::string& name : attempt.options.int16) {
      if (!asked.int16.contains(name)) report_.int16.push_back(name);
    }
    for (const std::string& name : attempt.options.keep_float) {
      if (!asked.keep_float.contains(name)) report_.kept_float.push_back(name);
    }
    if (corrects_) {
      report_.corrected_biases = correct_biases(*cloned(*graph_), attempt.plan);
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
  QuantizeReport report_ = {};
};

}  // namespace

QuantizedModel quantize_model(std::unique_ptr<Graph> graph, const Request& request,
                              const QuantizeRequest& quantize) {
  return Quantizer(std::move(graph), request, quantize).run();
}

}  // namespace mlfc
