// Validates one test case. The data of a case also completes its model: open dimensions take the
// sizes of the data, and inputs that some operator must know at compile time become constants.
#include "frontend/cli/validation.h"

#include <algorithm>
#include <map>
#include <set>

#include "frontend/cli/compilation.h"
#include "frontend/cli/layers.h"
#include "ir/error.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

/// Inputs larger than this are data, not parameters, whatever an operator says.
constexpr int64_t max_parameter_elements = 4096;

std::vector<std::string> names_of(const std::vector<Value*>& values) {
  std::vector<std::string> names;
  for (const Value* value : values) names.push_back(value->name);
  return names;
}

/// Graph inputs that `value` is computed from, if they are integers: shapes, axes, counts.
void collect_parameters(const Graph& graph, const Value& value, std::set<const Value*>& seen,
                        std::set<std::string>& parameters) {
  if (!seen.insert(&value).second || value.is_constant()) return;
  if (value.producer != nullptr) {
    for (const Value* input : value.producer->inputs) {
      if (input != nullptr) collect_parameters(graph, *input, seen, parameters);
    }
    return;
  }
  const bool is_parameter = graph.is_input(value) && !is_float(value.type.dtype) &&
                            value.type.elements() <= max_parameter_elements;
  if (is_parameter) parameters.insert(value.name);
}

/// Names of the inputs that operators declare as needed at compile time.
std::set<std::string> compile_time_inputs(const Graph& graph) {
  std::set<std::string> parameters;
  std::set<const Value*> seen;
  for (const auto& node : graph.nodes) {
    const std::vector<std::string>& declared = node->op->inputs;
    for (size_t i = 0; i < node->inputs.size() && !declared.empty(); ++i) {
      const Slot slot = parse_slot(declared[std::min(i, declared.size() - 1)]);
      const Value* input = node->inputs[i];
      if (slot.constant && input != nullptr) {
        // What the operator needs it to be, it may be of any type itself.
        if (graph.is_input(*input)) parameters.insert(input->name);
        collect_parameters(graph, *input, seen, parameters);
      }
    }
  }
  return parameters;
}

std::map<std::string, Tensor> inputs_by_name(const TestSet& set, Request request,
                                             const std::string& model) {
  std::map<std::string, Tensor> tensors;
  if (set.inputs.empty()) return tensors;
  request.file = model;
  const std::vector<std::string> names = model_input_names(request);
  const TensorSet data = set.read_inputs();
  const std::vector<const Tensor*> matches = match(data, names);
  for (size_t i = 0; i < names.size(); ++i) {
    if (matches[i] == nullptr) fail(data.where, "holds no data for input '", names[i], "'");
    tensors.emplace(names[i], *matches[i]);
  }
  return tensors;
}

struct Imported {
  std::unique_ptr<Graph> graph = {};
  std::vector<TfliteState> states = {};
  Request request = {};  ///< with what the data says
};

Imported import_with_data(const TestCase& test, const Request& request,
                          const std::map<std::string, Tensor>& data) {
  Imported imported{.request = request};
  imported.request.file = test.model;
  for (const auto& [name, tensor] : data) {
    imported.request.import.input_shapes.emplace(name, tensor.type.shape);
  }
  const auto import = [&] {
    LoadedModel model = import_model(imported.request);
    imported.graph = std::move(model.graph);
    imported.states = std::move(model.states);
  };
  import();
  for (const std::string& name : compile_time_inputs(*imported.graph)) {
    const auto found = data.find(name);
    if (found != data.end()) imported.request.import.constant_inputs.emplace(name, found->second);
  }
  if (imported.request.import.constant_inputs.size() > request.import.constant_inputs.size()) {
    import();
  }
  return imported;
}

std::vector<Tensor> ordered_inputs(const Graph& graph, std::map<std::string, Tensor> data,
                                   const std::vector<TfliteState>& states) {
  // Recorded data is of a first run.
  for (const TfliteState& state : states) data.emplace(state.input, state.initial);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs) {
    const auto found = data.find(input->name);
    inputs.push_back(found == data.end() ? splat(input->type.plain(), 1)
                                         : as_recorded_for(input->type.dtype, found->second));
    if (inputs.back().type != input->type.plain()) {
      fail("input '" + input->name + "'", "the model has ", input->type, ", the data ",
           inputs.back().type);
    }
  }
  return inputs;
}

void compare_outputs(const std::vector<Tensor>& got, const std::vector<std::string>& names,
                     const TestSet& set, const Tolerance& tolerance, CaseResult& result) {
  const TensorSet data = set.read_outputs();
  const std::vector<const Tensor*> expected = match(data, names);
  for (size_t i = 0; i < names.size(); ++i) {
    if (expected[i] == nullptr) continue;
    const Difference difference = compare(got[i], *expected[i], tolerance);
    result.max_absolute = std::max(result.max_absolute, difference.max_absolute);
    result.max_relative = std::max(result.max_relative, difference.max_relative);
    if (difference.problem.empty() || result.verdict == Verdict::failed) continue;
    result.verdict = Verdict::failed;
    result.message = fmt::format("{}: output '{}' {}", set.name, names[i], difference.problem);
  }
}

void validate_set(const TestCase& test, const TestSet& set, const ValidationOptions& options,
                  CaseResult& result) {
  const std::map<std::string, Tensor> data = inputs_by_name(set, options.request, test.model);
  Imported imported = import_with_data(test, options.request, data);
  result.constants.clear();
  for (const auto& [name, tensor] : imported.request.import.constant_inputs) {
    result.constants.push_back(name);
  }
  const std::vector<std::string> outputs = names_of(imported.graph->outputs);
  const std::vector<Tensor> inputs = ordered_inputs(*imported.graph, data, imported.states);
  const RunnableModel model = prepare(std::move(imported.graph), imported.request, options.device);
  compare_outputs(model(inputs), outputs, set, options.tolerance, result);
  if (result.verdict == Verdict::failed && options.per_layer) {
    result.deviating_layer =
        first_deviating_layer(imported.request, options.device, options.tolerance, inputs);
  }
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

CaseResult with_verdict(CaseResult result, Verdict verdict, const std::string& message) {
  result.verdict = verdict;
  result.message = one_line(message);
  return result;
}

}  // namespace

CaseResult validate_case(const TestCase& test, const ValidationOptions& options) {
  CaseResult result;
  try {
    if (test.sets.empty()) fail(test.name, "has no test data beside it");
    for (const TestSet& set : test.sets) {
      validate_set(test, set, options, result);
      ++result.sets;
      if (result.verdict != Verdict::passed) break;
    }
    return result;
  } catch (const RunError& error) {
    return with_verdict(result, Verdict::failed, error.what());
  } catch (const UserError& error) {
    return with_verdict(result, Verdict::refused, error.what());
  } catch (const std::bad_alloc&) {
    return with_verdict(result, Verdict::refused, "not enough memory");
  } catch (const std::exception& error) {
    return with_verdict(result, Verdict::failed, std::string("internal error: ") + error.what());
  }
}

std::string to_text(Verdict verdict) {
  constexpr const char* names[] = {"passed", "failed", "refused"};
  return names[static_cast<int>(verdict)];
}

nlohmann::json to_json(const CaseResult& result) {
  return {{"verdict", to_text(result.verdict)},
          {"message", result.message},
          {"max_absolute_error", result.max_absolute},
          {"max_relative_error", result.max_relative},
          {"sets", result.sets},
          {"constants", result.constants},
          {"deviating_layer", result.deviating_layer}};
}

CaseResult result_from_json(const nlohmann::json& json) {
  CaseResult result;
  const auto verdict = json.value("verdict", "failed");
  result.verdict = verdict == "passed"    ? Verdict::passed
                   : verdict == "refused" ? Verdict::refused
                                          : Verdict::failed;
  result.message = json.value("message", "");
  result.max_absolute = json.value("max_absolute_error", 0.0);
  result.max_relative = json.value("max_relative_error", 0.0);
  result.sets = json.value("sets", 0);
  result.constants = json.value("constants", std::vector<std::string>{});
  result.deviating_layer = json.value("deviating_layer", "");
  return result;
}

}  // namespace mlfc
