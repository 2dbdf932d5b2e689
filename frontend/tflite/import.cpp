// Converts a model: binds its inputs, walks its operators, names its outputs, and turns what the
// model keeps between runs into inputs and outputs.
#include "frontend/tflite/import.h"

#include <algorithm>
#include <set>

#include "frontend/tflite/scope.h"

namespace mlfc {
namespace {

/// The shape of an input: the model's, with what the user says of open dimensions.
Shape input_shape(const TfliteTensor& tensor, const TfliteImportOptions& options,
                  const std::string& where) {
  Shape shape = tensor.shape;
  const auto given = options.input_shapes.find(tensor.name);
  if (given != options.input_shapes.end()) {
    // A model that states no dimension at all leaves even their number open.
    const bool has_rank = !shape.empty();
    bool fits = !has_rank || given->second.size() == shape.size();
    for (size_t i = 0; fits && has_rank && i < shape.size(); ++i) {
      fits = given->second[i] == shape[i] || given->second[i] < 0 || tensor.is_open[i];
    }
    if (!fits) {
      fail(where, "--input-shapes gives it ", given->second, ", but the model says ", shape);
    }
    if (!has_rank) shape.assign(given->second.size(), -1);
    for (size_t i = 0; i < shape.size(); ++i) {
      if (given->second[i] > 0) shape[i] = given->second[i];
    }
  }
  if (std::ranges::any_of(shape, [](int64_t extent) { return extent < 1; })) {
    fail(where, "has the shape ", shape, "; state every dimension: --input-shapes \"", tensor.name,
         ":[...]\"");
  }
  return shape;
}

void check_input_names(const TfliteModel& model, const TfliteImportOptions& options) {
  const TfliteSubgraph& main = model.subgraphs.front();
  for (const auto& [name, shape] : options.input_shapes) {
    const auto is_named = [&](int input) {
      return main.tensors[static_cast<size_t>(input)].name == name;
    };
    if (std::ranges::any_of(main.inputs, is_named)) continue;
    std::string names;
    for (const int input : main.inputs) {
      names += (names.empty() ? "'" : ", '") + main.tensors[static_cast<size_t>(input)].name + "'";
    }
    fail(model.file, "--input-shapes names '", name, "', which is not an input; inputs are ",
         names.empty() ? "none" : names);
  }
}

void bind_inputs(TfliteScope& scope, TfliteConversion& conversion) {
  for (const int index : scope.subgraph().inputs) {
    const TfliteTensor& tensor = scope.tensor(index);
    const std::string where = conversion.model.file + ": input '" + tensor.name + "'";
    if (tensor.dtype == DType::none) {
      fail(where, "is of type ", tensor.type_name, ", which is not supported");
    }
    const auto constant = conversion.options.constant_inputs.find(tensor.name);
    if (constant == conversion.options.constant_inputs.end()) {
      const TensorType type{tensor.dtype, input_shape(tensor, conversion.options, where),
                            std::nullopt};
      element_count(type.shape);
      scope.bind(index, conversion.graph.add_input(tensor.name, type), where);
      continue;
    }
    if (constant->second.type.dtype != tensor.dtype) {
      fail(where, "has type ", tensor.dtype, " but its constant value is ", constant->second.type);
    }
    scope.bind(index, conversion.graph.add_constant(tensor.name, constant->second), where);
  }
}

/// An output is a value of its own: not an input, not a constant, not listed before.
void add_output(Graph& graph, Value& value, const std::string& name) {
  const bool is_shared = value.producer == nullptr || graph.is_output(value);
  if (!is_shared) {
    if (value.name != name && graph.find_value(name) == nullptr) graph.rename(value, name);
    graph.outputs.push_back(&value);
    return;
  }
  Node& copy = graph.add_node(operator_named("identity"), {&value}, {name});
  copy.sources = {name};
  copy.output().type = value.type;
  graph.outputs.push_back(&copy.output());
}

/// Variables that are read but never assigned are what they were in the beginning.
void settle(TfliteVariable& variable, const std::string& file, Graph& graph, TfliteImport& result) {
  if (variable.now == nullptr) return;
  const bool is_assigned = variable.now != variable.before;
  if (variable.before == nullptr) {
    // Written before it is ever read in a run: nothing of it survives.
    return;
  }
  if (!is_assigned) {
    Value& constant = graph.add_constant(variable.name, variable.initial);
    graph.replace_uses(*variable.before, constant);
    std::erase(graph.inputs, variable.before);
    return;
  }
  if (variable.now->type != variable.before->type) {
    fail(file + ": variable '" + variable.name + "'", "is ", variable.before->type, " but becomes ",
         variable.now->type);
  }
  add_output(graph, *variable.now, variable.name + "_next");
  result.output_names.push_back(variable.name + "_next");
  result.states.push_back({variable.before->name, result.output_names.back(), variable.initial});
}

}  // namespace

TfliteImport import_tflite(std::string bytes, const std::string& file,
                           const TfliteImportOptions& options) {
  const TfliteModel model = read_tflite(std::move(bytes), file);
  check_tflite_support(model);
  check_input_names(model, options);

  TfliteImport result;
  result.graph = std::make_unique<Graph>();
  TfliteConversion conversion{.model = model, .options = options, .graph = *result.graph};
  TfliteScope scope(conversion, 0, 0);
  bind_inputs(scope, conversion);
  scope.convert();
  for (const int index : scope.subgraph().outputs) {
    const std::string& name = scope.tensor(index).name;
    add_output(*result.graph, scope.value(index, file + ": output '" + name + "'"), name);
    result.output_names.push_back(name);
  }
  if (result.graph->outputs.empty()) fail(file, "the model has no output");
  for (auto& [key, variable] : conversion.variables) settle(variable, file, *result.graph, result);
  result.graph->remove_unused();
  return result;
}

std::vector<std::string> tflite_input_names(std::string bytes, const std::string& file) {
  const TfliteModel model = read_tflite(std::move(bytes), file);
  std::vector<std::string> names;
  const TfliteSubgraph& main = model.subgraphs.front();
  for (const int input : main.inputs) {
    names.push_back(main.tensors[static_cast<size_t>(input)].name);
  }
  return names;
}

}  // namespace mlfc
