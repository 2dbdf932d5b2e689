// What a rule may do beyond adding nodes: variables that outlive a run, and other subgraphs.
#include "frontend/tflite/rule.h"
#include "frontend/tflite/scope.h"

namespace mlfc {
namespace {

constexpr int64_t tensors_a_step = 64;  // to set up a call; most are not even looked at

std::string key_of_tensor(const TfliteScope& scope, int tensor) {
  return fmt::format("subgraph {:6} tensor {:9}", scope.number(), tensor);
}

/// "container/shared_name": the second is what people call it.
std::string name_of(const std::string& resource) {
  return resource.substr(resource.find('/') + 1);
}

}  // namespace

Value& TfliteNode::state(int index) {
  const TfliteTensor& tensor = input_tensor(index);
  if (!tensor.is_variable) return input(index);  // models may also feed it from outside
  const int number = op_.inputs[static_cast<size_t>(index)];
  TfliteConversion& conversion = scope_.conversion();
  return conversion.read(
      conversion.variable(key_of_tensor(scope_, number), tensor.name, tensor, where_));
}

void TfliteNode::set_state(int index, Value& value) {
  const TfliteTensor& tensor = input_tensor(index);
  if (!tensor.is_variable) return;
  const int number = op_.inputs[static_cast<size_t>(index)];
  TfliteConversion& conversion = scope_.conversion();
  conversion.assign(conversion.variable(key_of_tensor(scope_, number), tensor.name, tensor, where_),
                    value, where_);
}

void TfliteNode::set_output_handle(int index, const std::string& resource) {
  output_tensor(index);
  scope_.bind_handle(op_.outputs[static_cast<size_t>(index)], resource);
}

const std::string& TfliteNode::input_handle(int index) const {
  input_tensor(index);
  return scope_.handle(op_.inputs[static_cast<size_t>(index)], where_);
}

Value& TfliteNode::read_resource(const std::string& resource, const TfliteTensor& type) {
  TfliteConversion& conversion = scope_.conversion();
  TfliteVariable& variable =
      conversion.variable("resource " + resource, name_of(resource), type, where_);
  return conversion.read(variable);
}

void TfliteNode::assign_resource(const std::string& resource, const TfliteTensor& type,
                                 Value& value) {
  TfliteConversion& conversion = scope_.conversion();
  TfliteVariable& variable =
      conversion.variable("resource " + resource, name_of(resource), type, where_);
  conversion.assign(variable, value, where_);
}

bool TfliteNode::is_exhausted() const {
  return scope_.conversion().is_exhausted();
}

TfliteVariables TfliteNode::variables() const {
  // Each is copied and put back, for every branch of the model.
  scope_.conversion().count_steps(static_cast<int64_t>(scope_.conversion().variables.size()),
                                  where_);
  TfliteVariables now;
  for (const auto& [key, variable] : scope_.conversion().variables) now[key] = variable.now;
  return now;
}

void TfliteNode::set_variables(const TfliteVariables& values) {
  for (auto& [key, variable] : scope_.conversion().variables) {
    const auto found = values.find(key);
    // Untouched then: what it held in the beginning, which may have been read since.
    Value* before = found == values.end() ? nullptr : found->second;
    variable.now = before != nullptr ? before : variable.before;
  }
}

std::vector<TfliteOperand> TfliteNode::operands(int first) {
  std::vector<TfliteOperand> all;
  for (int i = first; i < input_count(); ++i) {
    const int tensor = op_.inputs[static_cast<size_t>(i)];
    const bool is_handle = tensor >= 0 && scope_.holds_handle(tensor);
    all.push_back(is_handle ? TfliteOperand{nullptr, scope_.handle(tensor, where_)}
                            : TfliteOperand{&input(i), {}});
  }
  return all;
}

void TfliteNode::set_operand(int index, const TfliteOperand& operand) {
  if (operand.value == nullptr) {
    set_output_handle(index, operand.handle);
  } else {
    set_output(index, *operand.value);
  }
}

std::vector<TfliteOperand> TfliteNode::call(int64_t subgraph,
                                            const std::vector<TfliteOperand>& arguments) {
  const TfliteModel& model = scope_.conversion().model;
  const auto count = static_cast<int64_t>(model.subgraphs.size());
  if (subgraph < 1 || subgraph >= count) {
    fail(*this, "calls subgraph ", subgraph, " of ", count, " (0 is the model itself)");
  }
  if (scope_.depth() >= max_tflite_depth) {
    fail(*this, "subgraphs call each other deeper than ", max_tflite_depth, " levels");
  }
  const size_t tensors = model.subgraphs[static_cast<size_t>(subgraph)].tensors.size();
  scope_.conversion().count_steps(1 + static_cast<int64_t>(tensors) / tensors_a_step, where_);
  TfliteScope body(scope_.conversion(), subgraph, scope_.depth() + 1);
  const std::vector<int>& inputs = body.subgraph().inputs;
  if (inputs.size() != arguments.size()) {
    fail(*this, "hands ", arguments.size(), " values to subgraph ", subgraph, ", which takes ",
         inputs.size());
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (arguments[i].value == nullptr) {
      body.bind_handle(inputs[i], arguments[i].handle);
    } else {
      body.bind(inputs[i], *arguments[i].value, where_);
    }
  }
  body.convert();
  std::vector<TfliteOperand> results;
  for (const int output : body.subgraph().outputs) {
    results.push_back(body.holds_handle(output)
                          ? TfliteOperand{nullptr, body.handle(output, where_)}
                          : TfliteOperand{&body.value(output, where_), {}});
  }
  return results;
}

void TfliteNode::call_once(int64_t subgraph) {
  TfliteConversion& conversion = scope_.conversion();
  if (!conversion.initialised.insert(subgraph).second) return;
  const bool was_initialising = conversion.is_initialising;
  conversion.is_initialising = true;
  call(subgraph, {});
  conversion.is_initialising = was_initialising;
}

}  // namespace mlfc
