// See sample.h.
#include "tests/mlf/sample.h"

#include <gtest/gtest.h>

#include "ir/operator.h"

namespace mlfc::sample {
namespace {

const Operator kSampleOperator{.name = "sample_work", .summary = "Whatever its body says."};

EmittedFunction emit(const Node& node, const Machine&) {
  EmittedFunction function = {.name = node.op->name, .comment = node.name + "\nkernel text"};
  int number = 0;
  const auto add = [&](const std::string& letter, const Value* value, bool is_output) {
    const std::string type(info(value->type.dtype).c_name);
    function.parameters.push_back({(is_output ? "" : "const ") + type + "* MLFC_RESTRICT",
                                   letter + std::to_string(number++), value, is_output});
  };
  for (const Value* value : node.inputs) add("i", value, false);
  number = 0;
  for (const Value* value : node.outputs) add("o", value, true);
  number = 0;
  for (const Value* value : node.scratch) add("s", value, true);
  function.body = "  " + node.text("body") + "\n";
  function.node = &node;
  return function;
}

const Target kSampleTarget{.name = "sample", .summary = "For tests.", .emit = emit};

}  // namespace

const Target& target() {
  return kSampleTarget;
}

Value& input(Graph& graph, const std::string& name, const Shape& shape, DType dtype) {
  return graph.add_input(name, {dtype, shape, {}});
}

Value& constant(Graph& graph, const std::string& name, const std::vector<float>& values) {
  const std::vector<double> wide(values.begin(), values.end());
  return graph.add_constant(name,
                            tensor_of(DType::f32, {static_cast<int64_t>(values.size())}, wide));
}

Node& node(Graph& graph, const std::string& name, std::vector<Value*> inputs,
           const std::vector<std::pair<std::string, Shape>>& outputs, const std::string& body) {
  std::vector<std::string> names;
  for (const auto& [output, shape] : outputs) names.push_back(output);
  Node& added = graph.add_node(kSampleOperator, std::move(inputs), names, {{"body", body}});
  added.name = name;
  added.sources = {name};
  for (size_t i = 0; i < outputs.size(); i++) {
    added.outputs[i]->type = {DType::f32, outputs[i].second, {}};
  }
  return added;
}

void place(Value& value, const std::string& pool, int64_t offset) {
  value.placement = Placement{pool, offset};
}

std::unique_ptr<Graph> net(const NetOptions& options) {
  auto graph = std::make_unique<Graph>();
  Value& x = input(*graph, options.input, {1, 4});
  Value& aux = input(*graph, options.second_input, {3});
  Value& w = constant(*graph, "w", {0.5f, -1, 2.25f, 1e-7f});
  Node& add = node(*graph, "add*/1", {&x, &w}, {{"sum", {1, 4}}},
                   "for (int k = 0; k < 4; k++) o0[k] = i0[k] + i1[k];");
  Node& total = node(*graph, "total", {&aux}, {{"t", {1}}}, "o0[0] = i0[0] + i0[1] + i0[2];");
  Node& twice = node(*graph, "twice", {add.outputs[0]}, {{"y", {1, 4}}},
                     "for (int k = 0; k < 4; k++) o0[k] = 2 * i0[k];");
  Node& copy = node(*graph, "copy", {total.outputs[0]}, {{"z", {1}}}, "o0[0] = i0[0];");
  graph->outputs = {twice.outputs[0], copy.outputs[0]};
  place(*add.outputs[0], options.pool, 0);
  place(*total.outputs[0], options.pool, 16);
  graph->pools = {{options.pool, 20}};
  if (options.io_in_workspace) {
    place(x, options.pool, 32);
    place(aux, options.pool, 48);
    place(*twice.outputs[0], options.pool, 64);
    place(*copy.outputs[0], options.pool, 80);
    graph->pools[0].bytes = 84;
  }
  return graph;
}

std::string text_of(const Archive& archive, const std::string& path) {
  const ArchiveMember* member = find_member(archive, path);
  EXPECT_NE(member, nullptr) << path;
  return member ? member->bytes : "";
}

Archive archive_of(const Graph& graph, const PackageOptions& options) {
  return build_archive(graph, target(), Machine{}, options);
}

PackageOptions c_interface() {
  PackageOptions options;
  options.unpacked_api = true;
  options.interface_api = "c";
  return options;
}

}  // namespace mlfc::sample
