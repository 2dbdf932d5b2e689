// The operator registry and the helpers operator files share.
#include "ir/operator.h"

#include <algorithm>
#include <map>

namespace mlfc {
namespace {

std::map<std::string, const Operator*, std::less<>>& registry() {
  static std::map<std::string, const Operator*, std::less<>> by_name;
  return by_name;
}

std::map<std::string, const Operator*, std::less<>>& onnx_registry() {
  static std::map<std::string, const Operator*, std::less<>> by_name;
  return by_name;
}

void give(std::map<std::string, const Operator*, std::less<>>& names, const std::string& name,
          const Operator& op) {
  const bool fresh = names.emplace(name, &op).second;
  check(fresh, "two operators are called '", name, "'");
}

std::string slot_name(const std::vector<std::string>& declared, size_t index) {
  if (index < declared.size()) {
    const Slot slot = parse_slot(declared[index]);
    return slot.variadic ? slot.name + "0" : slot.name;
  }
  check(!declared.empty(), "an operand of an operator that declares none");
  const Slot last = parse_slot(declared.back());
  check(last.variadic, "more operands than the operator declares");
  return last.name + std::to_string(index - (declared.size() - 1));
}

}  // namespace

RegisteredOperator::RegisteredOperator(const Operator& op) {
  give(registry(), op.name, op);
  for (const std::string& name : op.onnx) give(onnx_registry(), name, op);
}

const Operator* find_operator(std::string_view name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second;
}

const Operator& operator_named(std::string_view name) {
  const Operator* op = find_operator(name);
  check(op != nullptr, "no operator is called '", name, "'");
  return *op;
}

const Operator* find_onnx_operator(std::string_view domain, std::string_view op_type) {
  const bool standard = domain.empty() || domain == "ai.onnx";
  const std::string name =
      standard ? std::string(op_type) : std::string(domain) + "." + std::string(op_type);
  const auto found = onnx_registry().find(name);
  return found == onnx_registry().end() ? nullptr : found->second;
}

std::vector<const Operator*> operators() {
  std::vector<const Operator*> all;
  for (const auto& [name, op] : registry()) all.push_back(op);
  return all;
}

Slot parse_slot(const std::string& declared) {
  Slot slot{.name = declared};
  const auto strip = [&](std::string_view mark) {
    const size_t at = slot.name.find(mark);
    if (at != std::string::npos) slot.name.erase(at, mark.size());
    return at != std::string::npos;
  };
  slot.variadic = strip("...");
  slot.optional = strip("?");
  slot.constant = strip("!");
  return slot;
}

std::string input_name(const Node& node, int index) {
  return slot_name(node.op->inputs, static_cast<size_t>(index));
}

std::string output_name(const Node& node, int index) {
  return slot_name(node.op->outputs, static_cast<size_t>(index));
}

AttributeSpec integer(std::string name, int64_t fallback) {
  return {std::move(name), fallback};
}
AttributeSpec real(std::string name, double fallback) {
  return {std::move(name), fallback};
}
AttributeSpec text(std::string name, std::string fallback) {
  return {std::move(name), std::move(fallback)};
}
AttributeSpec ints(std::string name, std::vector<int64_t> fallback) {
  return {std::move(name), std::move(fallback)};
}
AttributeSpec reals(std::string name, std::vector<double> fallback) {
  return {std::move(name), std::move(fallback)};
}
AttributeSpec required(AttributeSpec spec) {
  spec.required = true;
  return spec;
}

Expansion::Expansion(Graph& graph, const Node& node) : graph_(graph), node_(node) {}

std::vector<Value*> Expansion::add_all(std::string_view op, std::vector<Value*> inputs, int outputs,
                                       Attributes attributes) {
  const std::string base = node_.outputs.front()->name;
  const std::vector<std::string> names(static_cast<size_t>(outputs), base + "/" + std::string(op));
  Node& added = graph_.insert_node(graph_.position(node_), operator_named(op), std::move(inputs),
                                   names, std::move(attributes));
  added.name = node_.name;
  added.sources = node_.sources;
  const std::vector<TensorType> types = added.op->infer(added);
  for (size_t i = 0; i < types.size(); ++i) added.outputs[i]->type = types[i];
  return added.outputs;
}

Value& Expansion::add(std::string_view op, std::vector<Value*> inputs, Attributes attributes) {
  return *add_all(op, std::move(inputs), 1, std::move(attributes)).front();
}

Value& Expansion::constant(Tensor tensor) {
  return graph_.add_constant(node_.outputs.front()->name + "/constant", std::move(tensor));
}

Value& Expansion::scalar(DType dtype, double value) {
  return constant(tensor_of(dtype, {}, {value}));
}

std::vector<TensorType> infer_by_expanding(const Node& node) {
  // Weights are not copied for this: no type depends on them.
  constexpr int64_t largest_copied = 4096;
  Graph scratch;
  std::vector<Value*> inputs;
  for (const Value* input : node.inputs) {
    if (input == nullptr) {
      inputs.push_back(nullptr);
    } else if (input->is_constant() && input->type.elements() <= largest_copied) {
      inputs.push_back(&scratch.add_constant(input->name, *input->constant));
    } else {
      inputs.push_back(&scratch.add_value(input->name, input->type.plain()));
    }
  }
  std::vector<std::string> names;
  for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
  Node& copy = scratch.add_node(*node.op, inputs, names, node.attributes);
  copy.name = node.name;
  copy.sources = node.sources;
  Expansion expansion(scratch, copy);
  std::vector<TensorType> types;
  for (const Value* value : node.op->expand(expansion)) types.push_back(value->type.plain());
  return types;
}

std::vector<int64_t> constant_integers(const Node& node, int input) {
  const Value& value = node.input(input);
  if (!value.is_constant()) {
    fail(node, "input '", input_name(node, input), "' (", value.name,
         ") must be known at compile time, but it is computed while the model runs");
  }
  if (is_float(value.constant->type.dtype)) {
    fail(node, "input '", input_name(node, input), "' must hold integers, not ",
         value.constant->type);
  }
  return value.constant->integers();
}

int normalized_axis(const Node& node, int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    fail(node, "axis ", axis, " does not exist in a tensor of rank ", rank);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> normalized_axes(const Node& node, const std::vector<int64_t>& axes, int rank) {
  std::vector<int> normalized;
  for (const int64_t axis : axes) {
    normalized.push_back(normalized_axis(node, axis, rank));
    const auto repeats = std::count(normalized.begin(), normalized.end(), normalized.back());
    if (repeats > 1) fail(node, "axis ", axis, " is listed twice");
  }
  return normalized;
}

Shape broadcast_shape(const Node& node, const Shape& a, const Shape& b) {
  Shape result = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  const size_t lead = result.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& extent = result[lead + i];
    const bool fits = extent == shorter[i] || extent == 1 || shorter[i] == 1;
    if (!fits) fail(node, "shapes ", a, " and ", b, " do not broadcast to one shape");
    if (extent == 1) extent = shorter[i];
  }
  return result;
}

std::vector<Expr> broadcast_indices(const Shape& shape, const std::vector<Expr>& result_indices) {
  std::vector<Expr> indices;
  const size_t lead = result_indices.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    indices.push_back(shape[i] == 1 ? integer_expr(0, DType::i64) : result_indices[lead + i]);
  }
  return indices;
}

void attribute_to_input(ForeignNode& node, const std::string& name, int input) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return;
  Tensor tensor;
  if (const auto* list = std::get_if<std::vector<int64_t>>(&found->second)) {
    tensor = integer_tensor(*list);
  } else if (const auto* single = std::get_if<int64_t>(&found->second)) {
    tensor = integer_tensor({*single});
  } else {
    fail("node '" + node.name + "' (" + node.op_type + ")", "attribute '", name,
         "' should be a list of integers");
  }
  while (node.inputs.size() <= static_cast<size_t>(input)) node.inputs.push_back(nullptr);
  const std::string base = node.outputs.empty() ? node.name : node.outputs.front();
  node.inputs[static_cast<size_t>(input)] =
      &node.graph->add_constant(base + "/" + name, std::move(tensor));
  node.attributes.erase(found);
}

void input_to_attribute(ForeignNode& node, int input, const std::string& name) {
  const auto index = static_cast<size_t>(input);
  if (index >= node.inputs.size() || node.inputs[index] == nullptr) return;
  const Value& value = *node.inputs[index];
  if (!value.is_constant()) {
    fail("node '" + node.name + "' (" + node.op_type + ")", "'", name, "' (", value.name,
         ") must be known at compile time");
  }
  node.attributes[name] = value.constant->integers();
  node.inputs.erase(node.inputs.begin() + input);
}

}  // namespace mlfc
