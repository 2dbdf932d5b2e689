// The loop interpreter: every kind of statement, and nests that run in rows against the same nests
// one point at a time.
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/interpret.h"
#include "ir/loop.h"
#include "ir/operator.h"
#include "ir/print.h"
#include "passes/pass.h"
#include "tests/unit/random_kernel.h"

namespace mlfc {
namespace {

Expr axis(const char* name) {
  return axis_expr(name);
}
Expr read(const char* name, std::vector<Expr> indices, DType dtype = DType::f32) {
  return read_expr(name, dtype, std::move(indices));
}

Proc proc_of(const Shape& x, const Shape& y, std::vector<Stmt> body, DType dtype = DType::f32) {
  return {.name = "test",
          .inputs = {{"x", {dtype, x, {}}}},
          .outputs = {{"y", {dtype, y, {}}}},
          .body = std::move(body)};
}

std::vector<double> run(const Proc& proc, const std::vector<double>& values) {
  const TensorType& type = proc.inputs[0].type;
  const Tensor x = tensor_of(type.dtype, type.shape, values);
  const Tensor y = interpret(proc, {&x})[0];
  std::vector<double> results;
  for (int64_t i = 0; i < y.type.elements(); ++i) results.push_back(y.real(i));
  return results;
}

using Reals = std::vector<double>;

TEST(InterpretLoops, LoopsRunFromBeginToEndInSteps) {
  const Proc proc = proc_of(
      {10}, {10}, {loop_stmt("i", 0, 10, {assign_stmt("y", {axis("i")}, 0)}), [] {
                     Stmt loop = loop_stmt("i", 1, 9,
                                           {assign_stmt("y", {axis("i")}, read("x", {axis("i")}))});
                     loop.step = 3;
                     return loop;
                   }()});
  EXPECT_EQ(run(proc, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), (Reals{0, 1, 0, 0, 4, 0, 0, 7, 0, 0}));
}

TEST(InterpretLoops, BoundsMayBeClippedByOuterAxes) {
  const Expr end = min_expr(axis("o") + 4, 10);
  const Stmt inner =
      loop_stmt("i", axis("o"), end, {assign_stmt("y", {axis("i")}, read("x", {axis("i")}) + 1.0)},
                {"lanes"});
  Stmt outer = loop_stmt("o", 0, 10, {inner});
  outer.step = 4;
  EXPECT_EQ(run(proc_of({10}, {10}, {outer}), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}),
            (Reals{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST(InterpretLoops, LocalsAccumulate) {
  const Expr i = axis("i"), k = axis("k");
  const Proc proc = proc_of(
      {2, 3}, {2},
      {comment_stmt("row sums, twice: in a scalar and in an array"),
       loop_stmt("i", 0, 2,
                 {local_stmt("total", DType::f32), local_stmt("parts", DType::f32, {2}),
                  assign_stmt("total", {}, 0), assign_stmt("parts", {i}, 100),
                  loop_stmt("k", 0, 3,
                            {accumulate_stmt("total", {}, Combine::sum, read("x", {i, k})),
                             accumulate_stmt("parts", {i}, Combine::max, read("x", {i, k}))}),
                  assign_stmt("y", {i}, local_expr("total", DType::f32) + read("parts", {i}))})});
  EXPECT_EQ(run(proc, {1, 2, 3, 400, 5, 6}), (Reals{106, 811}));
}

TEST(InterpretLoops, EveryCombination) {
  for (const auto& [combine, expected] : {std::pair{Combine::sum, 7.0},
                                          {Combine::product, 8.0},
                                          {Combine::max, 4.0},
                                          {Combine::min, 1.0}}) {
    const Proc proc = proc_of(
        {3}, {1},
        {assign_stmt("y", {0}, read("x", {0})),
         loop_stmt("k", 1, 3, {accumulate_stmt("y", {0}, combine, read("x", {axis("k")}))})});
    EXPECT_EQ(run(proc, {1, 2, 4}), Reals{expected}) << to_text(combine);
  }
}

// A loop that reads what it has written may not be evaluated in rows.
TEST(InterpretLoops, RecurrencesRunInOrder) {
  const Expr i = axis("i");
  const Proc proc =
      proc_of({5}, {5},
              {assign_stmt("y", {0}, read("x", {0})),
               loop_stmt("i", 1, 5, {assign_stmt("y", {i}, read("y", {i - 1}) + read("x", {i}))})});
  EXPECT_EQ(run(proc, {1, 2, 3, 4, 5}), (Reals{1, 3, 6, 10, 15}));
}

// Two statements with one target take turns: the second must see the first one's element.
TEST(InterpretLoops, StatementsOfOneTargetTakeTurns) {
  const Proc proc =
      proc_of({3}, {1},
              {assign_stmt("y", {0}, 1),
               loop_stmt("i", 0, 3,
                         {accumulate_stmt("y", {0}, Combine::product, 2.0),
                          accumulate_stmt("y", {0}, Combine::sum, read("x", {axis("i")}))})});
  EXPECT_EQ(run(proc, {1, 2, 3}), Reals{(((1 * 2 + 1) * 2) + 2) * 2 + 3});
}

TEST(InterpretLoops, CopiesBoxes) {
  Stmt copy;
  copy.kind = StmtKind::copy;
  copy.name = "tile";
  copy.indices = {0, 1};
  copy.extents = {2, 2};
  copy.source = "x";
  copy.source_indices = {axis("o"), 1};
  const Expr i = axis("i"), j = axis("j");
  const Stmt body = loop_stmt(
      "o", 1, 2,
      {local_stmt("tile", DType::f32, {2, 3}, "l1"), copy,
       loop_stmt("i", 0, 2,
                 {loop_stmt("j", 0, 2, {assign_stmt("y", {i, j}, read("tile", {i, j + 1}))})})});
  EXPECT_EQ(run(proc_of({3, 3}, {2, 2}, {body}), {0, 1, 2, 3, 4, 5, 6, 7, 8}), (Reals{4, 5, 7, 8}));
  copy.source_indices = {axis("o") + 1, 1};
  const Proc outside = proc_of(
      {3, 3}, {2, 2}, {loop_stmt("o", 1, 2, {local_stmt("tile", DType::f32, {2, 3}), copy})});
  EXPECT_THROW(run(outside, {0, 1, 2, 3, 4, 5, 6, 7, 8}), InternalError);
}

TEST(InterpretLoops, WritingOutsideAndUnknownCallsAreErrors) {
  const Proc outside =
      proc_of({3}, {3},
              {loop_stmt("i", 0, 3, {assign_stmt("y", {axis("i") + 1}, read("x", {axis("i")}))})});
  EXPECT_THROW(run(outside, {1, 2, 3}), InternalError);
  Stmt call;
  call.kind = StmtKind::call;
  call.name = "mystery";
  EXPECT_THROW(run(proc_of({1}, {1}, {call}), {1}), InternalError);
}

TEST(InterpretLoops, IntegersWrapInAccumulators) {
  const Proc proc = proc_of(
      {3}, {1},
      {assign_stmt("y", {0}, integer_expr(100, DType::i8)),
       loop_stmt("i", 0, 3,
                 {accumulate_stmt("y", {0}, Combine::sum, read("x", {axis("i")}, DType::i8))})},
      DType::i8);
  EXPECT_EQ(run(proc, {100, 100, 0}), Reals{44});
}

// What the compiler makes of a kernel when nothing is scheduled means what the kernel means.
TEST(InterpretLoops, LoweredKernelsMeanTheSame) {
  const Machine machine;
  const Options options;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const RandomKernel random = random_kernel(seed);
    Graph graph;
    std::vector<Value*> inputs;
    for (const Param& param : random.kernel.inputs) {
      inputs.push_back(&graph.add_input(param.name, param.type));
    }
    Node& node = graph.add_node(operator_named("identity"), inputs, {"y"});
    node.output().type = random.kernel.outputs[0].type;
    node.kernel = random.kernel;
    graph.outputs = node.outputs;
    const std::vector<Tensor> before = interpret(graph, random.inputs);
    find_pass("lower-to-loops")->run(graph, {machine, options});
    ASSERT_TRUE(node.proc.has_value());
    const std::vector<Tensor> after = interpret(graph, random.inputs);
    ASSERT_EQ(difference(before[0], after[0]), "") << to_text(random.kernel) << to_text(*node.proc);
  }
}

}  // namespace
}  // namespace mlfc
