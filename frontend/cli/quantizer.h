// The quantizer's state and steps. quantization.cpp finds the numbers and measures what they lead
// to, quantizer_error.cpp gives layers more bits, quantizer_results.cpp writes down how it went.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frontend/cli/improvements.h"
#include "frontend/cli/observation.h"
#include "frontend/cli/quantization.h"
#include "frontend/cli/rounding_switches.h"
#include "passes/quantize/statistics.h"

namespace mlfc {

/// Bytes of the constants that nodes read.
int64_t constant_bytes(const Graph& graph);

struct LayerNoise {
  Noise storing = {}, computing = {}, own = {};
};

/// How good an attempt is.
struct Outcome {
  std::map<std::string, Noise> noise = {};  ///< of stored values and outputs, in the whole model
  std::map<std::string, int64_t> same_top = {};
  std::map<std::string, double> lost_margin = {};
  std::map<std::string, std::vector<double>> margins = {};  ///< of the float model, by sample
  double error = 0;  ///< the largest relative error of an output
};

/// Options, what they lead to, and how good it is.
struct Attempt {
  QuantizeOptions options = {};
  Plan plan = {};
  std::map<std::string, Parameters> parameters = {};
  std::map<std::string, LayerNoise> layers = {};
  std::map<std::string, ChannelSum> shifts = {};  ///< mean error of the contractions' channels
  Outcome outcome = {};
};

class Quantizer {
 public:
  Quantizer(std::unique_ptr<Graph> graph, const Request& request, const QuantizeRequest& quantize)
      : graph_(std::move(graph)),
        request_(request),
        quantize_(quantize),
        progress_(request.quiet) {}

  QuantizedModel run();

 private:
  void prepare_graph();

  void read_data();

  const SampleSet& evaluation() const;

  /// Ranges first, then histograms over them.
  void count(const Plan& plan);

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

  Attempt attempt_with(const QuantizeOptions& options) const;

  /// The quantized graph, with float inputs and outputs for measuring.
  std::unique_ptr<Graph> inserted(const Attempt& attempt, bool as_asked) const;

  /// Values that a layer's row of the report is about.
  std::vector<std::string> layer_values(const Plan& plan) const;

  /// Each layer on exact operands: what it loses by itself, and the mean error of its channels.
  void measure_layers(Attempt& attempt);

  void add_layer(Attempt& attempt, const std::string& value, const Tensor& wanted,
                 const Tensor& got);

  /// Measures the attempt, with biases that make up for each layer's own mean error.
  void evaluate(Attempt& attempt);

  /// The quantized model as a whole against the float model.
  void measure(Attempt& attempt);

  static void show_layers(Graph& graph, const Attempt& attempt);

  void add_to_outcome(Outcome& outcome, const Values& wanted, const Values& got,
                      const std::vector<std::string>& outputs) const;

  // --- mixed precision: quantizer_error.cpp ---

  /// The roundings of the model as asked for, each with a switch; compiled when first needed.
  RoundingSwitches& switches();

  /// The roundings that an attempt still has. What got 16 bits counts as exact.
  Switches switches_of(const Attempt& attempt);

  /// Energy of the error over energy of the output, for each output.
  std::vector<double> energies(const Attempt& attempt) const;

  NoiseBreakdown broken_down(const Attempt& attempt);

  Attempt improved(const std::vector<Improvement>& order, size_t count) const;

  /// Errors of an attempt, by output: as they are, and as the switches see them.
  struct Measured {
    std::vector<double> energies = {}, switched = {};
  };
  Measured measured(const Attempt& attempt);

  /// The error that the switches predict for an attempt: what they say of it, in proportion to what
  /// they say of another one, which was measured.
  double predicted(const Attempt& attempt, const Measured& known);

  /// The improvements that take most off the outputs' error for what they cost, as many as it
  /// takes. The switches say how many that is, from the last attempt that was measured; all of them
  /// are the float model.
  Attempt meet_error(const Attempt& asked);

  [[noreturn]] void fail_to_meet(const Attempt& attempt) const;

  // --- report: quantizer_results.cpp ---

  std::vector<std::string> stored_inputs(const Plan& plan) const;
  std::string layer_name(const Value& value) const;

  /// For each value or contraction: the share of the outputs' error that its rounding causes.
  void add_shares(const Attempt& attempt);

  struct OutputShare {
    NoiseSource source = {};
    double share = 0;    ///< of the energy of the worst output's error
    double without = 0;  ///< relative error of that output without this rounding
  };

  /// What hurts most: the roundings that cause most of the outputs' error.
  void add_suspects(const Attempt& attempt);

  void add_layers(const Attempt& attempt);

  static bool is_wanted(const Plan& plan, const std::string& value);

  void add_outputs(const Attempt& attempt);

  QuantizedModel finished(const Attempt& attempt);

  std::unique_ptr<Graph> graph_;  ///< float, prepared
  const Request& request_;
  const QuantizeRequest& quantize_;
  Progress progress_;
  SampleSet calibration_ = {}, evaluation_ = {};
  std::unique_ptr<Observation> float_ = {};
  std::map<std::string, Histogram> histograms_ = {};
  bool can_equalize_ = false;
  std::unique_ptr<RoundingSwitches> switches_ = {};
  std::map<std::string, Parameters> asked_ = {};  ///< what the switches round with
  std::vector<OutputShare> shares_ = {};
  QuantizeReport report_ = {};
};

}  // namespace mlfc
