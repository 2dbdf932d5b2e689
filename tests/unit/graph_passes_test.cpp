// The passes that understand and simplify the graph: infer-types, expand-operators, fold-constants,
// simplify-graph and fold-scales.
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/interpret.h"
#include "ir/operator.h"
#include "ir/verify.h"
#include "passes/graph/copies.h"
#include "passes/pass.h"
#include "tests/unit/random_kernel.h"

namespace mlfc {
namespace {

using Ints = std::vector<int64_t>;

void run_pass(Graph& graph, const std::string& name) {
  const Machine machine;
  const Options options;
  const Pass* pass = find_pass(name);
  ASSERT_NE(pass, nullptr) << name;
  pass->run(graph, {machine, options});
  EXPECT_EQ(problems(graph), std::vector<std::string>{}) << "after " << name;
}

Value& add(Graph& graph, const std::string& op, std::vector<Value*> inputs,
           const std::string& output, Attributes attributes = {}) {
  Node& node = graph.add_node(operator_named(op), std::move(inputs), {output}, attributes);
  node.name = output + "_node";
  node.sources = {node.name};
  return node.output();
}

std::vector<std::string> ops_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const auto& node : graph.nodes) names.push_back(node->op->name);
  return names;
}

using Names = std::vector<std::string>;

Tensor numbers(uint64_t seed, const Shape& shape) {
  Random random(seed);
  return random_tensor(random, {DType::f32, shape, {}});
}

// Runs the passes and compares the numbers before and after.
void expect_same_numbers(Graph& graph, const Names& passes, double tolerance) {
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs) inputs.push_back(numbers(7, input->type.shape));
  const std::vector<Tensor> before = interpret(graph, inputs);
  std::vector<std::string> names;
  for (const Value* output : graph.outputs) names.push_back(output->name);
  for (const std::string& pass : passes) run_pass(graph, pass);
  const std::vector<Tensor> after = interpret(graph, inputs);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(difference(before[i], after[i], tolerance), "");
    EXPECT_EQ(graph.outputs[i]->name, names[i]);
  }
}

// --- infer-types ------------------------------------------------------------------------------

TEST(InferTypes, GivesTypesAndComputesWhatIsKnown) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {2, 3, 4}, {}});
  Value& zero = graph.add_constant("zero", integer_tensor({0, -1}));
  // A shape computed from constants, as exporters write it.
  Value& shape = add(graph, "add", {&zero, &zero}, "shape");
  Value& fixed = add(graph, "max", {&shape, &zero}, "fixed");
  Value& y = add(graph, "reshape", {&x, &fixed}, "y");
  graph.outputs = {&y};
  run_pass(graph, "infer-types");
  EXPECT_EQ(ops_of(graph), Names{"reshape"});
  EXPECT_EQ(y.type, (TensorType{DType::f32, {2, 12}, {}}));
  ASSERT_NE(graph.find_value("fixed"), nullptr);
  EXPECT_EQ(graph.find_value("fixed")->constant->integers(), (Ints{0, -1}));
}

TEST(InferTypes, SaysWhichInputMustBeKnown) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {4}, {}});
  Value& wanted = graph.add_input("wanted", {DType::i64, {1}, {}});
  Value& shape = add(graph, "neg", {&wanted}, "shape");
  graph.outputs = {&add(graph, "reshape", {&x, &shape}, "y")};
  try {
    run_pass(graph, "infer-types");
    FAIL() << "a shape that depends on an input went unnoticed";
  } catch (const UserError& error) {
    const std::string message = error.what();
    for (const char* part : {"'y_node'", "'shape'", "'shape_node'", "'wanted'"}) {
      EXPECT_NE(message.find(part), std::string::npos) << message;
    }
  }
}

TEST(InferTypes, ComparesWithWhatTheModelDeclares) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {4}, {}});
  Value& y = add(graph, "relu", {&x}, "y");
  graph.outputs = {&y};
  y.type = {DType::f32, {4}, {}};
  run_pass(graph, "infer-types");
  y.type = {DType::f32, {5}, {}};
  EXPECT_THROW(run_pass(graph, "infer-types"), UserError);
}

TEST(InferTypes, ConstantOutputsAreStillMadeByANode) {
  Graph graph;
  Value& one = graph.add_constant("one", tensor_of(DType::f32, {2}, {1, 2}));
  graph.outputs = {&add(graph, "neg", {&one}, "y")};
  run_pass(graph, "infer-types");
  run_pass(graph, "fold-constants");
  run_pass(graph, "simplify-graph");
  EXPECT_EQ(ops_of(graph), Names{"identity"});
  EXPECT_EQ(graph.outputs[0]->name, "y");
  EXPECT_EQ(interpret(graph, {})[0], tensor_of(DType::f32, {2}, {-1, -2}));
}

// --- simplify-graph ---------------------------------------------------------------------------

TEST(SimplifyGraph, RemovesWhatHandsItsInputOn) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {2, 3}, {}});
  Value& a = add(graph, "relu", {&x}, "a");
  Value& b = add(graph, "dropout", {&a}, "b");
  Value& c = add(graph, "cast", {&b}, "c", {{"to", std::string("f32")}});
  Value& d = add(graph, "transpose", {&c}, "d", {{"perm", Ints{0, 1}}});
  Value& e = add(graph, "concat", {&d}, "e", {{"axis", int64_t{0}}});
  Value& y = add(graph, "identity", {&e}, "y");
  graph.outputs = {&y};
  run_pass(graph, "infer-types");
  expect_same_numbers(graph, {"simplify-graph"}, 0);
  EXPECT_EQ(ops_of(graph), Names{"relu"});
}

TEST(SimplifyGraph, KeepsTheCopyBetweenInputAndOutput) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {2}, {}});
  graph.outputs = {&add(graph, "identity", {&x}, "y"), &add(graph, "identity", {&x}, "z")};
  run_pass(graph, "infer-types");
  expect_same_numbers(graph, {"simplify-graph"}, 0);
  EXPECT_EQ(ops_of(graph), (Names{"identity", "identity"}));
}

TEST(SimplifyGraph, MergesReshapesAndTransposes) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {2, 3, 4}, {}});
  Value& flat = graph.add_constant("flat", integer_tensor({24}));
  Value& back = graph.add_constant("back", integer_tensor({4, 6}));
  Value& a = add(graph, "reshape", {&x, &flat}, "a");
  Value& b = add(graph, "reshape", {&a, &back}, "b");
  Value& c = add(graph, "transpose", {&x}, "c", {{"perm", Ints{1, 2, 0}}});
  Value& d = add(graph, "transpose", {&c}, "d", {{"perm", Ints{2, 1, 0}}});
  Value& e = add(graph, "transpose", {&c}, "e", {{"perm", Ints{2, 0, 1}}});
  graph.outputs = {&b, &d, &add(graph, "relu", {&e}, "f")};
  run_pass(graph, "infer-types");
  expect_same_numbers(graph, {"simplify-graph"}, 0);
  EXPECT_EQ(ops_of(graph), (Names{"reshape", "transpose", "relu"}));
}

TEST(SimplifyGraph, ComputesEqualThingsOnce) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {2}, {}});
  Value& one = graph.add_constant("one", tensor_of(DType::f32, {}, {1}));
  Value& also_one = graph.add_constant("also_one", tensor_of(DType::f32, {}, {1}));
  Value& a = add(graph, "add", {&x, &one}, "a");
  Value& b = add(graph, "add", {&x, &also_one}, "b");
  Value& unused = add(graph, "exp", {&x}, "unused");
  add(graph, "log", {&unused}, "also_unused");
  graph.outputs = {&add(graph, "mul", {&a, &b}, "y")};
  run_pass(graph, "infer-types");
  expect_same_numbers(graph, {"simplify-graph"}, 0);
  EXPECT_EQ(ops_of(graph), (Names{"add", "mul"}));
}

TEST(SimplifyGraph, SeesThatDimensionsWereTakenApartAndPutTogether) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {6, 35, 8}, {}});
  Value& shape = graph.add_constant("shape", integer_tensor({6, 5, 56}));
  Value& y = add(graph, "reshape", {&x, &shape}, "y");
  graph.outputs = {&y};
  run_pass(graph, "infer-types");
  const std::optional<CopyOf> copy = copy_of(*y.producer);
  ASSERT_TRUE(copy.has_value());
  EXPECT_TRUE(copy->keeps_places);
  EXPECT_EQ(copy->source, &x);
}

// --- fold-constants and expand-operators ------------------------------------------------------

TEST(FoldConstants, ComputesWeightsButKeepsWhatGrows) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {300, 300}, {}});
  Value& weights = graph.add_constant("weights", numbers(1, {300, 300}));
  Value& row = graph.add_constant("row", numbers(2, {1, 300}));
  Value& column = graph.add_constant("column", numbers(3, {300, 1}));
  Value& turned = add(graph, "transpose", {&weights}, "turned", {{"perm", Ints{1, 0}}});
  Value& table = add(graph, "add", {&row, &column}, "table");
  Value& a = add(graph, "add", {&x, &turned}, "a");
  graph.outputs = {&add(graph, "add", {&a, &table}, "y")};
  run_pass(graph, "infer-types");
  expect_same_numbers(graph, {"fold-constants"}, 0);
  EXPECT_EQ(ops_of(graph), (Names{"add", "add", "add"}));  // the table is 300 times its parts
  EXPECT_TRUE(graph.find_value("turned")->is_constant());
}

// A convolution, then a batch normalization with plausible statistics.
Value& conv_and_norm(Graph& graph, bool has_bias, int64_t groups) {
  const int64_t channels = 6;
  Value& x = graph.add_input("x", {DType::f32, {1, 4, 7, 7}, {}});
  Value& w = graph.add_constant("w", numbers(1, {channels, 4 / groups, 3, 3}));
  std::vector<Value*> inputs = {&x, &w};
  if (has_bias) inputs.push_back(&graph.add_constant("b", numbers(2, {channels})));
  Value& c = add(graph, "conv", inputs, "c", {{"group", groups}, {"pads", Ints{1, 1, 1, 1}}});
  Tensor variance = numbers(6, {channels});
  for (int64_t i = 0; i < channels; ++i) variance.set_real(i, 0.5 + std::abs(variance.real(i)));
  return add(graph, "batch_normalization",
             {&c, &graph.add_constant("scale", numbers(3, {channels})),
              &graph.add_constant("shift", numbers(4, {channels})),
              &graph.add_constant("mean", numbers(5, {channels})),
              &graph.add_constant("variance", std::move(variance))},
             "y");
}

TEST(ExpandOperators, LeavesOnlyOperatorsThatSayWhatTheyDo) {
  Graph graph;
  graph.outputs = {&conv_and_norm(graph, true, 1)};
  run_pass(graph, "infer-types");
  expect_same_numbers(graph, {"expand-operators"}, 0);
  for (const auto& node : graph.nodes) {
    EXPECT_EQ(node->op->expand, nullptr) << node->op->name;
    EXPECT_FALSE(node->sources.empty());
  }
}

// --- fold-scales ------------------------------------------------------------------------------

TEST(FoldScales, BatchNormalizationVanishesIntoTheConvolution) {
  for (const bool has_bias : {false, true}) {
    for (const int64_t groups : {1, 2}) {
      Graph graph;
      graph.outputs = {&conv_and_norm(graph, has_bias, groups)};
      run_pass(graph, "infer-types");
      expect_same_numbers(graph, {"expand-operators", "fold-constants", "fold-scales"}, 1e-4);
      EXPECT_EQ(ops_of(graph), Names{"conv"}) << has_bias << groups;
      const Node& conv = *graph.nodes.front();
      EXPECT_EQ(conv.sources, (Names{"c_node", "y_node"}));
    }
  }
}

TEST(FoldScales, KeepsWhatItMayNotFold) {
  const Tensor per_channel = numbers(3, {6, 1, 1}), per_column = numbers(3, {7});
  for (const bool allowed : {true, false}) {
    Graph graph;
    Value& x = graph.add_input("x", {DType::f32, {1, 4, 7, 7}, {}});
    Value& w = graph.add_constant("w", numbers(1, {6, 4, 1, 1}));
    Value& c = add(graph, "conv", {&x, &w}, "c");
    Value& factor = graph.add_constant("factor", allowed ? per_channel : per_column);
    graph.outputs = {&add(graph, "mul", {&c, &factor}, "y")};
    run_pass(graph, "infer-types");
    expect_same_numbers(graph, {"fold-scales"}, 1e-5);
    EXPECT_EQ(ops_of(graph), allowed ? Names{"conv"} : (Names{"conv", "mul"}));
  }
}

TEST(FoldScales, TwoReadersKeepTheScale) {
  Graph graph;
  Value& x = graph.add_input("x", {DType::f32, {1, 4, 7, 7}, {}});
  Value& c = add(graph, "conv", {&x, &graph.add_constant("w", numbers(1, {6, 4, 1, 1}))}, "c");
  Value& two = graph.add_constant("two", tensor_of(DType::f32, {}, {2}));
  Value& twice = add(graph, "mul", {&c, &two}, "twice");
  graph.outputs = {&add(graph, "add", {&c, &twice}, "y")};
  run_pass(graph, "infer-types");
  expect_same_numbers(graph, {"fold-scales"}, 1e-5);
  EXPECT_EQ(ops_of(graph), (Names{"conv", "mul", "add"}));
}

TEST(FoldScales, MatrixProductsTakeAScaleButNoShift) {
  for (const bool shifts : {false, true}) {
    Graph graph;
    Value& x = graph.add_input("x", {DType::f32, {5, 8}, {}});
    Value& w = graph.add_constant("w", numbers(1, {8, 9}));
    Value& product = add(graph, "matmul", {&x, &w}, "product");
    Value& factor = graph.add_constant("factor", numbers(2, {9}));
    graph.outputs = {&add(graph, shifts ? "add" : "div", {&product, &factor}, "y")};
    run_pass(graph, "infer-types");
    expect_same_numbers(graph, {"fold-scales"}, 1e-5);
    EXPECT_EQ(ops_of(graph), shifts ? (Names{"matmul", "add"}) : Names{"matmul"});
  }
}

}  // namespace
}  // namespace mlfc
