// Converts nodes one by one: look the operator up, let it adopt the foreign form, hold the result
// against what it declares, add it to the graph. Calls of the model's own functions are replaced by
// their bodies on the way; nodes that are constants become constants.
#include <algorithm>

#include "frontend/onnx/model.h"
#include "frontend/onnx/tensor_data.h"

namespace mlfc {
namespace {

std::vector<Slot> slots_of(const std::vector<std::string>& declared) {
  std::vector<Slot> slots;
  for (const std::string& text : declared) slots.push_back(parse_slot(text));
  return slots;
}

void check_inputs(ForeignNode& node, const Operator& op, const std::string& where) {
  while (!node.inputs.empty() && node.inputs.back() == nullptr) node.inputs.pop_back();
  const std::vector<Slot> slots = slots_of(op.inputs);
  const bool variadic = !slots.empty() && slots.back().variadic;
  if (node.inputs.size() > slots.size() && !variadic) {
    fail(where, "has ", node.inputs.size(), " inputs but ", node.op_type, " at opset ", node.opset,
         " takes at most ", slots.size());
  }
  for (size_t i = 0; i < std::max(node.inputs.size(), slots.size()); ++i) {
    const Slot& slot = slots[std::min(i, slots.size() - 1)];
    const bool present = i < node.inputs.size() && node.inputs[i] != nullptr;
    // Any number of inputs means at least one, unless there are others before.
    const bool is_ended = slot.variadic && i > 0 && i >= node.inputs.size();
    const bool needed = !slot.optional && !is_ended;
    if (needed && !present) fail(where, "its input '", slot.name, "' is missing");
  }
}

/// Gives absent outputs names of their own: values nobody reads cost nothing, and every node then
/// has all the outputs its operator declares.
void complete_outputs(ForeignNode& node, const Operator& op, const std::string& where) {
  while (!node.outputs.empty() && node.outputs.back().empty()) node.outputs.pop_back();
  const std::vector<Slot> slots = slots_of(op.outputs);
  const bool variadic = !slots.empty() && slots.back().variadic;
  if (node.outputs.size() > slots.size() && !variadic) {
    fail(where, "has ", node.outputs.size(), " outputs but ", node.op_type, " at opset ",
         node.opset, " makes at most ", slots.size());
  }
  const auto is_needed = [](const Slot& slot) { return !slot.optional && !slot.variadic; };
  const auto needed = static_cast<size_t>(std::ranges::count_if(slots, is_needed));
  if (node.outputs.size() < needed) node.outputs.resize(needed);
}

Value& read_value(const std::string& name, const Scope& scope, const std::string& where) {
  Value* value = scope.find(name);
  if (value == nullptr) {
    fail(where, "reads '", name, "', which is no input, no initialiser and no node's output");
  }
  return *value;
}

ForeignNode foreign_node(const onnx::NodeProto& proto, const Model& model, const Scope& scope,
                         const std::string& where) {
  ForeignNode node;
  node.op_type = proto.op_type();
  node.domain = plain_domain(proto.domain());
  node.opset = opset_of(*scope.opsets, node.domain);
  node.name = proto.name().empty() ? "" : scope.prefix + proto.name();
  node.graph = scope.graph;
  node.attributes = convert_attributes(proto, model, scope);
  for (const std::string& input : proto.input()) {
    const bool absent = input.empty() || scope.is_absent(input);
    node.inputs.push_back(absent ? nullptr : &read_value(input, scope, where));
    node.is_four_bit.push_back(model.four_bit.contains(node.inputs.back()));
  }
  node.outputs.assign(proto.output().begin(), proto.output().end());
  return node;
}

/// The name messages and comments call a node by, when the model gives it none.
std::string source_name(const ForeignNode& node) {
  if (!node.name.empty()) return node.name;
  for (const std::string& output : node.outputs) {
    if (!output.empty()) return output;
  }
  return node.op_type;
}

/// What a node makes of a tensor that it holds has the tensor's element type.
bool holds_four_bit(const onnx::NodeProto& proto) {
  return std::ranges::any_of(proto.attribute(), [](const onnx::AttributeProto& attribute) {
    return attribute.has_t() && is_four_bit(attribute.t().data_type());
  });
}

/// Nodes without inputs that can tell their own value are constants; others' hooks want to see
/// them as such.
bool add_as_constants(const ForeignNode& foreign, const Operator& op, Scope& scope,
                      const std::string& where, std::set<const Value*>* four_bit) {
  if (!foreign.inputs.empty() || op.fold == nullptr) return false;
  Node probe;
  probe.op = &op;
  probe.name = foreign.name;
  probe.attributes = foreign.attributes;
  std::vector<Tensor> tensors = op.fold(probe);
  if (tensors.empty() || tensors.size() < foreign.outputs.size()) return false;
  for (size_t i = 0; i < foreign.outputs.size(); ++i) {
    const std::string& name = foreign.outputs[i];
    if (name.empty()) continue;
    Value& value = scope.graph->add_constant(scope.prefix + name, std::move(tensors[i]));
    define(scope, name, value, where);
    if (four_bit != nullptr) four_bit->insert(&value);
  }
  return true;
}

/// Sub-graphs in the order of their attributes' names; each region is named after its attribute.
void add_regions(const onnx::NodeProto& proto, Node& node, const Model& model, const Scope& scope,
                 const std::string& where) {
  std::map<std::string, const onnx::GraphProto*> graphs;
  for (const onnx::AttributeProto& attribute : proto.attribute()) {
    if (attribute.has_g()) graphs.emplace(attribute.name(), &attribute.g());
  }
  if (!graphs.empty() && !node.op->region) {
    fail(where, "has the sub-graph '", graphs.begin()->first, "' but ", proto.op_type(),
         " takes none");
  }
  for (const auto& [name, graph] : graphs) {
    node.regions.push_back(convert_region(*graph, name, model, scope));
  }
}

/// What the hook finds wrong, it says of the node; the file is added here.
void adopt(ForeignNode& node, const Operator& op, const Model& model, const std::string& where) {
  if (op.adopt == nullptr) return;
  try {
    op.adopt(node);
  } catch (const UserError& error) {
    fail(model.file, error.what());
  } catch (const std::bad_variant_access&) {
    fail(where, "an attribute has a value of the wrong type");
  }
}

void convert_operator(const onnx::NodeProto& proto, const Model& model, Scope& scope) {
  const std::string where = place_of(model, proto);
  const Operator* op = find_onnx_operator(plain_domain(proto.domain()), proto.op_type());
  check(op != nullptr, "check_support let the operator ", proto.op_type(), " pass");
  ForeignNode foreign = foreign_node(proto, model, scope, where);
  const std::string source = source_name(foreign);
  adopt(foreign, *op, model, where);
  check_attributes(foreign, *op, foreign.attributes, where);
  check_inputs(foreign, *op, where);
  complete_outputs(foreign, *op, where);
  std::set<const Value*>* four_bit = holds_four_bit(proto) ? &model.four_bit : nullptr;
  if (add_as_constants(foreign, *op, scope, where, four_bit)) return;

  std::vector<std::string> names;
  for (size_t i = 0; i < foreign.outputs.size(); ++i) {
    const std::string& name = foreign.outputs[i];
    names.push_back(name.empty() ? fmt::format("{}.{}", source, i) : scope.prefix + name);
  }
  Node& node = scope.graph->add_node(*op, foreign.inputs, names, std::move(foreign.attributes));
  node.name = foreign.name;
  node.sources = {source};
  for (size_t i = 0; i < foreign.outputs.size(); ++i) {
    if (!foreign.outputs[i].empty())
      define(scope, foreign.outputs[i], node.output(static_cast<int>(i)), where);
  }
  add_regions(proto, node, model, scope, where);
}

/// Puts the body of a model's function in the place of its call.
void inline_function(const onnx::NodeProto& call, const onnx::FunctionProto& function,
                     const Model& model, Scope& scope) {
  const std::string where = place_of(model, call);
  if (scope.depth >= max_depth) {
    fail(where, "functions call each other deeper than ", max_depth, " levels");
  }
  if (call.input_size() > function.input_size() || call.output_size() > function.output_size()) {
    fail(where, "does not fit function '", function.name(), "', which has ", function.input_size(),
         " inputs and ", function.output_size(), " outputs");
  }
  const auto bound = bind_attributes(model, call, function, scope);
  const Opsets opsets = opsets_of(function.opset_import());
  Scope body;
  body.graph = scope.graph;
  body.opsets = &opsets;
  body.bound = &bound;
  const std::string output = call.output_size() > 0 ? call.output(0) : "";
  body.prefix = scope.prefix + (call.name().empty() ? output : call.name()) + "/";
  body.depth = scope.depth + 1;
  for (int i = 0; i < function.input_size(); ++i) {
    const bool present =
        i < call.input_size() && !call.input(i).empty() && !scope.is_absent(call.input(i));
    // An absent argument stays known by name: the body hands it on to optional inputs.
    body.values[function.input(i)] = present ? &read_value(call.input(i), scope, where) : nullptr;
  }
  convert_nodes(function.node(), model, body);
  for (int i = 0; i < call.output_size(); ++i) {
    if (call.output(i).empty()) continue;
    Value* value = body.find(function.output(i));
    if (value == nullptr) {
      fail(where, "function '", function.name(), "' does not compute its output '",
           function.output(i), "'");
    }
    define(scope, call.output(i), *value, where);
  }
}

}  // namespace

Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
    const auto found = scope->values.find(name);
    if (found != scope->values.end()) return found->second;
  }
  return nullptr;
}

bool Scope::is_absent(const std::string& name) const {
  const auto found = values.find(name);
  if (found != values.end()) return found->second == nullptr;
  return outer != nullptr && outer->is_absent(name);
}

void define(Scope& scope, const std::string& name, Value& value, const std::string& where) {
  if (!scope.values.emplace(name, &value).second) {
    fail(where, "defines '", name, "', which is already defined; every name may be defined once");
  }
}

std::map<std::string, Tensor> initialisers_of(const onnx::GraphProto& proto, const Model& model) {
  std::map<std::string, Tensor> tensors;
  const auto add = [&](const std::string& name, const auto& initialiser) {
    const std::string where = model.file + ": initialiser '" + name + "'";
    if (name.empty()) fail(model.file, "an initialiser has no name");
    if (tensors.contains(name)) fail(where, "is given twice");
    tensors.emplace(name, to_tensor(initialiser, model.options.folder, where));
  };
  for (const auto& dense : proto.initializer()) add(dense.name(), dense);
  for (const auto& sparse : proto.sparse_initializer()) add(sparse.values().name(), sparse);
  return tensors;
}

void define_initialisers(std::map<std::string, Tensor> initialisers, const onnx::GraphProto& proto,
                         const Model& model, Scope& scope, const std::string& file) {
  for (auto& [name, tensor] : initialisers) {
    Value& value = scope.graph->add_constant(name, std::move(tensor));
    define(scope, name, value, file + ": initialiser '" + name + "'");
  }
  for (const onnx::TensorProto& dense : proto.initializer()) {
    if (is_four_bit(dense.data_type())) model.four_bit.insert(scope.find(dense.name()));
  }
}

void convert_nodes(const NodeProtos& nodes, const Model& model, Scope& scope) {
  for (const int index : execution_order(nodes, model)) {
    const onnx::NodeProto& node = nodes[index];
    if (const onnx::FunctionProto* function = find_function(model, node)) {
      inline_function(node, *function, model, scope);
    } else {
      convert_operator(node, model, scope);
    }
  }
}

std::unique_ptr<Graph> convert_region(const onnx::GraphProto& proto, const std::string& name,
                                      const Model& model, const Scope& outer) {
  const std::string file = model.file + ": sub-graph '" + name + "'";
  if (outer.depth >= max_depth) {
    fail(file, "sub-graphs are nested deeper than ", max_depth, " levels");
  }
  auto graph = std::make_unique<Graph>();
  graph->name = name;
  graph->outer = outer.graph;
  Scope scope;
  scope.graph = graph.get();
  scope.outer = &outer;
  scope.opsets = outer.opsets;
  scope.bound = outer.bound;
  scope.prefix = outer.prefix;
  scope.depth = outer.depth + 1;
  define_initialisers(initialisers_of(proto, model), proto, model, scope, file);
  for (const onnx::ValueInfoProto& info : proto.input()) {
    if (scope.values.contains(info.name())) continue;
    // The region's owner decides the types of its inputs, so those stated here are not needed.
    define(scope, info.name(), graph->add_input(info.name(), {}), file);
  }
  convert_nodes(proto.node(), model, scope);
  for (const onnx::ValueInfoProto& info : proto.output()) {
    graph->outputs.push_back(&read_value(info.name(), scope, file));
  }
  return graph;
}

}  // namespace mlfc
