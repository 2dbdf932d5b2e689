// Reads ONNX models: protobuf in, Graph out. Everything about operators comes from what they
// declare (ir/operator.h); this folder names none. What leaves here is well formed - names defined
// once and before use, constants as large as their shapes say, declared attributes only - but not
// yet understood: only inputs and constants have types, passes infer the rest.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

struct ImportOptions {
  /// Shapes of inputs by name, for dimensions that the model leaves open. A shape given here must
  /// agree with the dimensions the model does state.
  std::map<std::string, Shape> input_shapes = {};
  /// Inputs that are known at compile time: they become constants and are no inputs any more.
  std::map<std::string, Tensor> constant_inputs = {};
  /// Folder that external data may be read from; import_onnx(path) uses the model's own.
  std::string folder = {};
};

/// Reads the file at `path`. Whatever is wrong with it is a UserError that names the place in the
/// model and what to do.
std::unique_ptr<Graph> import_onnx(const std::string& path, const ImportOptions& options = {});
/// The same from memory; `name` stands for the file in messages. Without options.folder, external
/// data is refused.
std::unique_ptr<Graph> import_onnx_bytes(std::string_view bytes, const std::string& name,
                                         const ImportOptions& options = {});

/// Names of the model's inputs in order, those with an initialiser left out; nothing else of the
/// model is looked at.
std::vector<std::string> onnx_input_names(const std::string& path);

/// A tensor stored by itself, as ONNX's test data is (`input_0.pb`).
struct NamedTensor {
  std::string name = {};
  Tensor tensor = {};
};
NamedTensor read_onnx_tensor(std::string_view bytes, const std::string& where);

}  // namespace mlfc
