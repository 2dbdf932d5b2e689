// The kernel interpreter: against the literal one on random kernels, and on the corners that the
// text of ir/expr.h and ir/kernel.h promises.
#include <gtest/gtest.h>

#include <cmath>

#include "ir/error.h"
#include "ir/interpret.h"
#include "ir/interpret_contraction.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "tests/unit/naive_interpreter.h"
#include "tests/unit/random_kernel.h"

namespace mlfc {
namespace {

Tensor run(const std::string& text, const std::vector<Tensor>& inputs) {
  std::vector<const Tensor*> arguments;
  for (const Tensor& input : inputs) arguments.push_back(&input);
  return interpret(parse_kernel(text), arguments).at(0);
}

std::vector<double> reals(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.type.elements(); ++i) values.push_back(tensor.real(i));
  return values;
}

using Reals = std::vector<double>;

void expect_as_naive(const RandomKernel& random, double tolerance) {
  const std::vector<Tensor> fast = interpret(random.kernel, random.arguments());
  const std::vector<Tensor> slow = interpret_naively(random.kernel, random.arguments());
  ASSERT_EQ(difference(fast[0], slow[0], tolerance), "") << to_text(random.kernel);
}

TEST(InterpretKernel, RandomKernelsMeanWhatTheySay) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    const RandomKernel random = random_kernel(seed);
    bool contracts = false;  // then reals are summed in another order
    for (const Stage& stage : random.kernel.stages) {
      contracts |= contraction_of(random.kernel, stage).has_value();
    }
    expect_as_naive(random, contracts ? 1e-4 : 0);
  }
}

TEST(InterpretKernel, ContractionsMeanWhatTheySay) {
  int contractions = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const RandomKernel random = random_contraction(seed);
    const Kernel& kernel = random.kernel;
    contractions += contraction_of(kernel, kernel.stages[0]).has_value();
    // Integers are exact; reals are summed in another order.
    expect_as_naive(random, is_float(kernel.outputs[0].type.dtype) ? 1e-4 : 0);
  }
  EXPECT_GE(contractions, 20);
}

TEST(InterpretKernel, IntegersThatCouldRoundAreNotContracted) {
  const char* product = R"(kernel product(a: {0}[8,64], b: {0}[64,8]) -> y: i32[8,8] {{
    for    i<8, j<8
    reduce k<64
    acc: i32 = sum of {1}(a[i, k]) * {1}(b[k, j])
    y[i, j] = acc
  }})";
  const Kernel narrow = parse_kernel(fmt::format(fmt::runtime(product), "i8", "i32"));
  const Kernel wide = parse_kernel(fmt::format(fmt::runtime(product), "i32", ""));
  EXPECT_TRUE(contraction_of(narrow, narrow.stages[0]).has_value());
  EXPECT_FALSE(contraction_of(wide, wide.stages[0]).has_value());
}

TEST(InterpretKernel, PaddingYieldsTheValueOfTheRead) {
  const Tensor y = run(R"(kernel shift(x: f32[3]) -> y: f32[5] {
    for i<5
    y[i] = x[i - 1 | 7]
  })",
                       {tensor_of(DType::f32, {3}, {1, 2, 3})});
  EXPECT_EQ(reals(y), (Reals{7, 1, 2, 3, 7}));
}

TEST(InterpretKernel, ReversedAndStridedReads) {
  const Tensor y = run(R"(kernel reversed(x: f32[9]) -> y: f32[5] {
    for i<5
    y[i] = x[6 - 2 * i | -1]
  })",
                       {tensor_of(DType::f32, {9}, {0, 1, 2, 3, 4, 5, 6, 7, 8})});
  EXPECT_EQ(reals(y), (Reals{6, 4, 2, 0, -1}));
}

TEST(InterpretKernel, ReadingOutsideNamesKernelTensorAndIndex) {
  const char* text = R"(kernel careless(x: f32[2,3]) -> y: f32[2,3] {
    for i<2, j<3
    y[i, j] = x[i, j + 1]
  })";
  try {
    run(text, {tensor_of(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6})});
    FAIL() << "reading outside went unnoticed";
  } catch (const InternalError& error) {
    const std::string message = error.what();
    for (const char* part : {"careless", "x[0,3]", "f32[2,3]"}) {
      EXPECT_NE(message.find(part), std::string::npos) << message;
    }
  }
}

TEST(InterpretKernel, GatheredIndicesAreChecked) {
  const char* strict = R"(kernel take(x: f32[2], at: i64[3]) -> y: f32[3] {
    for i<3
    y[i] = x[at[i]]
  })";
  const char* lenient = R"(kernel take(x: f32[2], at: i64[3]) -> y: f32[3] {
    for i<3
    y[i] = x[at[i] | 9]
  })";
  const Tensor x = tensor_of(DType::f32, {2}, {5, 6});
  EXPECT_EQ(reals(run(strict, {x, integer_tensor({1, 0, 1})})), (Reals{6, 5, 6}));
  EXPECT_THROW(run(strict, {x, integer_tensor({1, -1, 0})}), InternalError);
  EXPECT_EQ(reals(run(lenient, {x, integer_tensor({1, -1, 2})})), (Reals{6, 9, 9}));
}

// A concatenation reads b only where a ends; a select reads only the side it takes.
TEST(InterpretKernel, WhatIsNotNeededIsNotRead) {
  const Tensor a = tensor_of(DType::f32, {2}, {1, 2}), b = tensor_of(DType::f32, {3}, {3, 4, 5});
  const Tensor joined = run(R"(kernel join(a: f32[2], b: f32[3]) -> y: f32[5] {
    for i<5
    y[i] = a[i | b[i - 2]]
  })",
                            {a, b});
  EXPECT_EQ(reals(joined), (Reals{1, 2, 3, 4, 5}));
  const Tensor selected = run(R"(kernel choose(a: f32[2], b: f32[3]) -> y: f32[5] {
    for i<5
    y[i] = select(i < 2, a[i], b[i - 2])
  })",
                              {a, b});
  EXPECT_EQ(reals(selected), (Reals{1, 2, 3, 4, 5}));
  EXPECT_THROW(run(R"(kernel choose(a: f32[2], b: f32[3]) -> y: f32[5] {
    for i<5
    y[i] = select(i < 3, a[i], b[i - 2])
  })",
                   {a, b}),
               InternalError);
}

TEST(InterpretKernel, IntegersWrapAndUnsignedOnesCompareUnsigned) {
  const Tensor sums = run(R"(kernel sums(x: i8[3]) -> y: i8[3] {
    for i<3
    y[i] = x[i] + 100
  })",
                          {tensor_of(DType::i8, {3}, {27, 28, -128})});
  EXPECT_EQ(sums.integers(), (std::vector<int64_t>{127, -128, -28}));
  Tensor large(TensorType{DType::u64, {2}, {}});
  large.set_integer(0, -1);  // 2^64 - 1
  large.set_integer(1, 1);
  const Tensor compared = run(R"(kernel compare(x: u64[2]) -> y: bool[2] {
    for i<2
    y[i] = x[i] < 2
  })",
                              {large});
  EXPECT_EQ(compared.integers(), (std::vector<int64_t>{0, 1}));
  const Tensor halves = run(R"(kernel halves(x: u64[2]) -> y: u64[2] {
    for i<2
    y[i] = x[i] / 2
  })",
                            {large});
  EXPECT_EQ(halves.integer(0), INT64_MAX);
}

// 2^24 + 1 is no f32: adding ones to 2^24 one after the other stays there.
TEST(InterpretKernel, RealsRoundAfterEveryOperationInTheOrderOfTheAxes) {
  const char* text = R"(kernel total(x: f32[300]) -> y: f32[1] {
    for i<1
    reduce k<300
    acc = sum from 16777216 of x[k]
    y[i] = acc
  })";
  EXPECT_EQ(run(text, {splat({DType::f32, {300}, {}}, 1)}).real(0), 16777216);
  const Tensor y = run(R"(kernel fused(x: f32[1]) -> y: f32[1] {
    for i<1
    y[i] = (x[i] + 16777216) - 16777216
  })",
                       {splat({DType::f32, {1}, {}}, 1)});
  EXPECT_EQ(y.real(0), 0);
}

TEST(InterpretKernel, SmallFloatsAreStorage) {
  const Tensor y = run(R"(kernel twice(x: f16[2]) -> y: f16[2] {
    for i<2
    y[i] = f16(f32(x[i]) * 2)
  })",
                       {tensor_of(DType::f16, {2}, {0.1, 60000})});
  EXPECT_EQ(y.real(0), 2 * static_cast<double>(half_to_float(float_to_half(0.1F))));
  EXPECT_TRUE(std::isinf(y.real(1)));
}

const char* const kSoftmax = R"(kernel softmax(x: f32[R,C]) -> y: f32[R,C] {
    for r<R
    local row: f32[C]
    stage {
      reduce k<C
      top = max of x[r, k]
    }
    stage {
      for c<C
      row[c] = exp(x[r, c] - top)
    }
    stage {
      reduce k<C
      total = sum of row[k]
    }
    stage {
      for c<C
      y[r, c] = row[c] / total
    }
  })";

// Short rows and long ones take different ways through the interpreter.
TEST(InterpretKernel, StagesShareScalarsAndRows) {
  for (const auto& [rows, columns] :
       std::vector<std::pair<int, int>>{{700, 5}, {3, 1000}, {1, 1}}) {
    std::string text = kSoftmax;
    for (const auto& [name, extent] : {std::pair{'R', rows}, {'C', columns}}) {
      for (size_t at; (at = text.find(name)) != std::string::npos;) {
        text.replace(at, 1, std::to_string(extent));
      }
    }
    Random random(1);
    const Tensor x = random_tensor(random, {DType::f32, {rows, columns}, {}});
    const Kernel kernel = parse_kernel(text);
    const Tensor fast = interpret(kernel, {&x})[0], slow = interpret_naively(kernel, {&x})[0];
    EXPECT_EQ(difference(fast, slow), "") << rows << " x " << columns;
  }
}

TEST(InterpretKernel, EmptyTensorsAndEmptyReductions) {
  EXPECT_EQ(run("kernel none(x: f32[0]) -> y: f32[0] {\n  for i<0\n  y[i] = x[i]\n}",
                {Tensor(TensorType{DType::f32, {0}, {}})})
                .type.elements(),
            0);
  const Tensor y = run(R"(kernel total(x: f32[0]) -> y: f32[2] {
    for i<2
    reduce k<0
    acc = sum from 3 of x[k]
    y[i] = acc
  })",
                       {Tensor(TensorType{DType::f32, {0}, {}})});
  EXPECT_EQ(reals(y), (Reals{3, 3}));
}

TEST(InterpretKernel, WrongInputsAreNoticed) {
  const char* text = "kernel same(x: f32[2]) -> y: f32[2] {\n  for i<2\n  y[i] = x[i]\n}";
  EXPECT_THROW(run(text, {}), InternalError);
  EXPECT_THROW(run(text, {tensor_of(DType::f32, {3}, {1, 2, 3})}), InternalError);
}

}  // namespace
}  // namespace mlfc
