// The builders declared in onnx_models.h.
#include "tests/unit/onnx_models.h"

#include "frontend/onnx/import.h"
#include "ir/error.h"

namespace mlfc {

onnx::ModelProto onnx_model(int64_t opset) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  auto* import = model.add_opset_import();
  import->set_domain("");
  import->set_version(opset);
  model.mutable_graph()->set_name("test");
  return model;
}

onnx::ValueInfoProto& add_onnx_input(onnx::ModelProto& model, const std::string& name,
                                     const std::vector<int64_t>& shape, int elem_type) {
  auto* input = model.mutable_graph()->add_input();
  input->set_name(name);
  auto* type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(elem_type);
  type->mutable_shape();
  for (const int64_t extent : shape) {
    auto* dim = type->mutable_shape()->add_dim();
    if (extent != -1) dim->set_dim_value(extent);
  }
  return *input;
}

void add_onnx_output(onnx::ModelProto& model, const std::string& name) {
  auto* output = model.mutable_graph()->add_output();
  output->set_name(name);
  output->mutable_type()->mutable_tensor_type()->set_elem_type(1);
}

onnx::NodeProto& add_onnx_node(onnx::GraphProto& graph, const std::string& op_type,
                               const std::vector<std::string>& inputs,
                               const std::vector<std::string>& outputs) {
  auto* node = graph.add_node();
  node->set_op_type(op_type);
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  return *node;
}

onnx::NodeProto& add_onnx_node(onnx::ModelProto& model, const std::string& op_type,
                               const std::vector<std::string>& inputs,
                               const std::vector<std::string>& outputs) {
  return add_onnx_node(*model.mutable_graph(), op_type, inputs, outputs);
}

onnx::TensorProto& add_onnx_constant(onnx::ModelProto& model, const std::string& name,
                                     const std::vector<int64_t>& dims,
                                     const std::vector<float>& values) {
  auto* tensor = model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : dims) tensor->add_dims(dim);
  for (const float value : values) tensor->add_float_data(value);
  return *tensor;
}

onnx::AttributeProto& add_onnx_integer(onnx::NodeProto& node, const std::string& name,
                                       int64_t value) {
  auto* attribute = node.add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
  return *attribute;
}

onnx::ModelProto onnx_relu() {
  onnx::ModelProto model = onnx_model();
  add_onnx_input(model, "x", {1, 4});
  add_onnx_node(model, "Relu", {"x"}, {"y"});
  add_onnx_output(model, "y");
  return model;
}

std::string import_error(const onnx::ModelProto& model) {
  try {
    import_onnx_bytes(model.SerializeAsString(), "m.onnx");
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

}  // namespace mlfc
