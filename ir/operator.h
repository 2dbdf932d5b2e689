// An operator says everything the compiler will ever know about one kind of graph node, in one
// file of ir/ops. It gives exactly one meaning: `kernel` (declared work), `expand` (a small graph
// of other operators), `call` (a C function with its own reference), or `region` (control flow).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/error.h"
#include "ir/graph.h"

namespace mlfc {

/// A declared attribute: its name, its type (by the alternative held) and its default. A list
/// default of one element means "this, for as many axes as there are".
struct AttributeSpec {
  std::string name = {};
  Attribute fallback = int64_t{0};
  bool required = false;
};
AttributeSpec integer(std::string name, int64_t fallback);
AttributeSpec real(std::string name, double fallback);
AttributeSpec text(std::string name, std::string fallback);
AttributeSpec ints(std::string name, std::vector<int64_t> fallback = {});
AttributeSpec reals(std::string name, std::vector<double> fallback = {});
AttributeSpec required(AttributeSpec spec);

/// A node as a foreign model spells it, before it becomes ours: neutral, no protobuf. An `adopt`
/// hook rewrites it into the operator's declared form.
struct ForeignNode {
  std::string op_type = {};
  std::string domain = {};
  int64_t opset = 0;  ///< version of the domain's opset in this model
  std::string name = {};
  std::vector<Value*> inputs = {};  ///< null where absent
  /// Per input: the model says 4 bits where our type says 8. Only what models hold and take in is
  /// marked, not what nodes compute.
  std::vector<bool> is_four_bit = {};
  std::vector<std::string> outputs = {};  ///< empty names where absent
  Attributes attributes = {};
  Graph* graph = nullptr;  ///< to add constants an attribute turned into
};

/// Makes the nodes an operator expands to, in front of the node that is replaced. Values it creates
/// are named after the node, types are inferred at once.
class Expansion {
 public:
  Expansion(Graph& graph, const Node& node);
  const Node& node() const { return node_; }
  Value& add(std::string_view op, std::vector<Value*> inputs, Attributes attributes = {});
  std::vector<Value*> add_all(std::string_view op, std::vector<Value*> inputs, int outputs,
                              Attributes attributes = {});
  Value& constant(Tensor tensor);
  Value& scalar(DType dtype, double value);

 private:
  Graph& graph_;
  const Node& node_;
};

/// Types of the outputs of an operator that expands, found by expanding it: its `infer` when the
/// expansion says all there is to say, messages included.
std::vector<TensorType> infer_by_expanding(const Node& node);

/// A C function shipped with the generated code, for work no kernel can declare (sorting, data
/// dependent output). `c_source` is complete C99 text of one function named `c_name`, taking
/// pointers to the inputs, then to the outputs, as written in `c_source`; constants and shapes are
/// baked in by `c_source` itself, which is why it is made per node.
struct RuntimeCall {
  std::string c_name = {};
  std::string c_source = {};
};

struct Operator {
  std::string name = {};               ///< ours: snake_case
  std::string summary = {};            ///< one sentence
  std::vector<std::string> onnx = {};  ///< ONNX op types ("Conv"; "com.microsoft.Gelu")
  /// The opset since which the first of them has the declared form (what is older counts as 13).
  int64_t onnx_opset = 13;
  /// Names of the inputs: "x"; "b?" optional; "xs..." any number (last only); "shape!" must be
  /// known at compile time ("axes?!" both).
  std::vector<std::string> inputs = {};
  std::vector<std::string> outputs = {"y"};  ///< "ys..." any number; "mask?" optional
  std::vector<AttributeSpec> attributes = {};

  /// Rewrites a foreign node into the declared form; null: names and meanings already agree.
  void (*adopt)(ForeignNode& node) = nullptr;
  /// The other way, for writing ONNX: rewrites a node of the declared form into the foreign one,
  /// raising `node.opset` when that needs a newer opset than `onnx_opset`. Null: they agree.
  void (*offer)(ForeignNode& node) = nullptr;
  /// Types of the outputs; fails with a clear message when the inputs do not fit.
  std::vector<TensorType> (*infer)(const Node& node) = nullptr;
  /// The outputs' values when types alone (or small constants) decide them; empty: not now.
  std::vector<Tensor> (*fold)(const Node& node) = nullptr;

  // Exactly one of these four:
  Kernel (*kernel)(const Node& node) = nullptr;
  std::vector<Value*> (*expand)(Expansion& expansion) = nullptr;
  RuntimeCall (*call)(const Node& node) = nullptr;
  bool region = false;

  /// The reference of a `call` operator on row-major tensors, inputs in order (null when absent).
  std::vector<Tensor> (*reference)(const Node& node,
                                   const std::vector<const Tensor*>& inputs) = nullptr;
  /// For operators whose every output element is an element of the data (input 0, and all that
  /// repeat) or what they are padded with: it may as well move in another format.
  bool moves_data_only = false;
  /// The output stands for the numbers of input 0 in a wider format (dequantize): constants are
  /// kept as they are, because whoever computes with them may read the narrow form.
  bool widens = false;
};

const Operator* find_operator(std::string_view name);
const Operator& operator_named(std::string_view name);  ///< check()s that it exists
const Operator* find_onnx_operator(std::string_view domain, std::string_view op_type);
std::vector<const Operator*> operators();  ///< sorted by name

/// A static object of this type in an operator's file puts the operator into the registry.
struct RegisteredOperator {
  explicit RegisteredOperator(const Operator& op);
};

/// One declared input or output, its marks taken apart.
struct Slot {
  std::string name = {};
  bool optional = false, variadic = false, constant = false;
};
Slot parse_slot(const std::string& declared);
/// The declared name of the node's input `index` ("x", or "xs0" of a variadic one).
std::string input_name(const Node& node, int index);
std::string output_name(const Node& node, int index);

// --- helpers that operator files share ------------------------------------------------------

/// The integers of a constant input; fails with a message that names input and node otherwise.
std::vector<int64_t> constant_integers(const Node& node, int input);
/// Makes a possibly negative axis absolute; fails outside [-rank, rank).
int normalized_axis(const Node& node, int64_t axis, int rank);
std::vector<int> normalized_axes(const Node& node, const std::vector<int64_t>& axes, int rank);
/// Numpy's broadcasting of two shapes; fails with both shapes in the message.
Shape broadcast_shape(const Node& node, const Shape& a, const Shape& b);
/// Indices into an operand of `shape` given the indices of the broadcast result.
std::vector<Expr> broadcast_indices(const Shape& shape, const std::vector<Expr>& result_indices);
/// Turns attribute `name` of older opsets into constant input number `input` (i64, rank 1).
void attribute_to_input(ForeignNode& node, const std::string& name, int input);
/// Turns a constant input into the attribute; fails when the input is not constant.
void input_to_attribute(ForeignNode& node, int input, const std::string& name);

}  // namespace mlfc
