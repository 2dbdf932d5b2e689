// How operators of TensorFlow Lite become nodes of the graph. A rule is the knowledge about one
// operator: its name, what kind of numbers the rule is for, and a function that reads the operator
// from a TfliteNode and adds what it means. Rules register themselves from their own files in
// ops/, or from plugins; the importer names none.
//
//   void relu(TfliteNode& node) { node.set_output(0, node.add("relu", {&node.input(0)})); }
//   const TfliteRule rule{.name = "RELU", .convert = relu};
//   const RegisteredTfliteRule registered{rule};
//
// Quantised arithmetic has rules of its own (Computes::quantized), in ops/integer_*.cpp, beside the
// rule of the same operator for plain numbers. Rules that only move data serve both.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/tflite/model.h"
#include "ir/error.h"
#include "ir/operator.h"

namespace mlfc {

class TfliteScope;
struct TfliteImportOptions;

/// What an input or output of control flow may be: a value, or the name of a variable.
struct TfliteOperand {
  Value* value = nullptr;
  std::string handle = {};
};

/// Values of variables by key; null where a variable is as it was in the beginning.
using TfliteVariables = std::map<std::string, Value*>;

/// One operator of a model while it is converted: what the file says of it, and the graph to add
/// to. Types of all values are known at once, and what follows from constants and shapes alone is a
/// constant at once, so that a rule may ask for both.
class TfliteNode {
 public:
  TfliteNode(TfliteScope& scope, const TfliteOperator& op, std::string where);

  const std::string& name() const { return op_.name; }
  /// "model.tflite: operator 7 CONV_2D 'conv1'"; fail(node, ...) begins with it.
  const std::string& where() const { return where_; }

  // --- operands -------------------------------------------------------------------------------
  /// So much has been computed for the model that the rest is left for later, and no constant here.
  bool is_exhausted() const;
  int input_count() const { return static_cast<int>(op_.inputs.size()); }
  int output_count() const { return static_cast<int>(op_.outputs.size()); }
  bool has_input(int index) const;
  /// Fails when it is absent.
  Value& input(int index);
  std::vector<Value*> inputs();  ///< all; null where absent
  const Shape& shape(int index) { return input(index).type.shape; }
  int rank(int index) { return input(index).type.rank(); }
  DType dtype(int index) { return input(index).type.dtype; }
  bool is_constant(int index) { return input(index).is_constant(); }
  /// The value of an input that must be known at compile time; fails otherwise.
  const Tensor& constant(int index);
  std::vector<int64_t> constant_integers(int index);
  /// What the file says of an operand: type, example shape, quantisation.
  const TfliteTensor& input_tensor(int index) const;
  const TfliteTensor& output_tensor(int index) const;
  const TfliteTensor& intermediate(int index) const;
  int intermediate_count() const { return static_cast<int>(op_.intermediates.size()); }
  const TfliteQuantization& input_quantization(int index) const;
  const TfliteQuantization& output_quantization(int index) const;

  // --- options --------------------------------------------------------------------------------
  // By their names in the format. The file leaves out what equals the format's default (0, false,
  // NONE, SAME where schema.fbs states no other), so rules state it again.
  bool has(const std::string& option) const;
  int64_t integer(const std::string& option, int64_t fallback = 0) const;
  bool flag(const std::string& option, bool fallback = false) const;
  double real(const std::string& option, double fallback = 0) const;
  std::string text(const std::string& option, const std::string& fallback) const;
  std::vector<int64_t> integers(const std::string& option) const;
  std::span<const std::byte> custom_options() const { return op_.custom_options; }

  /// What the user wants of the import as a whole.
  const TfliteImportOptions& import_options() const;

  // --- making ---------------------------------------------------------------------------------
  /// Adds a node of our operator `op`; its values are named after this operator's first output.
  Value& add(std::string_view op, std::vector<Value*> inputs, Attributes attributes = {});
  std::vector<Value*> add_all(std::string_view op, std::vector<Value*> inputs, int outputs,
                              Attributes attributes = {});
  Value& constant(Tensor tensor);
  Value& scalar(DType dtype, double value);
  Value& integers_constant(const std::vector<int64_t>& values);  ///< i64, rank 1
  /// Every output is set once. A value made by this operator takes the output's name.
  void set_output(int index, Value& value);

  /// The same value in our order of axes (batch, channels, spatial ...) and back. Costs nothing:
  /// the compiler stores activations as it likes and sees transposes as views.
  Value& channels_first(Value& value);
  Value& channels_last(Value& value);
  Value& transposed(Value& value, const std::vector<int64_t>& perm);
  Value& reshaped(Value& value, const Shape& shape);

  /// Applies option fused_activation_function to a value of plain numbers.
  Value& activated(Value& value);
  /// Padding of a window by option `padding`: {begin, end} for one spatial axis.
  std::pair<int64_t, int64_t> window_padding(int64_t input, int64_t taps, int64_t stride,
                                             int64_t dilation = 1) const;

  // --- state and control ------------------------------------------------------------------------
  /// The contents of a variable tensor (is_variable), and what it holds from here on.
  Value& state(int index);
  void set_state(int index, Value& value);
  /// Resource variables: a handle names one. It is no value, and travels as an operand of its own.
  void set_output_handle(int index, const std::string& resource);
  const std::string& input_handle(int index) const;
  Value& read_resource(const std::string& resource, const TfliteTensor& type);
  void assign_resource(const std::string& resource, const TfliteTensor& type, Value& value);
  /// What all variables hold at this place, to convert two branches from the same beginning.
  TfliteVariables variables() const;
  void set_variables(const TfliteVariables& values);
  /// The inputs from number `first` on, handles included.
  std::vector<TfliteOperand> operands(int first);
  void set_operand(int index, const TfliteOperand& operand);
  /// Converts another subgraph of the model in this place and returns its outputs.
  std::vector<TfliteOperand> call(int64_t subgraph, const std::vector<TfliteOperand>& arguments);
  /// Converts a subgraph as initialisation, once for the model: what it assigns are the variables'
  /// initial values.
  void call_once(int64_t subgraph);

 private:
  TfliteScope& scope_;
  const TfliteOperator& op_;
  std::string where_;
};

std::string describe(const TfliteNode& node);

/// What kind of operator a rule is for. An operator is quantised when its first input or its first
/// output is an 8- or 16-bit integer with a scale, and its first input is no real.
enum class Computes : uint8_t {
  plain,      ///< numbers that are what they are: reals, i32 indices, booleans
  quantized,  ///< integers with scales
  either,     ///< both: moves data or converts between the two
};

struct TfliteRule {
  std::string name = {};  ///< "CONV_2D"; of a custom operator its own name
  bool is_custom = false;
  Computes computes = Computes::plain;
  bool takes_handles = false;  ///< operands may name variables (type RESOURCE)
  int inputs = 1;              ///< at least so many inputs ...
  int outputs = 1;             ///< ... and outputs, so that `convert` need not count
  void (*convert)(TfliteNode& node) = nullptr;
};

/// A static object of this type puts the rule into the registry.
struct RegisteredTfliteRule {
  explicit RegisteredTfliteRule(const TfliteRule& rule);
};
/// The same for a table of rules.
struct RegisteredTfliteRules {
  explicit RegisteredTfliteRules(const std::vector<TfliteRule>& rules);
};

/// The rule for an operator; null when there is none.
const TfliteRule* find_tflite_rule(const std::string& name, bool is_custom, bool is_quantized);

}  // namespace mlfc
