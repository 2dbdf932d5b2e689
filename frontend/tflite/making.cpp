// How a rule adds to the graph: nodes with their types known at once, constants where everything is
// known, and the few shapes of values that nearly every rule needs.
#include <algorithm>

#include "frontend/tflite/rule.h"
#include "frontend/tflite/scope.h"
#include "ir/interpret.h"

namespace mlfc {
namespace {

/// Larger results wait for fold-constants: they are weights, and no shape depends on them.
constexpr int64_t largest_eager_fold = 65536;

bool are_known(const std::vector<Value*>& inputs) {
  return std::ranges::all_of(
      inputs, [](const Value* input) { return input == nullptr || input->is_constant(); });
}

std::vector<Tensor> computed(const Node& node) {
  if (node.op->fold != nullptr) {
    std::vector<Tensor> tensors = node.op->fold(node);
    if (!tensors.empty()) return tensors;
  }
  const bool can_run =
      node.op->kernel != nullptr || node.op->expand != nullptr || node.op->reference != nullptr;
  if (!can_run || node.op->region || !are_known(node.inputs)) return {};
  std::vector<const Tensor*> inputs;
  for (const Value* input : node.inputs) {
    inputs.push_back(input == nullptr ? nullptr : &*input->constant);
  }
  return interpret(node, inputs);
}

/// Replaces a node that was just added by constants when what it computes is known and small.
void fold(TfliteConversion& conversion, Node& node, std::vector<Value*>& outputs) {
  Graph& graph = conversion.graph;
  int64_t elements = 0;
  for (const Value* output : outputs) elements += output->type.elements();
  if (elements > largest_eager_fold && !conversion.is_initialising) return;
  if (!are_known(node.inputs) || !conversion.may_compute(interpreted_points(node))) return;
  std::vector<Tensor> tensors = computed(node);
  if (tensors.empty()) return;
  std::vector<std::string> names;
  for (const Value* output : outputs) names.push_back(output->name);
  graph.erase(node);
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = &graph.add_constant(names[i], std::move(tensors[i]));
  }
}

/// Holds what a rule hands on to what our operator declares: the file decides how many operands an
/// operator has, and which are absent or computed.
void check_operands(const TfliteNode& node, const Operator& op, const std::vector<Value*>& inputs) {
  const size_t declared = op.inputs.size();
  const bool is_variadic = declared > 0 && parse_slot(op.inputs.back()).variadic;
  if (inputs.size() > declared && !is_variadic) {
    fail(node, "has ", inputs.size(), " inputs, but ", op.name, " takes ", declared);
  }
  for (size_t i = 0; i < std::max(inputs.size(), declared); ++i) {
    const Slot slot = parse_slot(op.inputs[std::min(i, declared - 1)]);
    const Value* input = i < inputs.size() ? inputs[i] : nullptr;
    const bool is_needed = !slot.optional && (!slot.variadic || i < inputs.size());
    if (input == nullptr && is_needed) fail(node, "one of its inputs is missing");
    if (input != nullptr && slot.constant && !input->is_constant()) {
      fail(node, "'", input->name, "' must be known at compile time, but it is computed while ",
           "the model runs");
    }
  }
}

}  // namespace

std::vector<Value*> TfliteNode::add_all(std::string_view op, std::vector<Value*> inputs,
                                        int outputs, Attributes attributes) {
  TfliteConversion& conversion = scope_.conversion();
  conversion.count_steps(1, where_);
  check_operands(*this, operator_named(op), inputs);
  const std::string label = tflite_label(scope_.subgraph(), op_);
  const std::vector<std::string> names(static_cast<size_t>(outputs), label + "/" + std::string(op));
  Graph& graph = conversion.graph;
  Node& node = graph.add_node(operator_named(op), std::move(inputs), names, std::move(attributes));
  node.name = label;
  node.sources = {label};
  const std::vector<TensorType> types = node.op->infer(node);
  check(types.size() == node.outputs.size(), describe(node), " infers ", types.size(), " types");
  for (size_t i = 0; i < types.size(); ++i) {
    node.outputs[i]->type = types[i];
    element_count(types[i].shape);
  }
  std::vector<Value*> values = node.outputs;
  fold(conversion, node, values);
  return values;
}

Value& TfliteNode::add(std::string_view op, std::vector<Value*> inputs, Attributes attributes) {
  return *add_all(op, std::move(inputs), 1, std::move(attributes)).front();
}

Value& TfliteNode::constant(Tensor tensor) {
  scope_.conversion().count_steps(1, where_);
  const std::string label = tflite_label(scope_.subgraph(), op_);
  return scope_.conversion().graph.add_constant(label + "/constant", std::move(tensor));
}

Value& TfliteNode::scalar(DType dtype, double value) {
  return constant(tensor_of(dtype, {}, {value}));
}

Value& TfliteNode::integers_constant(const std::vector<int64_t>& values) {
  return constant(integer_tensor(values));
}

void TfliteNode::set_output(int index, Value& value) {
  const TfliteTensor& stated = output_tensor(index);
  if (stated.dtype != value.type.dtype) {
    fail(*this, "its output '", stated.name, "' is ", stated.type_name,
         " in the model, but the operator computes ", value.type);
  }
  Graph& graph = scope_.conversion().graph;
  const std::string label = tflite_label(scope_.subgraph(), op_);
  // Only what this operator made, and nobody has given a name of the model yet.
  const bool is_ours = value.name.starts_with(label + "/");
  if (is_ours && graph.find_value(stated.name) == nullptr) graph.rename(value, stated.name);
  scope_.bind(op_.outputs[static_cast<size_t>(index)], value, where_);
}

Value& TfliteNode::transposed(Value& value, const std::vector<int64_t>& perm) {
  return add("transpose", {&value}, {{"perm", perm}});
}

Value& TfliteNode::channels_first(Value& value) {
  std::vector<int64_t> perm = {0, value.type.rank() - 1};
  for (int i = 1; i + 1 < value.type.rank(); ++i) perm.push_back(i);
  return transposed(value, perm);
}

Value& TfliteNode::channels_last(Value& value) {
  std::vector<int64_t> perm = {0};
  for (int i = 2; i < value.type.rank(); ++i) perm.push_back(i);
  perm.push_back(1);
  return transposed(value, perm);
}

Value& TfliteNode::reshaped(Value& value, const Shape& shape) {
  if (value.type.shape == shape) return value;
  return add("reshape", {&value, &integers_constant(shape)}, {{"allowzero", int64_t{1}}});
}

Value& TfliteNode::activated(Value& value) {
  const std::string wanted = text("fused_activation_function", "NONE");
  const auto clipped = [&](double low, double high) -> Value& {
    const DType dtype = value.type.dtype;
    return add("clip", {&value, &scalar(dtype, low), &scalar(dtype, high)});
  };
  if (wanted == "NONE") return value;
  if (wanted == "RELU") return add("relu", {&value});
  if (wanted == "RELU6") return clipped(0, 6);
  if (wanted == "RELU_N1_TO_1") return clipped(-1, 1);
  fail(*this, "its fused activation ", wanted, " is not supported");
}

std::pair<int64_t, int64_t> TfliteNode::window_padding(int64_t input, int64_t taps, int64_t stride,
                                                       int64_t dilation) const {
  const std::string padding = text("padding", "SAME");
  if (stride < 1 || dilation < 1 || taps < 1) {
    fail(*this, "has a window of ", taps, " taps, stride ", stride, " and dilation ", dilation,
         "; all must be positive");
  }
  if (padding == "VALID") return {0, 0};
  if (padding != "SAME") fail(*this, "its padding is ", padding, ", but only SAME and VALID exist");
  const int64_t output = (input + stride - 1) / stride;
  const int64_t total =
      std::max<int64_t>(0, (output - 1) * stride + (taps - 1) * dilation + 1 - input);
  return {total / 2, total - total / 2};
}

}  // namespace mlfc
