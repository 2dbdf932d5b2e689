// What is printed reads back as the same program - not only as the same text.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/error.h"
#include "ir/operator.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "passes/pass.h"
#include "tests/unit/random_kernel.h"
#include "tests/unit/same_program.h"

namespace mlfc {
namespace {

TEST(ProgramText, RandomKernelsReadBack) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Kernel kernel = random_kernel(seed).kernel;
    const std::string text = to_text(kernel);
    ASSERT_EQ(program_difference(kernel, parse_kernel(text)), "") << "seed " << seed << "\n"
                                                                  << text;
  }
}

// Any tree that construction can make, over f32, i32 and bool operands.
class RandomExpr {
 public:
  explicit RandomExpr(uint64_t seed) : random_(seed) {}

  Expr of(DType dtype, int depth) {
    if (depth == 0 || random_.chance(15)) return leaf(dtype);
    if (random_.chance(15)) return cast_expr(dtype, of(other(dtype), depth - 1));
    if (dtype == DType::boolean) return condition(depth);
    const bool real = is_float(dtype);
    std::vector<const ScalarFunction*> rows;
    for (const ScalarFunction& row : scalar_functions()) {
      const bool defined = real ? row.real != nullptr : row.integer != nullptr;
      if (row.result == ResultRule::same && defined) rows.push_back(&row);
    }
    const ScalarFunction& row = *random_.one_of(rows);
    std::vector<Expr> args;
    for (int i = 0; i < row.arity; ++i) {
      const bool is_condition = i == 0 && row.condition_first;
      args.push_back(of(is_condition ? DType::boolean : dtype, depth - 1));
    }
    return call_expr(row, std::move(args));
  }

 private:
  DType other(DType dtype) {
    const DType wanted = random_.one_of(dtypes_);
    return wanted == dtype ? DType::i64 : wanted;
  }

  Expr condition(int depth) {
    static const std::vector<std::string> names = {"less", "less_equal", "equal", "not_equal"};
    static const std::vector<std::string> logic = {"and", "or", "not", "xor"};
    if (random_.chance(50)) {
      const DType dtype = random_.chance(50) ? DType::f32 : DType::i32;
      return call_expr(random_.one_of(names), {of(dtype, depth - 1), of(dtype, depth - 1)});
    }
    const std::string& name = random_.one_of(logic);
    const Expr first = of(DType::boolean, depth - 1);
    if (name == "not") return call_expr(name, {first});
    return call_expr(name, {first, of(DType::boolean, depth - 1)});
  }

  Expr leaf(DType dtype) {
    if (random_.chance(50)) return literal(dtype);
    if (dtype == DType::i64) return axis_expr(random_.chance(50) ? "i" : "j.o");
    const std::string name = dtype == DType::f32 ? "x" : dtype == DType::i32 ? "n" : "b";
    if (random_.chance(30)) return local_expr(name + ".scalar", dtype);
    const Expr index = axis_expr("i") * 2 + Expr(random_.between(-3, 3));
    Expr read = read_expr(name, dtype, {index, Expr(random_.between(0, 9))});
    return random_.chance(30) ? read.or_else(literal(dtype)) : read;
  }

  Expr literal(DType dtype) {
    static const std::vector<double> reals = {
        0,    -0.0,  1,   -1,    0.1,     1e-45,    3.4028235e38, 16777217, 1e10,
        -2.5, 1e-07, 0.3, 65504, 1.0 / 3, INFINITY, -INFINITY,    NAN};
    static const std::vector<int64_t> integers = {0,
                                                  1,
                                                  -1,
                                                  7,
                                                  127,
                                                  -128,
                                                  std::numeric_limits<int32_t>::max(),
                                                  std::numeric_limits<int32_t>::min()};
    if (dtype == DType::boolean) return integer_expr(random_.below(2), dtype);
    if (is_float(dtype)) return real_expr(random_.one_of(reals), dtype);
    return integer_expr(random_.one_of(integers), dtype);
  }

  Random random_;
  std::vector<DType> dtypes_ = {DType::f32, DType::i32, DType::boolean};
};

TEST(ProgramText, RandomExpressionsReadBack) {
  const std::vector<Param> scope = {
      {"x", {DType::f32, {9, 9}, {}}},     {"n", {DType::i32, {9, 9}, {}}},
      {"b", {DType::boolean, {9, 9}, {}}}, {"x.scalar", {DType::f32, {}, {}}},
      {"n.scalar", {DType::i32, {}, {}}},  {"b.scalar", {DType::boolean, {}, {}}}};
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    RandomExpr random(seed);
    const DType dtype = seed % 2 == 0 ? DType::f32 : DType::i32;
    const Expr expr = random.of(dtype, static_cast<int>(seed % 6));
    // A context gives literals their dtype, as the target of a store would.
    Kernel kernel{.name = "k", .inputs = scope};
    kernel.outputs = {{"y", {dtype, {}, {}}}};
    kernel.stages.push_back({.store = Store{"y", {}, expr}});
    const std::string text = to_text(kernel);
    const Kernel again = parse_kernel(text);
    ASSERT_TRUE(same(again.stages.at(0).store->value, expr)) << "seed " << seed << "\n" << text;
  }
}

TEST(ProgramText, ExpressionsOutOfContextReadBack) {
  const std::vector<Param> scope = {{"x", {DType::f32, {4}, {}}}};
  const Expr x = read_expr("x", DType::f32, {axis_expr("i")});
  EXPECT_EQ(to_text(max_expr(x, 0)), "max(x[i], 0)");
  EXPECT_TRUE(same(parse_expr("max(x[i], 0)", scope), max_expr(x, 0)));
  EXPECT_EQ(to_text(Expr(2.0)), "2.0");
  EXPECT_TRUE(same(parse_expr("2.0", {}), Expr(2.0)));
  EXPECT_TRUE(same(parse_expr("2", {}), Expr(2)));
  EXPECT_THROW(parse_expr("x[i] +", scope), UserError);
  EXPECT_THROW(parse_expr("z[i]", scope), UserError);
}

// A graph that carries everything a graph can carry, with names as bad as they come.
void fill(Graph& graph) {
  graph.name = "a graph";
  graph.pools = {{"fast \"memory\"", 128}, {"workspace", 4096}};
  const TensorType type{DType::f32, {2, 3}, Layout::permuted({2, 3}, {1, 0})};
  Value& x = graph.add_input("input/0:0", type);
  Tensor weights(TensorType{DType::f16, {5, 7}, std::nullopt});
  for (int64_t i = 0; i < 35; ++i) weights.set_real(i, 0.1 * static_cast<double>(i));
  Value& w = graph.add_constant("w", weights);
  Value& small = graph.add_constant("\x01\n\"%", tensor_of(DType::f32, {2}, {0.1, INFINITY}));
  Value& loose = graph.add_value("loose", {DType::u8, {16}, std::nullopt});
  loose.placement = {"workspace", 64};
  Attributes attributes = {{"i", int64_t{-3}},
                           {"r", 0.1},
                           {"whole real", 2.0},
                           {"s", std::string("\xff text")},
                           {"is", std::vector<int64_t>{}},
                           {"rs", std::vector<double>{}},
                           {"rs2", std::vector<double>{1, 2}},
                           {"ss", std::vector<std::string>{}},
                           {"ss2", std::vector<std::string>{"", "a,b"}},
                           {"t", weights}};
  Node& node = graph.add_node(operator_named("relu"), {&x, nullptr, &w, &small}, {"y", "z"},
                              std::move(attributes));
  node.name = "named";
  node.sources = {"Conv_1", "Relu \"2\""};
  node.outputs[0]->type = TensorType{DType::f32, {2, 3}, Layout::strided({2, 3}, {8, 2}, 1)};
  node.outputs[0]->inside = &loose;
  node.outputs[1]->type = TensorType{DType::i8, {}, std::nullopt};
  node.outputs[1]->placement = {"fast \"memory\"", 0};
  node.is_free = true;
  node.scratch = {&graph.add_value("s", {DType::u8, {4}, std::nullopt})};
  node.kernel = random_kernel(7).kernel;
  node.schedule = Schedule{{split_word("i", 4), order_word({"i.o", "odd name", "i.i"})}};
  auto region = std::make_unique<Graph>();
  region->name = "then";
  region->outer = &graph;
  Node& inner = region->add_node(operator_named("exp"), {&x}, {"inner"});
  region->outputs = {&inner.output()};
  node.regions.push_back(std::move(region));
  graph.outputs = {node.outputs[0], &x};
}

TEST(ProgramText, GraphsReadBack) {
  Graph graph;
  fill(graph);
  for (const int64_t limit : {int64_t{0}, int64_t{16}, int64_t{1000}}) {
    const std::string text = to_text(graph, {.inline_elements = limit});
    const std::unique_ptr<Graph> again = parse_graph(text);
    EXPECT_EQ(program_difference(graph, *again), "") << text;
    EXPECT_EQ(to_text(*again, {.inline_elements = limit}), text);
  }
}

TEST(ProgramText, MessagesNameNodesBySource) {
  const std::unique_ptr<Graph> graph =
      parse_graph("graph main(%x: f32[2]) -> (%y) { %y = relu(%x) from \"Relu_1\" }");
  EXPECT_EQ(describe(*graph->nodes.front()), "node 'Relu_1' (relu)");
  EXPECT_EQ(to_text(*graph->nodes.front()), "%y = relu(%x) from \"Relu_1\"");
}

TEST(ProgramText, DeepNestingIsRefusedNotFollowed) {
  const std::string open(100000, '('), minus(100000, '-');
  EXPECT_THROW(parse_expr(open, {}), UserError);
  EXPECT_THROW(parse_expr(minus + "1", {}), UserError);
  std::string sum = "1";
  for (int i = 0; i < 100000; ++i) sum += "+i";
  EXPECT_THROW(parse_expr(sum, {}), UserError);
}

}  // namespace
}  // namespace mlfc
