// Walks the operators of a subgraph and keeps what its tensors stand for.
#include "frontend/tflite/scope.h"

#include <algorithm>

namespace mlfc {
namespace {

/// What a rule finds wrong, it says of a node or of the operator; the file is added here.
void convert_operator(const TfliteRule& rule, TfliteNode& node, const TfliteModel& model) {
  try {
    if (node.input_count() < rule.inputs || node.output_count() < rule.outputs) {
      fail(node, "has ", node.input_count(), " inputs and ", node.output_count(),
           " outputs, but at least ", rule.inputs, " and ", rule.outputs, " are needed");
    }
    for (int i = 0; i < node.output_count() && !rule.takes_handles; ++i) {
      const TfliteTensor& output = node.output_tensor(i);
      if (output.dtype != DType::none) continue;
      fail(node, "its output '", output.name, "' is of type ", output.type_name,
           ", which is not supported");
    }
    rule.convert(node);
  } catch (const UserError& error) {
    const std::string_view text = error.what();
    if (text.starts_with(model.file)) throw;
    fail(node, text);
  }
}

}  // namespace

TfliteVariable& TfliteConversion::variable(const std::string& key, const std::string& name,
                                           const TfliteTensor& type, const std::string& where) {
  const auto found = variables.find(key);
  if (found != variables.end()) return found->second;
  if (type.dtype == DType::none)
    fail(where, "a variable of type ", type.type_name, " is not supported");
  if (std::ranges::count(type.shape, -1) > 0) {
    fail(where, "the variable '", name, "' has the open shape ", type.shape);
  }
  const TensorType stored{type.dtype, type.shape, std::nullopt};
  constant_bytes += stored.storage_bytes();
  if (stored.storage_bytes() > max_tflite_variable_bytes) {
    fail(where, "the variable '", name, "' takes ", stored.storage_bytes(), " bytes");
  }
  TfliteVariable fresh{.name = name};
  const bool has_zero_point = type.dtype == DType::i8 && !type.quantization.empty();
  const double rest =
      has_zero_point ? static_cast<double>(type.quantization.zero_points.front()) : 0;
  fresh.initial = splat(stored, rest);
  return variables.emplace(key, std::move(fresh)).first->second;
}

Value& TfliteConversion::read(TfliteVariable& variable) {
  if (variable.now != nullptr) return *variable.now;
  const bool is_input = options.states == TfliteStates::explicit_ && !is_initialising;
  Value& value = is_input ? graph.add_input(variable.name, variable.initial.type)
                          : graph.add_constant(variable.name, variable.initial);
  if (is_input) variable.before = &value;
  if (!is_initialising) variable.now = &value;
  return value;
}

void TfliteConversion::assign(TfliteVariable& variable, Value& value, const std::string& where) {
  if (!is_initialising) {
    variable.now = &value;
    return;
  }
  if (!value.is_constant()) {
    fail(where, "the initial value of '", variable.name, "' ",
         is_exhausted() ? "takes too long to compute at compile time"
                        : "depends on an input of the model, which is not supported");
  }
  variable.initial = *value.constant;
}

void TfliteConversion::count_steps(int64_t more, const std::string& where) {
  steps += more;
  if (steps <= max_tflite_steps) return;
  fail(where, "the model takes more than ", max_tflite_steps,
       " nodes, constants and calls; export it with fewer turns of its loops");
}

bool TfliteConversion::may_compute(int64_t more) {
  points += std::min(more, max_tflite_points + 1);
  return !is_exhausted();
}

TfliteScope::TfliteScope(TfliteConversion& conversion, int64_t subgraph, int depth)
    : conversion_(conversion),
      subgraph_(conversion.model.subgraphs.at(static_cast<size_t>(subgraph))),
      number_(subgraph),
      depth_(depth),
      slots_(subgraph_.tensors.size()) {}

const TfliteTensor& TfliteScope::tensor(int index) const {
  return subgraph_.tensors.at(static_cast<size_t>(index));
}

void TfliteScope::bind(int tensor, Value& value, const std::string& where) {
  Slot& slot = slots_.at(static_cast<size_t>(tensor));
  if (slot.value != nullptr || !slot.handle.empty() || this->tensor(tensor).is_constant) {
    fail(where, "tensor '", this->tensor(tensor).name, "' is computed twice");
  }
  slot.value = &value;
}

void TfliteScope::bind_handle(int tensor, const std::string& resource) {
  slots_.at(static_cast<size_t>(tensor)).handle = resource;
}

bool TfliteScope::holds_handle(int tensor) const {
  return !slots_.at(static_cast<size_t>(tensor)).handle.empty();
}

const std::string& TfliteScope::handle(int tensor, const std::string& where) const {
  const std::string& resource = slots_.at(static_cast<size_t>(tensor)).handle;
  if (resource.empty()) fail(where, "tensor '", this->tensor(tensor).name, "' names no variable");
  return resource;
}

Value& TfliteScope::value(int index, const std::string& where) {
  Slot& slot = slots_.at(static_cast<size_t>(index));
  if (slot.value != nullptr) return *slot.value;
  const TfliteTensor& stored = tensor(index);
  if (stored.dtype == DType::none) {
    fail(where, "'", stored.name, "' is of type ", stored.type_name, ", which is not supported");
  }
  // A tensor without elements is a constant without bytes.
  const bool is_empty = std::ranges::count(stored.shape, 0) > 0;
  if (!stored.is_constant && !is_empty) {
    fail(where, "reads '", stored.name, "', which no operator before it computes");
  }
  Value*& shared = conversion_.constants[{number_, index}];
  if (shared == nullptr) {
    count_constant(stored, where);
    shared = &conversion_.graph.add_constant(stored.name, tflite_constant(stored));
  }
  slot.value = shared;
  return *slot.value;
}

/// Tensors may share a buffer, so that a file describes more than it holds.
void TfliteScope::count_constant(const TfliteTensor& stored, const std::string& where) {
  const auto in_file = static_cast<int64_t>(conversion_.model.bytes.size());
  conversion_.constant_bytes += static_cast<int64_t>(stored.data.size());
  if (conversion_.constant_bytes <= in_file + max_tflite_constant_bytes) return;
  fail(where, "the constants of the model take ", conversion_.constant_bytes,
       " bytes, but its file only ", in_file);
}

void TfliteScope::convert() {
  for (size_t i = 0; i < subgraph_.operators.size(); ++i) {
    const TfliteOperator& op = subgraph_.operators[i];
    TfliteNode node(*this, op, tflite_place(conversion_.model, number_, i));
    conversion_.count_steps(1, node.where());
    const TfliteRule* rule = find_tflite_rule(op.name, op.is_custom, is_quantized(subgraph_, op));
    check(rule != nullptr, "check_tflite_support let ", op.name, " pass");
    convert_operator(*rule, node, conversion_.model);
  }
}

std::string tflite_label(const TfliteSubgraph& subgraph, const TfliteOperator& op) {
  if (op.outputs.empty()) return op.name;
  return subgraph.tensors[static_cast<size_t>(op.outputs.front())].name;
}

std::string tflite_place(const TfliteModel& model, int64_t subgraph, size_t index) {
  const TfliteSubgraph& graph = model.subgraphs[static_cast<size_t>(subgraph)];
  const TfliteOperator& op = graph.operators[index];
  const std::string part = subgraph == 0 ? "" : fmt::format("subgraph {}: ", subgraph);
  return fmt::format("{}: {}operator {} {} '{}'", model.file, part, index, op.name,
                     tflite_label(graph, op));
}

Tensor tflite_constant(const TfliteTensor& tensor) {
  Tensor result(TensorType{tensor.dtype, tensor.shape, std::nullopt});
  if (tensor.type_name != "INT4") {
    check(result.bytes.size() == tensor.data.size(), "a constant of another size was let pass");
    std::ranges::copy(tensor.data, result.bytes.begin());
    return result;
  }
  for (size_t i = 0; i < result.bytes.size(); ++i) {
    const int byte = static_cast<int>(tensor.data[i / 2]);
    const int bits = i % 2 == 0 ? byte & 15 : byte >> 4;  // the low half comes first
    result.bytes[i] = static_cast<std::byte>(bits < 8 ? bits : bits - 16);
  }
  return result;
}

}  // namespace mlfc
