// What the files of the importer share: the model being read, and the scope in which names are
// looked up. A scope belongs to a graph, a region or the inlined body of a model's own function.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "frontend/onnx/import.h"
#include "ir/operator.h"

namespace mlfc {

/// Versions of operator sets by domain; "" is ONNX's own.
using Opsets = std::map<std::string, int64_t>;
using NodeProtos = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// The budgets against models that are made to exhaust us.
constexpr int max_depth = 32;
constexpr int64_t max_nodes = 1'000'000;
constexpr int64_t oldest_opset = 7;

struct Model {
  const onnx::ModelProto& proto;
  const ImportOptions& options;
  std::string file = {};  ///< how messages name the model
  Opsets opsets = {};
  std::map<std::string, const onnx::FunctionProto*> functions = {};  ///< by function_key
  /// Values that the model says are of 4 bits, where operators may ask; found while converting.
  std::set<const Value*>& four_bit;
};

struct Scope {
  Graph* graph = nullptr;
  const Scope* outer = nullptr;  ///< looked up after this one; null for main and function bodies
  const Opsets* opsets = nullptr;
  std::map<std::string, Value*> values = {};
  /// In a function body: the attributes of the call, by name; null elsewhere.
  const std::map<std::string, onnx::AttributeProto>* bound = nullptr;
  std::string prefix = {};  ///< of names made in an inlined function body
  int depth = 0;

  Value* find(const std::string& name) const;
  /// True for the parameter of a function that its call leaves out.
  bool is_absent(const std::string& name) const;
};

/// "ai.onnx" and "" are the same domain; this is the latter.
std::string plain_domain(const std::string& domain);
Opsets opsets_of(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports);
int64_t opset_of(const Opsets& opsets, const std::string& domain);

/// "'conv1' (Conv)", or by its first output when it has no name.
std::string label_of(const onnx::NodeProto& node);
/// The place of a node in messages: "model.onnx: node 'conv1' (Conv)".
std::string place_of(const Model& model, const onnx::NodeProto& node);

// functions.cpp: fields newer than libonnx 1.12 are read from protobuf's unknown fields.
std::string function_key(const onnx::NodeProto& node);
std::string function_key(const onnx::FunctionProto& function);
/// The attributes a call binds: those of the node, and the function's defaults for the others.
std::map<std::string, onnx::AttributeProto> bind_attributes(const Model& model,
                                                            const onnx::NodeProto& call,
                                                            const onnx::FunctionProto& function,
                                                            const Scope& scope);
/// Fails when the model has more than max_nodes nodes once its functions are inlined. Sub-graphs
/// are not nested too deeply (check_support has seen to that).
void check_node_count(const Model& model);
const onnx::FunctionProto* find_function(const Model& model, const onnx::NodeProto& node);

// order.cpp: indices of the nodes in an order in which they can run; fails on cycles.
std::vector<int> execution_order(const NodeProtos& nodes, const Model& model);

// support.cpp: fails naming every operator we do not have, and all the nodes that want it.
void check_support(const Model& model);

// inputs.cpp: one graph input (or constant) for each input of the model.
void add_inputs(const Model& model, const std::map<std::string, Tensor>& initialisers,
                Scope& scope);
/// Fails unless the value is a tensor; the dtype.
DType tensor_dtype(const onnx::ValueInfoProto& info, const std::string& where);

// nodes.cpp
std::map<std::string, Tensor> initialisers_of(const onnx::GraphProto& proto, const Model& model);
/// Makes a constant of each that is not defined yet.
void define_initialisers(std::map<std::string, Tensor> initialisers, const onnx::GraphProto& proto,
                         const Model& model, Scope& scope, const std::string& file);
void define(Scope& scope, const std::string& name, Value& value, const std::string& where);
void convert_nodes(const NodeProtos& nodes, const Model& model, Scope& scope);
/// A sub-graph of control flow.
std::unique_ptr<Graph> convert_region(const onnx::GraphProto& proto, const std::string& name,
                                      const Model& model, const Scope& outer);

// attributes.cpp
/// All attributes but graphs, function parameters resolved.
Attributes convert_attributes(const onnx::NodeProto& node, const Model& model, const Scope& scope);
/// Resolves `ref_attr_name`; null when the call does not bind it.
const onnx::AttributeProto* resolved(const onnx::AttributeProto& attribute, const Scope& scope);
/// Declared names and types only; integers given for reals are converted.
void check_attributes(const ForeignNode& node, const Operator& op, Attributes& attributes,
                      const std::string& where);

}  // namespace mlfc
