// What quantizing did to a model, as a table for people and as JSON for programs.
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "frontend/cli/quantization.h"

namespace mlfc {
namespace {

using Json = nlohmann::ordered_json;

std::string decibels(double value) {
  return value >= 200 ? "exact" : fmt::format("{:.1f}", value);
}

std::string with_unit(double value) {
  return value >= 200 ? "exact" : fmt::format("{:.1f} dB", value);
}

std::string stored_text(const QuantizedLayer& layer) {
  if (!layer.is_stored) return "float";
  return fmt::format("{} {:.6g} {:+d}", to_text(layer.parameters.dtype), layer.parameters.scale,
                     layer.parameters.zero_point);
}

/// What hurts most, why, and what would help.
std::string suspect_lines(const QuantizeReport& report) {
  if (report.suspects.empty()) return "";
  std::string text = "what hurts most, and what would help:\n";
  for (const QuantizedSuspect& suspect : report.suspects) {
    text += fmt::format("  {:3.0f}% {} of {}: {:.3g} with {}\n", 100 * suspect.share,
                        suspect.is_weights ? "weights" : "result", suspect.layer,
                        suspect.error_without, suspect.advice);
  }
  return text;
}

std::string layer_lines(const QuantizeReport& report) {
  size_t width = 5;
  for (const QuantizedLayer& layer : report.layers) width = std::max(width, layer.name.size());
  width = std::min<size_t>(width, 48);
  std::string text = fmt::format("{:<{}}  {:<24} {:>8} {:>8} {:>8} {:>8}\n", "layer", width,
                                 "stored as", "storing", "operands", "own", "total");
  for (const QuantizedLayer& layer : report.layers) {
    // The end of a long name says more than its beginning.
    std::string name = layer.name;
    if (name.size() > width) name = ".." + name.substr(name.size() - width + 2);
    text += fmt::format("{:<{}}  {:<24} {:>8} {:>8} {:>8} {:>8}\n", name, width, stored_text(layer),
                        layer.is_stored ? decibels(layer.storing) : "-", decibels(layer.computing),
                        decibels(layer.own), decibels(layer.total));
  }
  return text;
}

std::string output_lines(const QuantizeReport& report) {
  std::string text;
  for (const QuantizedOutput& output : report.outputs) {
    text += fmt::format("output '{}': {}, relative error {:.4g}", output.name,
                        with_unit(output.decibels), output.relative_error);
    if (output.is_classes) {
      text += fmt::format(", same top 1 in {} of {} samples", output.same_top, report.evaluated);
    }
    if (output.is_classes && output.lost_margin > 0) {
      text += fmt::format("; those lost are among {} that the float model won by at most {:.3g}",
                          output.as_close, output.lost_margin);
    }
    text += "\n";
  }
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("'{}'", fmt::join(names, "', '"));
}

Json layer_json(const QuantizedLayer& layer) {
  Json json = {{"name", layer.name}, {"value", layer.value}};
  json["stored"] = layer.is_stored ? to_text(layer.parameters.dtype) : "float";
  if (layer.is_stored) {
    json["scale"] = layer.parameters.scale;
    json["zero_point"] = layer.parameters.zero_point;
    json["storing_db"] = layer.storing;
  }
  json["operands_db"] = layer.computing;
  json["own_db"] = layer.own;
  json["total_db"] = layer.total;
  return json;
}

}  // namespace

std::string report_table(const QuantizeReport& report) {
  std::string text =
      "signal to noise in dB: of storing a value, of quantized operands, of both; "
      "and in the whole model\n";
  text += layer_lines(report);
  text +=
      fmt::format("constants: {} bytes, {} as float\n", report.integer_bytes, report.float_bytes);
  text += fmt::format("calibrated with {} samples, measured on {} of {}\n", report.calibrated,
                      report.evaluated, report.evaluated_on);
  text += output_lines(report);
  if (!report.int16.empty()) text += "in 16 bits to meet the error: " + joined(report.int16) + "\n";
  if (!report.kept_float.empty()) {
    text += "kept float to meet the error: " + joined(report.kept_float) + "\n";
  }
  for (const FloatLayer& layer : report.left_float) {
    text +=
        fmt::format("stays float: '{}', {} weights: {}\n", layer.name, layer.weights, layer.reason);
  }
  for (const std::string& warning : report.warnings) text += "warning: " + warning + "\n";
  text += suspect_lines(report);
  return text;
}

std::string report_json(const QuantizeReport& report) {
  Json json;
  json["calibration_samples"] = report.calibrated;
  json["evaluation_samples"] = report.evaluated;
  json["evaluation_data"] = report.evaluated_on;
  json["float_constant_bytes"] = report.float_bytes;
  json["constant_bytes"] = report.integer_bytes;
  json["equalized_pairs"] = report.equalized_pairs;
  json["corrected_biases"] = report.corrected_biases;
  json["layers"] = Json::array();
  for (const QuantizedLayer& layer : report.layers) json["layers"].push_back(layer_json(layer));
  json["outputs"] = Json::array();
  for (const QuantizedOutput& output : report.outputs) {
    Json row = {
        {"name", output.name}, {"db", output.decibels}, {"relative_error", output.relative_error}};
    if (output.is_classes) row["same_top_1"] = output.same_top;
    if (output.is_classes) row["lost_margin"] = output.lost_margin;
    if (output.is_classes) row["as_close"] = output.as_close;
    json["outputs"].push_back(row);
  }
  json["int16"] = report.int16;
  json["kept_float"] = report.kept_float;
  json["left_float"] = Json::array();
  for (const FloatLayer& layer : report.left_float) {
    json["left_float"].push_back(
        {{"name", layer.name}, {"weights", layer.weights}, {"reason", layer.reason}});
  }
  json["warnings"] = report.warnings;
  json["worst"] = Json::array();
  for (const QuantizedSuspect& suspect : report.suspects) {
    json["worst"].push_back({{"name", suspect.layer},
                             {"value", suspect.value},
                             {"rounds", suspect.is_weights ? "weights" : "result"},
                             {"share", suspect.share},
                             {"error_without", suspect.error_without},
                             {"advice", suspect.advice}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mlfc
