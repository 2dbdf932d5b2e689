// Gives every value its type, in one walk in execution order. What is known by then is computed at
// once - the shape arithmetic of exported models disappears here - so that the operators after it
// find the inputs they need at compile time.
#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/operator.h"
#include "passes/graph/folding.h"
#include "passes/graph/replace.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// Larger results wait for fold-constants: they are weights, and no shape depends on them.
constexpr int64_t kLargestEagerFold = 65536;

// The graph input that makes a value unknowable; null when there is none (random numbers).
const Value* run_time_source(const Value& value, std::set<const Value*>& seen) {
  if (value.is_constant() || !seen.insert(&value).second) return nullptr;
  if (value.producer == nullptr) return &value;
  for (const Value* input : value.producer->inputs) {
    const Value* source = input == nullptr ? nullptr : run_time_source(*input, seen);
    if (source != nullptr) return source;
  }
  return nullptr;
}

[[noreturn]] void report_unknown_input(const Node& node, int index) {
  const Value& value = node.input(index);
  std::set<const Value*> seen;
  const Value* source = run_time_source(value, seen);
  const std::string origin =
      value.producer == nullptr
          ? "is an input of the model"
          : "is computed by " + describe(*value.producer) +
                (source == nullptr ? "" : " from input '" + source->name + "'");
  fail(node, "input '", input_name(node, index), "' must be known at compile time, but ",
       describe(value), " ", origin,
       "; fix the input's value or export the model with static shapes");
}

// The declared slot of input `index`; a variadic last slot stands for all further inputs.
Slot slot_of(const Node& node, size_t index) {
  const std::vector<std::string>& declared = node.op->inputs;
  return parse_slot(declared[std::min(index, declared.size() - 1)]);
}

void check_inputs(const Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == nullptr) continue;
    const Value& value = *node.inputs[i];
    if (value.type.dtype == DType::none) fail(node, describe(value), " has no type; declare it");
    if (slot_of(node, i).constant && !value.is_constant()) {
      report_unknown_input(node, static_cast<int>(i));
    }
  }
}

// What an operator says of its results. Sizes are limited as those of inputs and constants are:
// tensors beyond that come from a mistake in the model, and not from one that anybody can run.
std::vector<TensorType> result_types(const Node& node) {
  constexpr int64_t kMostElements = int64_t{1} << 31;
  std::vector<TensorType> types;
  try {
    types = node.op->infer(node);
    for (const TensorType& type : types) type.elements();
  } catch (const UserError& error) {
    // Shape arithmetic knows no nodes; operators do, and those made of others name one of these.
    if (std::string(error.what()).starts_with("node ")) throw;
    fail(node, error.what());
  }
  for (const TensorType& type : types) {
    if (type.elements() > kMostElements) {
      fail(node, "its result ", type, " has more than 2^31 elements; make its dimensions smaller");
    }
  }
  return types;
}

void set_types(Node& node) {
  const std::vector<TensorType> types = result_types(node);
  if (types.size() != node.outputs.size()) {
    fail(node, "has ", node.outputs.size(), " outputs, but gives ", types.size());
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (node.outputs[i] == nullptr) continue;
    Value& output = *node.outputs[i];
    const bool declared = output.type.dtype != DType::none;
    if (declared && output.type.plain() != types[i].plain()) {
      fail(node, "the model declares ", describe(output), " as ", output.type.plain(),
           " but it is ", types[i], "; run shape inference on the model again");
    }
    if (!declared || !output.type.layout) output.type = types[i];  // where it lies was decided
  }
}

void fold_small(Graph& graph, Node& node) {
  int64_t elements = 0;
  for (const Value* output : node.outputs) {
    if (output == nullptr) return;
    elements += output->type.elements();
  }
  if (elements > kLargestEagerFold || hands_constant_to_output(graph, node)) return;
  std::optional<std::vector<Tensor>> tensors = folded_outputs(node);
  if (tensors) replace_by_constants(graph, node, std::move(*tensors));
}

void infer_types(Graph& graph, const PassContext& context) {
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place++;                  // moves on first: folding erases the node
    if (node.kernel || node.proc) continue;  // they state the types, and the verifier compares
    check_inputs(node);
    for (const auto& region : node.regions) {
      const bool typed = std::all_of(region->inputs.begin(), region->inputs.end(),
                                     [](const Value* v) { return v->type.dtype != DType::none; });
      if (typed) infer_types(*region, context);
    }
    set_types(node);
    fold_small(graph, node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "infer-types",
    .level = Level::graph,
    .summary = "Give every value its type and compute what is known from shapes.",
    .run = infer_types,
    .required = true,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
