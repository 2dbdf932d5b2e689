// Quantizes a float model with data: what `mlfc quantize` and `mlfc compile --quantize` share.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "frontend/cli/arguments.h"
#include "frontend/cli/request.h"
#include "passes/quantize/plan.h"

namespace mlfc {

struct QuantizeRequest {
  QuantizeOptions options = {};
  std::string calibrate = {};  ///< file or folder
  std::string evaluate = {};   ///< likewise; empty: the data to calibrate with
  size_t most_samples = 1000;
  bool equalize = false;
  bool correct_bias = true;
  double max_error = 0;  ///< 0: as accurate as it gets
  /// Looks at the float graph before the work begins, to refuse what could not be used after it.
  std::function<void(const Graph& graph)> check = {};
};

/// A layer is what one stored value is computed by.
struct QuantizedLayer {
  std::string name = {};   ///< of the model's nodes
  std::string value = {};  ///< what it computes
  Parameters parameters = {};
  bool is_stored = true;  ///< false: computed from integers but kept float
  double storing = 0;     ///< signal-to-noise in dB of rounding the value alone
  double computing = 0;   ///< ... of what quantized operands do to it, before it is stored
  double own = 0;         ///< ... of both: what this layer costs when all before it is exact
  double total = 0;       ///< ... in the quantized model
};

/// A rounding that causes much of the outputs' error.
struct QuantizedSuspect {
  std::string layer = {};
  std::string value = {};
  bool is_weights = false;   ///< the layer's weights, not what it computes
  double share = 0;          ///< of the energy of the error
  double error_without = 0;  ///< relative error of the outputs when this is exact; predicted
  std::string advice = {};   ///< what would help
};

struct QuantizedOutput {
  std::string name = {};
  double decibels = 0;
  double relative_error = 0;
  bool is_classes = false;  ///< a row of several numbers, so that the largest means something
  int64_t same_top = 0;     ///< samples whose largest element stays the same
  /// Of the others: how much the float model preferred its choice, at most.
  double lost_margin = 0;
  int64_t as_close = 0;  ///< samples, kept or lost, of which the float model was as little sure
};

/// A layer whose weights the quantizer leaves alone.
struct FloatLayer {
  std::string name = {};
  int64_t weights = 0;
  std::string reason = {};
};

struct QuantizeReport {
  size_t calibrated = 0, evaluated = 0;  ///< samples
  std::string evaluated_on = {};
  int equalized_pairs = 0, corrected_biases = 0;
  int64_t float_bytes = 0, integer_bytes = 0;  ///< of constants
  std::vector<QuantizedLayer> layers = {};
  std::vector<QuantizedOutput> outputs = {};
  std::vector<QuantizedSuspect> suspects = {};  ///< worst first; empty when nothing needs help
  std::vector<std::string> int16 = {}, kept_float = {};  ///< chosen to stay below max_error
  std::vector<FloatLayer> left_float = {};
  std::vector<std::string> warnings = {};
};

struct QuantizedModel {
  std::unique_ptr<Graph> graph = {};
  QuantizeReport report = {};
};

/// Options that say how to quantize.
OptionGroup quantize_options();
QuantizeRequest parse_quantize(const Arguments& arguments);

/// `graph` as imported.
QuantizedModel quantize_model(std::unique_ptr<Graph> graph, const Request& request,
                              const QuantizeRequest& quantize);

std::string report_table(const QuantizeReport& report);
std::string report_json(const QuantizeReport& report);

}  // namespace mlfc
