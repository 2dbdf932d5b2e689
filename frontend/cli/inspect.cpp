// `mlfc inspect`: what a model is and what it would cost, without writing anything.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "frontend/cli/compilation.h"
#include "frontend/cli/subcommand.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "passes/kernel/why_reals.h"

namespace mlfc {
namespace {

using Json = nlohmann::ordered_json;

struct Layer {
  std::string name = {};
  std::string op = {};
  std::string output = {};  ///< type of the first output
  int64_t macs = 0;
  int64_t parameters = 0;  ///< elements of the constants it reads
  int64_t parameter_bytes = 0;
  std::string in_reals = {};    ///< why quantized numbers are computed with as reals
  bool floating_point = false;  ///< although --requantize fixed was asked for
  int64_t live_bytes = 0;  ///< stored values alive while it runs, model inputs and outputs included
};

struct Report {
  std::vector<Layer> layers = {};
  std::map<std::string, int> operators = {};
  int64_t macs = 0;
  int64_t parameters = 0;
  int64_t parameter_bytes = 0;
  int64_t peak_bytes = 0;
  int64_t workspace_bytes = 0;
};

Syntax syntax() {
  Syntax syntax{.command = "mlfc inspect",
                .summary =
                    "Shows a model's inputs, outputs and operators, its multiply-accumulates, "
                    "parameters and memory, layer by layer, as it would be compiled.",
                .positional = "FILE"};
  syntax.groups.push_back({"output", {{.name = "--json", .help = "Print one JSON object."}}});
  for (OptionGroup& group : compile_options()) syntax.groups.push_back(std::move(group));
  syntax.groups.push_back(common_options());
  return syntax;
}

/// Bytes of values alive while each node runs, in node order.
std::vector<int64_t> live_bytes(const Graph& graph) {
  std::map<const Value*, std::pair<int, int>> lifetimes;
  const int count = static_cast<int>(graph.nodes.size());
  const auto touch = [&](const Value* value, int time) {
    if (value == nullptr) return;
    const Value& storage = storage_of(*value);
    if (storage.is_constant()) return;
    const auto [entry, is_new] = lifetimes.try_emplace(&storage, time, time);
    if (is_new) return;
    entry->second.first = std::min(entry->second.first, time);
    entry->second.second = std::max(entry->second.second, time);
  };
  for (const Value* input : graph.inputs) {
    touch(input, 0);  // the caller's buffers exist throughout
    touch(input, count - 1);
  }
  int time = 0;
  for (const auto& node : graph.nodes) {
    for (const Value* value : node->inputs) touch(value, time);
    for (const Value* value : node->outputs) touch(value, time);
    for (const Value* value : node->scratch) touch(value, time);
    ++time;
  }
  for (const Value* output : graph.outputs) {
    touch(output, 0);
    touch(output, count - 1);
  }
  std::vector<int64_t> bytes(static_cast<size_t>(count), 0);
  for (const auto& [value, life] : lifetimes) {
    for (int t = life.first; t <= life.second; ++t) {
      bytes[static_cast<size_t>(t)] += value->type.storage_bytes();
    }
  }
  return bytes;
}

std::string layer_name(const Node& node) {
  std::string name;
  for (const std::string& source : node.sources) name += (name.empty() ? "" : " + ") + source;
  return name.empty() ? node.outputs.front()->name : name;
}

Layer layer_of(const Node& node, std::set<const Value*>& counted) {
  Layer layer;
  layer.name = layer_name(node);
  layer.op = node.op->name;
  layer.output = to_text(node.outputs.front()->type.plain());
  if (node.kernel) layer.macs = multiply_count(*node.kernel);
  for (const Value* input : node.inputs) {
    if (input == nullptr || !input->is_constant() || !counted.insert(input).second) continue;
    layer.parameters += input->type.elements();
    layer.parameter_bytes += input->type.storage_bytes();
  }
  return layer;
}

Report examine(const Graph& graph, bool is_fixed) {
  Report report;
  const std::vector<int64_t> live = live_bytes(graph);
  std::set<const Value*> counted;
  size_t time = 0;
  for (const auto& node : graph.nodes) {
    Layer layer = layer_of(*node, counted);
    layer.live_bytes = live[time++];
    layer.in_reals = why_in_reals(graph, *node);
    layer.floating_point = is_fixed && computes_with_reals(*node);
    report.macs += layer.macs;
    report.parameters += layer.parameters;
    report.parameter_bytes += layer.parameter_bytes;
    report.peak_bytes = std::max(report.peak_bytes, layer.live_bytes);
    if (!node->is_free) report.layers.push_back(layer);
  }
  for (const Pool& pool : graph.pools) report.workspace_bytes += pool.bytes;
  return report;
}

Json tensors_json(const std::vector<Value*>& values) {
  Json list = Json::array();
  for (const Value* value : values) {
    list.push_back({{"name", value->name},
                    {"dtype", std::string(info(value->type.dtype).numpy_name)},
                    {"shape", value->type.shape},
                    {"bytes", value->type.elements() * bytes_of(value->type.dtype)}});
  }
  return list;
}

Json to_json(const Graph& graph, const Report& report, const std::string& file) {
  Json layers = Json::array();
  for (const Layer& layer : report.layers) {
    layers.push_back({{"name", layer.name},
                      {"operator", layer.op},
                      {"output", layer.output},
                      {"macs", layer.macs},
                      {"parameters", layer.parameters},
                      {"parameter_bytes", layer.parameter_bytes},
                      {"live_bytes", layer.live_bytes}});
    if (!layer.in_reals.empty()) layers.back()["computed_in_reals"] = layer.in_reals;
    if (layer.floating_point) layers.back()["floating_point"] = true;
  }
  return {{"file", file},
          {"inputs", tensors_json(graph.inputs)},
          {"outputs", tensors_json(graph.outputs)},
          {"operators", report.operators},
          {"macs", report.macs},
          {"parameters", report.parameters},
          {"parameter_bytes", report.parameter_bytes},
          {"peak_live_bytes", report.peak_bytes},
          {"workspace_bytes", report.workspace_bytes},
          {"layers", layers}};
}

/// 1234567 as 1,234,567.
std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string shortened(const std::string& text, size_t width) {
  return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

void print_text(const Graph& graph, const Report& report, const std::string& file) {
  fmt::print("{}\n", file);
  for (const Value* value : graph.inputs) {
    fmt::print("  input      {}: {}\n", value->name, to_text(value->type.plain()));
  }
  for (const Value* value : graph.outputs) {
    fmt::print("  output     {}: {}\n", value->name, to_text(value->type.plain()));
  }
  std::string list;
  for (const auto& [name, count] : report.operators) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", count, name);
  }
  fmt::print("  operators  {}\n", list.empty() ? "none" : list);
  fmt::print("  MACs       {}\n", grouped(report.macs));
  fmt::print("  parameters {} ({} bytes)\n", grouped(report.parameters),
             grouped(report.parameter_bytes));
  fmt::print("  memory     {} bytes at the peak, inputs and outputs included; workspace {} bytes\n",
             grouped(report.peak_bytes), grouped(report.workspace_bytes));
  if (report.layers.empty()) return;
  fmt::print("\n{:<40} {:<16} {:<24} {:>14} {:>12} {:>12}\n", "layer", "operator", "output", "MACs",
             "parameters", "live bytes");
  for (const Layer& layer : report.layers) {
    fmt::print("{:<40} {:<16} {:<24} {:>14} {:>12} {:>12}\n", shortened(layer.name, 40),
               shortened(layer.op, 16), shortened(layer.output, 24), grouped(layer.macs),
               grouped(layer.parameters), grouped(layer.live_bytes));
  }
  for (const Layer& layer : report.layers) {
    if (layer.in_reals.empty()) continue;
    fmt::print("{} is quantized but computed in reals: {}\n", layer.name, layer.in_reals);
  }
  for (const Layer& layer : report.layers) {
    if (!layer.floating_point) continue;
    fmt::print("{} needs floating point: it is more than a sum of scaled integers\n", layer.name);
  }
}

int run(const Arguments& arguments) {
  Request request = parse_request(arguments);
  request.file = arguments.file();
  const Machine machine = machine_of(request);
  const std::unique_ptr<Graph> graph = load_model(request);
  std::map<std::string, int> operators;  // of the model itself, before it is simplified
  for (const auto& node : graph->nodes) ++operators[node->op->name];
  run_pipeline(*graph, request, machine);
  Report report = examine(*graph, request.options.requantize == "fixed");
  report.operators = operators;
  if (arguments.has("--json")) {
    const Json json = to_json(*graph, report, request.file);
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(*graph, report, request.file);
  }
  return 0;
}

const Subcommand inspect{.name = "inspect",
                         .summary = "Show what a model is and what it costs.",
                         .syntax = syntax,
                         .run = run};
const RegisteredSubcommand registered{inspect};

}  // namespace
}  // namespace mlfc
