// What the importer makes of models that are right.
#include <gtest/gtest.h>

#include <fstream>

#include "frontend/onnx/import.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "tests/unit/onnx_models.h"

namespace mlfc {
namespace {

std::unique_ptr<Graph> imported(const onnx::ModelProto& model, const ImportOptions& options = {}) {
  return import_onnx_bytes(model.SerializeAsString(), "m.onnx", options);
}

const Tensor& constant(const Graph& graph, const std::string& name) {
  const Value* value = graph.find_value(name);
  if (value == nullptr || !value->constant) throw std::runtime_error("no constant " + name);
  return *value->constant;
}

TEST(OnnxImport, KeepsNamesTypesAndOrder) {
  const std::unique_ptr<Graph> graph = imported(onnx_relu());
  ASSERT_EQ(graph->inputs.size(), 1u);
  EXPECT_EQ(graph->inputs[0]->name, "x");
  EXPECT_EQ(to_text(graph->inputs[0]->type), "f32[1,4]");
  ASSERT_EQ(graph->nodes.size(), 1u);
  EXPECT_EQ(graph->nodes.front()->op, find_onnx_operator("", "Relu"));
  ASSERT_EQ(graph->outputs.size(), 1u);
  EXPECT_EQ(graph->outputs[0]->name, "y");
}

// The range of a result follows from its zero point's type, which the byte it becomes does not
// show.
TEST(OnnxImport, RemembersFourBits) {
  onnx::ModelProto model = onnx_model(21);
  add_onnx_input(model, "x", {4});
  add_onnx_constant(model, "scale", {}, {0.5F});
  onnx::TensorProto& zero = add_onnx_constant(model, "zero", {}, {});
  zero.set_data_type(22);
  zero.add_int32_data(3);
  add_onnx_node(model, "QuantizeLinear", {"x", "scale", "zero"}, {"y"});
  add_onnx_integer(add_onnx_node(model, "Cast", {"x"}, {"z"}), "to", 21);
  add_onnx_output(model, "y");
  add_onnx_output(model, "z");
  const std::unique_ptr<Graph> graph = imported(model);
  EXPECT_EQ(graph->nodes.front()->integer("bits"), 4);
  EXPECT_EQ(graph->nodes.back()->integer("bits"), 4);
  EXPECT_EQ(graph->nodes.back()->text("to"), "u8");
}

TEST(OnnxImport, SortsNodesThatAreOutOfOrder) {
  onnx::ModelProto model = onnx_model();
  add_onnx_input(model, "x", {4});
  add_onnx_node(model, "Relu", {"b"}, {"c"});
  add_onnx_node(model, "Relu", {"a"}, {"b"});
  add_onnx_node(model, "Relu", {"x"}, {"a"});
  add_onnx_output(model, "c");
  const std::unique_ptr<Graph> graph = imported(model);
  std::string order;
  for (const auto& node : graph->nodes) order += node->outputs[0]->name;
  EXPECT_EQ(order, "abc");
}

TEST(OnnxImport, ReadsEveryEncoding) {
  onnx::ModelProto model = onnx_relu();
  add_onnx_constant(model, "typed", {2}, {1.5F, -2});

  onnx::TensorProto& raw = add_onnx_constant(model, "raw", {2}, {});
  raw.set_data_type(onnx::TensorProto::INT16);
  raw.set_raw_data(std::string("\x01\x00\xff\xff", 4));

  onnx::TensorProto& half = add_onnx_constant(model, "half", {2}, {});
  half.set_data_type(onnx::TensorProto::FLOAT16);
  half.add_int32_data(0x3c00);  // 1
  half.add_int32_data(0xc100);  // -2.5

  onnx::TensorProto& bytes = add_onnx_constant(model, "bytes", {2}, {});
  bytes.set_data_type(onnx::TensorProto::INT8);
  bytes.add_int32_data(-128);
  bytes.add_int32_data(127);

  onnx::TensorProto& truth = add_onnx_constant(model, "truth", {3}, {});
  truth.set_data_type(onnx::TensorProto::BOOL);
  truth.set_raw_data(std::string("\x00\x01\x07", 3));

  onnx::TensorProto& wide = add_onnx_constant(model, "wide", {1}, {});
  wide.set_data_type(onnx::TensorProto::UINT32);
  wide.add_uint64_data(4000000000U);

  onnx::TensorProto& nibbles = add_onnx_constant(model, "nibbles", {3}, {});
  nibbles.set_data_type(22);  // INT4; the low half of a byte comes first
  nibbles.set_raw_data(std::string("\x87\x0f", 2));

  onnx::TensorProto& unsigned_nibbles = add_onnx_constant(model, "unsigned_nibbles", {1, 2}, {});
  unsigned_nibbles.set_data_type(21);  // UINT4
  unsigned_nibbles.add_int32_data(0x87);

  const std::unique_ptr<Graph> graph = imported(model);
  EXPECT_EQ(constant(*graph, "nibbles").integers(), (std::vector<int64_t>{7, -8, -1}));
  EXPECT_EQ(constant(*graph, "unsigned_nibbles").integers(), (std::vector<int64_t>{7, 8}));
  EXPECT_EQ(to_text(constant(*graph, "unsigned_nibbles").type), "u8[1,2]");
  EXPECT_EQ(constant(*graph, "typed").real(0), 1.5);
  EXPECT_EQ(constant(*graph, "typed").real(1), -2);
  EXPECT_EQ(constant(*graph, "raw").integers(), (std::vector<int64_t>{1, -1}));
  EXPECT_EQ(constant(*graph, "half").real(0), 1);
  EXPECT_EQ(constant(*graph, "half").real(1), -2.5);
  EXPECT_EQ(constant(*graph, "bytes").integers(), (std::vector<int64_t>{-128, 127}));
  EXPECT_EQ(constant(*graph, "truth").integers(), (std::vector<int64_t>{0, 1, 1}));
  EXPECT_EQ(constant(*graph, "wide").integers(), (std::vector<int64_t>{4000000000}));
}

TEST(OnnxImport, ExpandsSparseInitialisers) {
  onnx::ModelProto model = onnx_relu();
  onnx::SparseTensorProto& sparse = *model.mutable_graph()->add_sparse_initializer();
  sparse.add_dims(2);
  sparse.add_dims(3);
  sparse.mutable_values()->set_name("w");
  sparse.mutable_values()->set_data_type(onnx::TensorProto::FLOAT);
  sparse.mutable_values()->add_dims(2);
  sparse.mutable_values()->add_float_data(5);
  sparse.mutable_values()->add_float_data(7);
  sparse.mutable_indices()->set_data_type(onnx::TensorProto::INT64);
  sparse.mutable_indices()->add_dims(2);
  sparse.mutable_indices()->add_int64_data(1);
  sparse.mutable_indices()->add_int64_data(5);
  const std::unique_ptr<Graph> graph = imported(model);
  const Tensor& dense = constant(*graph, "w");
  EXPECT_EQ(to_text(dense.type), "f32[2,3]");
  EXPECT_EQ(dense.real(1), 5);
  EXPECT_EQ(dense.real(5), 7);
  EXPECT_EQ(dense.real(0), 0);

  sparse.mutable_indices()->set_int64_data(1, 6);
  EXPECT_NE(import_error(model).find("outside shape [2,3]"), std::string::npos);
}

TEST(OnnxImport, InputsWithInitialisersAreConstants) {
  onnx::ModelProto model = onnx_relu();
  add_onnx_input(model, "w", {2});
  add_onnx_constant(model, "w", {2}, {1, 2});
  const std::unique_ptr<Graph> graph = imported(model);
  EXPECT_EQ(graph->inputs.size(), 1u);
  EXPECT_TRUE(graph->find_value("w")->is_constant());
}

TEST(OnnxImport, BindsShapes) {
  onnx::ModelProto model = onnx_model();
  const auto name_dimension = [](onnx::ValueInfoProto& input) {
    input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param(
        "n");
  };
  name_dimension(add_onnx_input(model, "a/b-c:0", {-1, 3}));
  name_dimension(add_onnx_input(model, "other", {-1, 5}));
  add_onnx_output(model, "other");
  ImportOptions options;
  options.input_shapes["a/b-c:0"] = {2, 3};
  const std::unique_ptr<Graph> graph = imported(model, options);
  EXPECT_EQ(to_text(graph->inputs[0]->type), "f32[2,3]");
  EXPECT_EQ(to_text(graph->inputs[1]->type), "f32[2,5]");  // the same n

  options.input_shapes["a/b-c:0"] = {2, 4};
  EXPECT_THROW(imported(model, options), UserError);
  options.input_shapes = {{"nobody", {1}}};
  EXPECT_THROW(imported(model, options), UserError);
}

TEST(OnnxImport, FixesInputsToConstants) {
  ImportOptions options;
  options.constant_inputs["x"] = tensor_of(DType::f32, {1, 4}, {1, 2, 3, 4});
  const std::unique_ptr<Graph> graph = imported(onnx_relu(), options);
  EXPECT_TRUE(graph->inputs.empty());
  EXPECT_TRUE(graph->find_value("x")->is_constant());
}

TEST(OnnxImport, AbsentOptionalInputsAreNull) {
  onnx::ModelProto model = onnx_model();
  add_onnx_input(model, "x", {4});
  add_onnx_constant(model, "high", {}, {6});
  add_onnx_node(model, "Clip", {"x", "", "high"}, {"y"});
  add_onnx_output(model, "y");
  const std::unique_ptr<Graph> graph = imported(model);
  const Node& clip = *graph->nodes.front();
  EXPECT_TRUE(clip.has_input(0));
  EXPECT_FALSE(clip.has_input(1));
  EXPECT_TRUE(clip.has_input(2));
}

/// own.Scaled(a) = LeakyRelu(a, alpha = slope), called twice.
TEST(OnnxImport, InlinesFunctionsWithTheirAttributes) {
  onnx::ModelProto model = onnx_model();
  add_onnx_input(model, "x", {4});
  onnx::FunctionProto& function = *model.add_functions();
  function.set_name("Scaled");
  function.set_domain("own");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("slope");
  function.add_opset_import()->set_version(17);
  onnx::NodeProto& inner = *function.add_node();
  inner.set_op_type("LeakyRelu");
  inner.set_name("inner");
  inner.add_input("a");
  inner.add_output("b");
  onnx::AttributeProto& alpha = *inner.add_attribute();
  alpha.set_name("alpha");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  alpha.set_ref_attr_name("slope");
  for (const auto& [from, to] : {std::pair{"x", "h"}, {"h", "y"}}) {
    onnx::NodeProto& call = add_onnx_node(model, "Scaled", {from}, {to});
    call.set_domain("own");
    call.set_name(std::string("call_") + to);
    onnx::AttributeProto& slope = *call.add_attribute();
    slope.set_name("slope");
    slope.set_type(onnx::AttributeProto::FLOAT);
    slope.set_f(from == std::string("x") ? 0.25F : 0.5F);
  }
  add_onnx_output(model, "y");
  const std::unique_ptr<Graph> graph = imported(model);
  ASSERT_EQ(graph->nodes.size(), 2u);
  EXPECT_EQ(graph->nodes.front()->name, "call_h/inner");
  EXPECT_EQ(graph->nodes.front()->real("alpha"), 0.25);
  EXPECT_EQ(graph->nodes.back()->real("alpha"), 0.5);
  EXPECT_EQ(graph->nodes.back()->inputs[0], graph->nodes.front()->outputs[0]);
}

TEST(OnnxImport, ListsInputNames) {
  onnx::ModelProto model = onnx_relu();
  add_onnx_input(model, "w", {2});
  add_onnx_constant(model, "w", {2}, {1, 2});
  add_onnx_input(model, "z", {-1});
  const std::string path = testing::TempDir() + "names.onnx";
  std::ofstream(path, std::ios::binary) << model.SerializeAsString();
  EXPECT_EQ(onnx_input_names(path), (std::vector<std::string>{"x", "z"}));
}

}  // namespace
}  // namespace mlfc
