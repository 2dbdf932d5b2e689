// Compiled code shows only its outputs. So the values that the compiled program stores anyway (what
// fusion left of the model's values) become outputs of a second compilation, and each is compared
// with what the interpreter computes for the value of that name in the model as it was imported.
#include "frontend/cli/layers.h"

#include <map>

#include "frontend/cli/compilation.h"
#include "ir/error.h"
#include "ir/interpret.h"

namespace mlfc {
namespace {

/// Every value of the model by name, as its operators define them.
std::map<std::string, Tensor> reference_values(Request request, const std::vector<Tensor>& inputs) {
  const std::unique_ptr<Graph> graph = load_model(request);
  request.pipeline = {};
  request.pipeline.stop_after = "infer-types";
  run_pipeline(*graph, request, machine_of(request));
  std::map<std::string, Tensor> values;
  InterpretOptions options;
  options.observe = [&](const Node&, const Value& value, const Tensor& tensor) {
    values.emplace(value.name, tensor);
  };
  interpret(*graph, inputs, options);
  return values;
}

/// Names of what the finished program's nodes store, in order.
std::vector<std::string> stored_values(const Request& request) {
  const std::unique_ptr<Graph> graph = load_model(request);
  run_pipeline(*graph, request, machine_of(request));
  std::vector<std::string> names;
  for (const auto& node : graph->nodes) {
    for (const Value* output : node->outputs) names.push_back(output->name);
  }
  return names;
}

/// Adds outputs to a graph as imported; the names of those that exist there.
std::vector<std::string> add_outputs(Graph& graph, const std::vector<std::string>& names) {
  std::vector<std::string> added;
  for (const std::string& name : names) {
    Value* value = graph.find_value(name);
    if (value == nullptr || value->is_constant() || graph.is_input(*value)) continue;
    if (!graph.is_output(*value)) graph.outputs.push_back(value);
  }
  for (const Value* output : graph.outputs) added.push_back(output->name);
  return added;
}

}  // namespace

std::string first_deviating_layer(const Request& request, const DeviceRequest& device,
                                  const Tolerance& tolerance, const std::vector<Tensor>& inputs) {
  const std::map<std::string, Tensor> reference = reference_values(request, inputs);
  const std::vector<std::string> stored = stored_values(request);
  std::unique_ptr<Graph> graph = load_model(request);
  const std::vector<std::string> names = add_outputs(*graph, stored);
  const std::vector<Tensor> got = prepare(std::move(graph), request, device)(inputs);

  std::map<std::string, const Tensor*> computed;
  for (size_t i = 0; i < names.size(); ++i) computed[names[i]] = &got[i];
  for (const std::string& name : stored) {
    const auto wanted = reference.find(name);
    const auto found = computed.find(name);
    if (wanted == reference.end() || found == computed.end()) continue;
    const Difference difference = compare(*found->second, wanted->second, tolerance);
    if (!difference.problem.empty()) return "'" + name + "': " + difference.problem;
  }
  return "none: every stored value agrees with the interpreter";
}

}  // namespace mlfc
