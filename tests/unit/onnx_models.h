// Small ONNX models for tests, put together with the protobuf classes: also those that no library
// would let one build.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace mlfc {

/// An empty model of the given opset.
onnx::ModelProto onnx_model(int64_t opset = 17);
/// Adds an input; -1 leaves a dimension open, a name in `symbols` names it.
onnx::ValueInfoProto& add_onnx_input(onnx::ModelProto& model, const std::string& name,
                                     const std::vector<int64_t>& shape, int elem_type = 1);
void add_onnx_output(onnx::ModelProto& model, const std::string& name);
onnx::NodeProto& add_onnx_node(onnx::GraphProto& graph, const std::string& op_type,
                               const std::vector<std::string>& inputs,
                               const std::vector<std::string>& outputs);
onnx::NodeProto& add_onnx_node(onnx::ModelProto& model, const std::string& op_type,
                               const std::vector<std::string>& inputs,
                               const std::vector<std::string>& outputs);
/// A float initialiser; the dims may contradict the values.
onnx::TensorProto& add_onnx_constant(onnx::ModelProto& model, const std::string& name,
                                     const std::vector<int64_t>& dims,
                                     const std::vector<float>& values);
onnx::AttributeProto& add_onnx_integer(onnx::NodeProto& node, const std::string& name,
                                       int64_t value);

/// x -> Relu -> y, the model most tests start from.
onnx::ModelProto onnx_relu();

/// What the importer says about the model; empty when it takes it.
std::string import_error(const onnx::ModelProto& model);

}  // namespace mlfc
