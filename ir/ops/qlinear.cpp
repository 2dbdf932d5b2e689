// Operators on integers that stand for real numbers, as runtimes for quantised models spell them:
// every tensor comes with its scale and zero point. Each means what the operator on real numbers
// does between dequantizing and quantizing, and is replaced by just that: a table. That integers
// then compute with integers is the business of passes, the same for all of them.
#include <deque>
#include <map>

#include "ir/ops/adopt.h"
#include "ir/ops/quantized.h"
#include "ir/ops/window.h"

namespace mlfc {
namespace {

struct Row {
  std::string name = {};
  std::string summary = {};
  std::vector<std::string> onnx = {};
  std::string op = {};  ///< the operator on real numbers
  std::vector<std::string> inputs = {};
  std::vector<QuantizedInput> operands = {};
  int bias = -1;    ///< sums of products of operands 0 and 1, already counted in their units
  int before = -1;  ///< handed on as it is, in front of the operands
  int after = -1;   ///< likewise, behind them
  Quantization result = {};
  std::vector<AttributeSpec> attributes = {};
  void (*adopt)(ForeignNode& node) = nullptr;
};

std::map<std::string, Row, std::less<>>& rows_by_name() {
  static std::map<std::string, Row, std::less<>> rows;
  return rows;
}

const Row& row_of(const Node& node) {
  return rows_by_name().at(node.op->name);
}

bool is_channels_last(const Node& node) {
  return node.has("channels_last") && node.integer("channels_last") != 0;
}

/// From channels last to channels second, or back.
Value& with_channels_moved(Expansion& expansion, Value& x, bool to_last) {
  std::vector<int64_t> order = {0};
  const int64_t rank = x.type.rank();
  if (!to_last) order.push_back(rank - 1);
  for (int64_t i = 1; i < rank; ++i) {
    const bool is_channel = to_last ? i == 1 : i == rank - 1;
    if (!is_channel) order.push_back(i);
  }
  if (to_last) order.push_back(1);
  return expansion.add("transpose", {&x}, {{"perm", order}});
}

/// The attributes that are the real operator's.
Attributes handed_on(const Node& node) {
  Attributes attributes = node.attributes;
  attributes.erase("channels_last");
  return attributes;
}

std::vector<Value*> expand(Expansion& expansion) {
  const Node& node = expansion.node();
  const Row& row = row_of(node);
  const bool channels_last = is_channels_last(node);
  std::vector<Value*> operands;
  if (row.before >= 0) operands.push_back(&node.input(row.before));
  for (size_t i = 0; i < row.operands.size(); ++i) {
    const QuantizedInput& operand = row.operands[i];
    Value* x = &node.input(operand.value);
    if (i == 0 && channels_last) x = &with_channels_moved(expansion, *x, false);
    operands.push_back(&dequantized(expansion, *x, operand.quantization));
  }
  if (row.bias >= 0 && node.has_input(row.bias)) {
    operands.push_back(&dequantized_bias(expansion, row.bias, row.operands[0].quantization.scale,
                                         row.operands[1].quantization.scale));
  }
  if (row.after >= 0 && node.has_input(row.after)) operands.push_back(&node.input(row.after));
  Value& real = expansion.add(row.op, operands, handed_on(node));
  Value* y = &quantized(expansion, real, row.result, node.input(row.operands[0].value).type.dtype);
  if (channels_last) y = &with_channels_moved(expansion, *y, true);
  return {y};
}

class Family {
 public:
  explicit Family(const std::vector<Row>& rows) {
    static std::deque<Operator> family;  // the registry refers to operators, so they must stay put
    for (const Row& row : rows) {
      rows_by_name()[row.name] = row;
      family.push_back(Operator{.name = row.name,
                                .summary = row.summary,
                                .onnx = row.onnx,
                                .inputs = row.inputs,
                                .attributes = row.attributes,
                                .adopt = row.adopt,
                                .infer = infer_by_expanding,
                                .expand = expand});
      RegisteredOperator registered(family.back());
    }
  }
};

// --- what the rows share --------------------------------------------------------------------

using Specs = std::vector<AttributeSpec>;

Specs operator+(Specs a, const Specs& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const Specs channels_last = {integer("channels_last", 0)};

const std::vector<std::string> unary_inputs = {"x", "x_scale", "x_zero_point?", "y_scale",
                                               "y_zero_point?"};
const std::vector<QuantizedInput> unary_operands = {{0, {1, 2}}};
const Quantization unary_result = {3, 4};

const std::vector<std::string> binary_inputs = {
    "a", "a_scale", "a_zero_point?", "b", "b_scale", "b_zero_point?", "y_scale", "y_zero_point?"};
const std::vector<QuantizedInput> binary_operands = {{0, {1, 2}}, {3, {4, 5}}};
const Quantization binary_result = {6, 7};

void adopt_softmax(ForeignNode& node) {
  // The opset of the Softmax that was quantised travels as an attribute.
  const bool flattened = foreign_integer(node, "opset", 13) < 13;
  node.attributes["axis"] = foreign_integer(node, "axis", flattened ? 1 : -1);
  node.attributes["flattened"] = int64_t{flattened};
  drop_attributes(node, {"opset"});
}

const Family family({
    {.name = "qlinear_conv",
     .summary = "conv of quantised operands.",
     .onnx = {"QLinearConv", "com.microsoft.QLinearConv"},
     .op = "conv",
     .inputs = {"x", "x_scale", "x_zero_point", "w", "w_scale", "w_zero_point", "y_scale",
                "y_zero_point", "b?"},
     .operands = {{0, {1, 2}}, {3, {4, 5, Entries::first_axis}}},
     .bias = 8,
     .result = {6, 7},
     .attributes = window_attributes() + Specs{integer("group", 1)} + channels_last},
    {.name = "qlinear_matmul",
     .summary = "matmul of quantised operands.",
     .onnx = {"QLinearMatMul"},
     .op = "matmul",
     .inputs = {"a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point", "y_scale",
                "y_zero_point"},
     .operands = {{0, {1, 2, Entries::rows}}, {3, {4, 5, Entries::columns}}},
     .result = {6, 7, Entries::rows}},
    {.name = "qlinear_add",
     .summary = "add of quantised operands.",
     .onnx = {"com.microsoft.QLinearAdd"},
     .op = "add",
     .inputs = binary_inputs,
     .operands = binary_operands,
     .result = binary_result},
    {.name = "qlinear_mul",
     .summary = "mul of quantised operands.",
     .onnx = {"com.microsoft.QLinearMul"},
     .op = "mul",
     .inputs = binary_inputs,
     .operands = binary_operands,
     .result = binary_result},
    {.name = "qlinear_average_pool",
     .summary = "average_pool of a quantised image.",
     .onnx = {"com.microsoft.QLinearAveragePool"},
     .op = "average_pool",
     .inputs = unary_inputs,
     .operands = unary_operands,
     .result = unary_result,
     .attributes = window_attributes() +
                   Specs{integer("ceil_mode", 0), integer("count_include_pad", 0)} + channels_last},
    {.name = "qlinear_global_average_pool",
     .summary = "global_average_pool of a quantised image.",
     .onnx = {"com.microsoft.QLinearGlobalAveragePool"},
     .op = "global_average_pool",
     .inputs = unary_inputs,
     .operands = unary_operands,
     .result = unary_result,
     .attributes = channels_last},
    {.name = "qlinear_leaky_relu",
     .summary = "leaky_relu of a quantised operand.",
     .onnx = {"com.microsoft.QLinearLeakyRelu"},
     .op = "leaky_relu",
     .inputs = unary_inputs,
     .operands = unary_operands,
     .result = unary_result,
     .attributes = {real("alpha", 0.01)}},
    {.name = "qlinear_sigmoid",
     .summary = "sigmoid of a quantised operand.",
     .onnx = {"com.microsoft.QLinearSigmoid"},
     .op = "sigmoid",
     .inputs = unary_inputs,
     .operands = unary_operands,
     .result = unary_result},
    {.name = "qlinear_softmax",
     .summary = "softmax of a quantised operand.",
     .onnx = {"com.microsoft.QLinearSoftmax"},
     .op = "softmax",
     .inputs = unary_inputs,
     .operands = unary_operands,
     .result = unary_result,
     .attributes = {integer("axis", -1), integer("flattened", 0)},
     .adopt = adopt_softmax},
    {.name = "qlinear_reduce_mean",
     .summary = "reduce_mean of a quantised operand.",
     .onnx = {"com.microsoft.QLinearReduceMean"},
     .op = "reduce_mean",
     .inputs = {"x", "x_scale", "x_zero_point?", "y_scale", "y_zero_point?", "axes?!"},
     .operands = unary_operands,
     .after = 5,
     .result = unary_result,
     .attributes = {integer("keepdims", 1)},
     .adopt = [](ForeignNode& node) { attribute_to_input(node, "axes", 5); }},
    {.name = "qlinear_where",
     .summary = "where of quantised operands.",
     .onnx = {"com.microsoft.QLinearWhere"},
     .op = "where",
     .inputs = {"condition", "a", "a_scale", "a_zero_point", "b", "b_scale", "b_zero_point",
                "y_scale", "y_zero_point"},
     .operands = {{1, {2, 3}}, {4, {5, 6}}},
     .before = 0,
     .result = {7, 8}},
});

// --- those that no row says -----------------------------------------------------------------

std::vector<Value*> expand_concat(Expansion& expansion) {
  const Node& node = expansion.node();
  if (node.inputs.size() < 5 || node.inputs.size() % 3 != 2) {
    fail(node,
         "takes the result's scale and zero point, then tensor, scale and zero point of each "
         "operand; it has ",
         node.inputs.size(), " inputs");
  }
  std::vector<Value*> operands;
  for (int i = 2; i < static_cast<int>(node.inputs.size()); i += 3) {
    operands.push_back(&dequantized(expansion, node.input(i), {i + 1, i + 2}));
  }
  Value& real = expansion.add("concat", operands, node.attributes);
  return {&quantized(expansion, real, {0, 1}, node.input(2).type.dtype)};
}

const Operator qlinear_concat{
    .name = "qlinear_concat",
    .summary = "concat of quantised operands.",
    .onnx = {"com.microsoft.QLinearConcat"},
    .inputs = {"y_scale", "y_zero_point", "xs..."},
    .attributes = {required(integer("axis", 0))},
    .infer = infer_by_expanding,
    .expand = expand_concat,
};
const RegisteredOperator registered_concat{qlinear_concat};

// Without a scale for the result, the result stays real.
std::vector<Value*> expand_gemm(Expansion& expansion) {
  const Node& node = expansion.node();
  const bool transposes_b = node.integer("transB") != 0;
  const Entries columns = transposes_b ? Entries::first_axis : Entries::columns;
  std::vector<Value*> operands = {&dequantized(expansion, node.input(0), {1, 2}),
                                  &dequantized(expansion, node.input(3), {4, 5, columns})};
  const double alpha = node.real("alpha");
  // The bias is in units of alpha times the product's: it is scaled with the product.
  if (node.has_input(6)) operands.push_back(&dequantized_bias(expansion, 6, 1, 4, alpha));
  Value& real = expansion.add("gemm", operands, node.attributes);
  if (!node.has_input(7)) return {&real};
  return {&quantized(expansion, real, {7, 8}, node.input(0).type.dtype)};
}

const Operator qgemm{
    .name = "qgemm",
    .summary = "gemm of quantised matrices.",
    .onnx = {"com.microsoft.QGemm"},
    .inputs = {"a", "a_scale", "a_zero_point?", "b", "b_scale", "b_zero_point?", "c?", "y_scale?",
               "y_zero_point?"},
    .attributes = {real("alpha", 1), integer("transA", 0), integer("transB", 0)},
    .infer = infer_by_expanding,
    .expand = expand_gemm,
};
const RegisteredOperator registered_gemm{qgemm};

}  // namespace
}  // namespace mlfc
