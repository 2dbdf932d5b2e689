// The options of quantizing and what they are turned into.
#include "frontend/cli/quantization.h"
#include "ir/error.h"

namespace mlfc {
namespace {

std::set<std::string> names_in(const Arguments& arguments, const std::string& option) {
  std::set<std::string> names;
  for (const std::string& list : arguments.all(option)) {
    for (const std::string& name : split_commas(list)) names.insert(name);
  }
  return names;
}

}  // namespace

OptionGroup quantize_options() {
  return {
      "quantizing",
      {{.name = "--calibrate",
        .value = "DATA",
        .help = "Inputs as the model will see them: a .npy (samples along axis 0), a .npz with an "
                "array for each input, or a folder of such files."},
       {.name = "--evaluate",
        .value = "DATA",
        .help = "Inputs to measure the result with (default: those to calibrate with)."},
       {.name = "--samples", .value = "N", .help = "Use the first N samples (default: 1000)."},
       {.name = "--method",
        .value = "METHOD",
        .help = "How ranges of values are found: all of it, all but a few outliers, or the best "
                "by divergence or by squared error (default: mse).",
        .choices = {"minmax", "percentile", "entropy", "mse"}},
       {.name = "--percentile",
        .value = "P",
        .help = "Share of the numbers inside the range, in percent (default: 99.99)."},
       {.name = "--activations",
        .value = "TYPE",
        .help = "Integers that values are stored in (default: int8).",
        .choices = {"int8", "uint8"}},
       {.name = "--symmetric", .help = "Store values without a zero point."},
       {.name = "--weights",
        .value = "SCALES",
        .help = "One scale for each output channel of weights, or one for all (default: channel).",
        .choices = {"channel", "tensor"}},
       {.name = "--io",
        .value = "TYPE",
        .help = "What the quantized model's inputs and outputs are (default: float).",
        .choices = {"float", "int8"}},
       {.name = "--int16",
        .value = "NAMES",
        .help = "Layers or values to store in 16 bits (repeatable)."},
       {.name = "--keep-float",
        .value = "NAMES",
        .help = "Layers to compute in float (repeatable)."},
       {.name = "--equalize",
        .help = "Balance the weights of neighbouring layers channel by channel first."},
       {.name = "--no-bias-correction",
        .help = "Leave biases alone instead of making up for the mean error of each channel."},
       {.name = "--max-error",
        .value = "E",
        .help = "Largest relative error of the outputs (0.05 is 26 dB): the layers that hurt most "
                "get 16 bits, then float, until it is met."}}};
}

QuantizeRequest parse_quantize(const Arguments& arguments) {
  QuantizeRequest request;
  request.calibrate = arguments.text("--calibrate");
  if (request.calibrate.empty()) {
    throw UsageError("--calibrate is missing: quantizing needs inputs as the model will see them");
  }
  request.evaluate = arguments.text("--evaluate");
  const int64_t samples = arguments.integer("--samples", 1000);
  if (samples < 1) throw UsageError("--samples must be at least 1");
  request.most_samples = static_cast<size_t>(samples);
  QuantizeOptions& options = request.options;
  options.method.method = *method_named(arguments.text("--method", "mse"));
  options.method.percentile = arguments.real("--percentile", 99.99);
  if (!(options.method.percentile > 50 && options.method.percentile <= 100)) {
    throw UsageError("--percentile must be above 50 and at most 100");
  }
  const bool is_unsigned = arguments.text("--activations", "int8") == "uint8";
  options.activations = is_unsigned ? DType::u8 : DType::i8;
  options.symmetric = arguments.has("--symmetric");
  options.per_channel = arguments.text("--weights", "channel") == "channel";
  options.integer_io = arguments.text("--io", "float") != "float";
  options.int16 = names_in(arguments, "--int16");
  options.keep_float = names_in(arguments, "--keep-float");
  request.equalize = arguments.has("--equalize");
  request.correct_bias = !arguments.has("--no-bias-correction");
  request.max_error = arguments.real("--max-error", 0);
  if (arguments.has("--max-error") && !(request.max_error > 0)) {
    throw UsageError("--max-error must be above 0");
  }
  return request;
}

}  // namespace mlfc
