// Writing ONNX: what is written reads back as the same program, of the oldest opset that has it.
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <set>

#include "frontend/onnx/export.h"
#include "frontend/onnx/import.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

void run_pass(Graph& graph, const std::string& name) {
  const Machine machine;
  const Options options;
  find_pass(name)->run(graph, {machine, options});
}

onnx::ModelProto written(const std::string& program) {
  const std::unique_ptr<Graph> graph = parse_graph(program);
  run_pass(*graph, "infer-types");
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(export_onnx(*graph)));
  return model;
}

int64_t opset_of(const std::string& program) {
  const onnx::ModelProto model = written(program);
  for (const auto& import : model.opset_import()) {
    if (import.domain().empty()) return import.version();
  }
  return 0;
}

std::string error_of(const std::string& program) {
  try {
    export_onnx(*parse_graph(program));
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

/// The program's text, and that of the program read back from what was written.
void expect_round_trip(const std::string& program) {
  const std::unique_ptr<Graph> graph = parse_graph(program);
  run_pass(*graph, "infer-types");
  const std::unique_ptr<Graph> again = import_onnx_bytes(export_onnx(*graph), "test.onnx");
  run_pass(*again, "infer-types");
  ASSERT_EQ(again->nodes.size(), graph->nodes.size());
  auto place = again->nodes.begin();
  for (const auto& node : graph->nodes) {
    const Node& other = **place++;
    EXPECT_EQ(other.op, node->op);
    EXPECT_EQ(other.attributes, node->attributes) << describe(*node);
    ASSERT_EQ(other.inputs.size(), node->inputs.size()) << describe(*node);
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      if (node->inputs[i] == nullptr) continue;
      EXPECT_EQ(other.inputs[i]->name, node->inputs[i]->name);
      EXPECT_EQ(other.inputs[i]->constant, node->inputs[i]->constant);
    }
    EXPECT_EQ(other.output().type, node->output().type);
  }
}

TEST(OnnxExport, ReadsBackAsItself) {
  expect_round_trip(R"(graph main(%x: f32[1,2,4,4]) -> (%y) {
  %w = constant [1, 2, 3, 4] : f32[2,2,1,1]
  %c = conv(%x, %w) {strides=[1,1]}
  %s = softmax(%c) {axis=1}
  %i = cast(%s) {to="i32"}
  %y = transpose(%i) {perm=[0,2,3,1]}
})");
}

TEST(OnnxExport, WritesTheOldestOpsetThatHasIt) {
  EXPECT_EQ(opset_of("graph main(%x: f32[4]) -> (%y) {\n  %y = relu(%x)\n}"), 13);
  EXPECT_EQ(opset_of("graph main(%x: f32[4]) -> (%y) {\n  %y = hard_swish(%x)\n}"), 14);
  EXPECT_EQ(opset_of("graph main(%x: f32[4]) -> (%y) {\n  %y = gelu(%x)\n}"), 20);
  const std::string quantize = R"(graph main(%x: f32[4]) -> (%y) {
  %s = constant 0.5 : f32[]
  %z = constant 0 : TYPE[]
  %y = quantize_linear(%x, %s, %z)
})";
  const auto with = [&](const std::string& type) {
    std::string text = quantize;
    return text.replace(text.find("TYPE"), 4, type);
  };
  EXPECT_EQ(opset_of(with("i8")), 13);
  EXPECT_EQ(opset_of(with("i16")), 21);
}

TEST(OnnxExport, TypesAreNumbersAndNamesAreKept) {
  const onnx::ModelProto model =
      written("graph main(%in: f32[4]) -> (%out) {\n  %out = cast(%in) {to=\"u8\"}\n}");
  ASSERT_EQ(model.graph().node_size(), 1);
  EXPECT_EQ(model.graph().node(0).attribute(0).i(), onnx::TensorProto::UINT8);
  EXPECT_EQ(model.graph().input(0).name(), "in");
  EXPECT_EQ(model.graph().output(0).name(), "out");
  EXPECT_EQ(model.graph().output(0).type().tensor_type().elem_type(), onnx::TensorProto::UINT8);
}

TEST(OnnxExport, ConstantsHooksAddHaveNamesOfTheirOwn) {
  const onnx::ModelProto model = written(R"(graph main(%x: f32[1,2,3]) -> (%y) {
  %a = constant [2, 3] : f32[2]
  %b = constant [1, 1] : f32[2]
  %z = scale_shift(%x, %a, %b)
  %y = scale_shift(%z, %a, %b)
})");
  std::set<std::string> names;
  for (const auto& tensor : model.graph().initializer()) names.insert(tensor.name());
  EXPECT_EQ(names.size(), 6U);
  EXPECT_EQ(model.graph().node(0).op_type(), "BatchNormalization");
}

TEST(OnnxExport, NodesOfOneNameGetNamesOfTheirOwn) {
  const onnx::ModelProto model = written(R"(graph main(%x: f32[4]) -> (%y) {
  %z = relu(%x) named "layer"
  %y = neg(%z) named "layer"
})");
  EXPECT_EQ(model.graph().node(0).name(), "layer");
  EXPECT_EQ(model.graph().node(1).name(), "layer.1");
}

TEST(OnnxExport, RefusesWhatHasNoSpelling) {
  const std::string error = error_of(R"(graph main(%x: f32[2]) -> (%y) {
  %y = repeat_elements(%x) {factors=[2]} : f32[4]
})");
  EXPECT_NE(error.find("repeat_elements"), std::string::npos) << error;
}

TEST(OnnxExport, RefusesLoweredPrograms) {
  const std::unique_ptr<Graph> graph =
      parse_graph("graph main(%x: f32[4]) -> (%y) {\n  %y = relu(%x) : f32[4]\n}");
  run_pass(*graph, "lower-to-kernels");
  EXPECT_THROW(export_onnx(*graph), UserError);
}

}  // namespace
}  // namespace mlfc
