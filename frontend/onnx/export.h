// Writes ONNX models: Graph in, protobuf out; the inverse of import.h. Like there, everything about
// operators comes from what they declare, and this folder names none. What can be written is a
// graph of operators that ONNX has - as imported, or after passes that stay among those.
#pragma once

#include <string>

#include "ir/graph.h"

namespace mlfc {

/// The bytes of a tensor file (.pb), as ONNX's test data has them.
std::string export_onnx_tensor(const Tensor& tensor, const std::string& name);

/// The bytes of an ONNX model of the oldest opset (at least 13) that has everything the graph uses.
/// Fails for nodes that have no ONNX spelling, naming all of their operators.
std::string export_onnx(const Graph& graph);

}  // namespace mlfc
