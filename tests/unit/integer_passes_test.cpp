// Passes that choose how integers are computed: what they may change, and by how much.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ir/interpret.h"
#include "ir/parse.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

std::unique_ptr<Graph> parsed(const std::string& text) {
  return parse_graph(text);
}

std::vector<Tensor> results_after(const std::string& text, const std::vector<std::string>& passes,
                                  const Machine& machine, const Options& options,
                                  const std::vector<Tensor>& inputs) {
  const std::unique_ptr<Graph> graph = parsed(text);
  for (const std::string& name : passes) find_pass(name)->run(*graph, {machine, options});
  return interpret(*graph, inputs);
}

Tensor random_integers(DType dtype, const Shape& shape, int64_t low, int64_t high,
                       std::mt19937& random) {
  Tensor tensor(TensorType{dtype, shape, {}});
  std::uniform_int_distribution<int64_t> numbers(low, high);
  for (int64_t i = 0; i < tensor.type.elements(); ++i) tensor.set_integer(i, numbers(random));
  return tensor;
}

constexpr const char* kResidual = R"(
graph main(%acc: i32[4096], %x: i8[4096]) -> (%y) {
  %y = add(%acc, %x) : i8[4096] {
    kernel rescale(acc: i32[4096], x: i8[4096]) -> y: i8[4096] {
      for    i<4096
      y[i] = i8(i32(round_even(min(max(-128, f32(i32(round_even(min(max(-145, f32(acc[i]) * 0.00123), 110)))) * 1.43 + f32(i32(x[i]) + 17) * 0.755), 127))))
    }
  }
}
)";

// One step for the inner rounding, scaled by 1.43, and one for the outer.
TEST(RequantizeFixed, DiffersByAtMostOneStepPerRounding) {
  std::mt19937 random(7);
  const std::vector<Tensor> inputs = {random_integers(DType::i32, {4096}, -200000, 200000, random),
                                      random_integers(DType::i8, {4096}, -128, 127, random)};
  const Machine machine;
  Options options;
  const Tensor real = results_after(kResidual, {}, machine, options, inputs)[0];
  options.requantize = "fixed";
  const Tensor fixed = results_after(kResidual, {"requantize-fixed"}, machine, options, inputs)[0];
  int64_t different = 0;
  for (int64_t i = 0; i < real.type.elements(); ++i) {
    const int64_t steps = std::abs(real.integer(i) - fixed.integer(i));
    EXPECT_LE(steps, 2) << "element " << i;
    different += steps != 0 ? 1 : 0;
  }
  EXPECT_LT(different, 8);  // only next to halves
}

constexpr const char* kManyTerms = R"(
graph main(%a: i32[2], %b: i32[2], %c: i32[2], %d: i32[2]) -> (%y) {
  %y = sum(%a, %b, %c, %d) : i8[2] {
    kernel sum(a: i32[2], b: i32[2], c: i32[2], d: i32[2]) -> y: i8[2] {
      for    i<2
      y[i] = i8(i32(round_even(min(max(-128, f32(a[i]) * 0.5 + f32(b[i]) * 0.5 + f32(c[i]) * 0.5 + f32(d[i]) * 0.5), 127))))
    }
  }
}
)";

TEST(RequantizeFixed, ManyTermsBeyondEveryLimitSaturate) {
  Tensor far(TensorType{DType::i32, {2}, {}});
  far.set_integer(0, 1 << 30);
  far.set_integer(1, -(1 << 30));
  Options options;
  options.requantize = "fixed";
  const Tensor sums =
      results_after(kManyTerms, {"requantize-fixed"}, Machine(), options, {far, far, far, far})[0];
  EXPECT_EQ(sums.integer(0), 127);
  EXPECT_EQ(sums.integer(1), -128);
}

constexpr const char* kQuantize = R"(
graph main(%x: f32[12]) -> (%y) {
  %y = quantize_linear(%x) : u8[12] {
    kernel quantize_linear(x: f32[12]) -> y: u8[12] {
      for    i<12
      y[i] = u8(min(max(0, round_even(x[i] / 0.3) + 7), 255))
    }
  }
}
)";

// What is no number, or beyond every limit, keeps its meaning in the normal form.
TEST(FoldQuantization, RealsFromAnywhereStayWhatTheyAre) {
  Tensor x(TensorType{DType::f32, {12}, {}});
  const double numbers[] = {NAN,  INFINITY, -INFINITY, 3e38, -3e38, 0.15,
                            0.45, -0.15,    -2.25,     74.4, 74.55, 1e-40};
  for (int64_t i = 0; i < 12; ++i) x.set_real(i, numbers[i]);
  const Tensor wanted = results_after(kQuantize, {}, Machine(), {}, {x})[0];
  EXPECT_EQ(results_after(kQuantize, {"fold-quantization"}, Machine(), {}, {x})[0], wanted);
  EXPECT_EQ(wanted.integer(0), 0);  // NaN is the lower limit
  EXPECT_EQ(wanted.integer(1), 255);
}

TEST(RequantizeFixed, ChangesTheText) {
  const std::unique_ptr<Graph> graph = parsed(kResidual);
  Options options;
  options.requantize = "fixed";
  find_pass("requantize-fixed")->run(*graph, {Machine{}, options});
  bool rounds_reals = false;
  for_each(graph->nodes.front()->kernel->stages[0].store->value,
           [&](const Expr& part) { rounds_reals |= is_float(part.dtype()); });
  EXPECT_FALSE(rounds_reals);
}

constexpr const char* kConvolution = R"(
graph main(%x: i8[2,5,9,7]) -> (%y) {
  %w = constant @w : i8[6,5,3,3]
  %b = constant [100, -200, 300, -400, 70000, 600] : i32[6]
  %y = conv(%x, %w, %b) : i8[2,6,5,4] {
    kernel conv(x: i8[2,5,9,7], w: i8[6,5,3,3], b: i32[6]) -> y: i8[2,6,5,4] {
      for    n<2, oc<6, oh<5, ow<4
      reduce ic<5, kh<3, kw<3
      acc: i32 = sum of (i32(x[n, ic, oh * 2 + kh - 1, ow * 2 + kw - 1 | -7]) + 7) * i32(w[oc, ic, kh, kw])
      y[n, oc, oh, ow] = i8(i32(round_even(min(max(-100, f32(acc + b[oc]) * 0.0031), 155))) - 28)
    }
  }
}
)";

std::string with_weights(std::string text, const Shape& shape, std::mt19937& random) {
  std::string numbers;
  const bool is_unsigned = text.find("@w : u8") != std::string::npos;
  const int low = is_unsigned ? 0 : -127, high = is_unsigned ? 255 : 127;
  const DType dtype = is_unsigned ? DType::u8 : DType::i8;
  for (const int64_t number : random_integers(dtype, shape, low, high, random).integers()) {
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(number);
  }
  return text.replace(text.find("@w"), 2, "[" + numbers + "]");
}

// Signed data, no window to gather: rows only become unsigned.
constexpr const char* kPointwise = R"(
graph main(%x: i8[1,10,9,7]) -> (%y) {
  %w = constant @w : i8[8,10,1,1]
  %y = conv(%x, %w) : i8[1,8,5,4] {
    kernel conv(x: i8[1,10,9,7], w: i8[8,10,1,1]) -> y: i8[1,8,5,4] {
      for    oc<8, oh<5, ow<4
      reduce ic<10
      acc: i32 = sum of (i32(x[0, ic, oh * 2, ow * 2]) + 7) * i32(w[oc, ic, 0, 0])
      y[0, oc, oh, ow] = i8(i32(round_even(min(max(-100, f32(acc) * 0.0031), 155))) - 28)
    }
  }
}
)";

// Unsigned data, stored as groups want them; weights of 0 to 255 whose zero point is aside.
constexpr const char* kAside = R"(
graph main(%x: u8[2,6,12]) -> (%y) {
  %w = constant @w : u8[8,12]
  %b = constant [1, 2, 3, 4, 5, 6, 7, 8] : i32[8]
  %y = matmul(%x, %w, %b) : i8[2,6,8] {
    kernel matmul(x: u8[2,6,12], w: u8[8,12], b: i32[8]) -> y: i8[2,6,8] {
      for    a<2, m<6, n<8
      reduce k<12
      acc: i32 = sum of (i32(x[a, m, k]) - 3) * (i32(w[n, k]) - 138)
      y[a, m, n] = i8(i32(round_even(min(max(-100, f32(acc + b[n]) * 0.0031), 155))) - 28)
    }
  }
}
)";

// Channels with windows and weights of their own; a buffer keeps them side by side.
constexpr const char* kChannels = R"(
graph main(%x: i8[2,24,9,7 | a c d b]) -> (%y) {
  %w = constant @w : i8[24,1,3,3]
  %b = constant @b : i32[24]
  %y = conv(%x, %w, %b) : i8[2,24,5,4 | a c d b] {
    kernel conv(x: i8[2,24,9,7 | a c d b], w: i8[24,1,3,3], b: i32[24]) -> y: i8[2,24,5,4 | a c d b] {
      for    n<2, g<24, oh<5, ow<4
      reduce kh<3, kw<3
      acc: i32 = sum of (i32(x[n, g, oh * 2 + kh - 1, ow * 2 + kw - 1 | -7]) + 7) * i32(w[g, 0, kh, kw])
      y[n, g, oh, ow] = i8(i32(round_even(min(max(-100, f32(acc + b[g]) * 0.0031), 155))) - 28)
    }
  }
}
)";

std::string with_biases(std::string text, int count) {
  std::string numbers;
  for (int i = 0; i < count; ++i) numbers += (i == 0 ? "" : ", ") + std::to_string(i * 1000 - 9000);
  return text.replace(text.find("@b"), 2, "[" + numbers + "]");
}

// The same convolution with weights of 0 to 255.
std::string with_weights_aside(std::string text, int zero_point) {
  const auto replace = [&](const std::string& old, const std::string& now) {
    for (size_t at = text.find(old); at != std::string::npos;) {
      text.replace(at, old.size(), now);
      at = text.find(old, at + now.size());
    }
  };
  replace("i8[6,5,3,3]", "u8[6,5,3,3]");
  replace("i32(w[oc, ic, kh, kw])",
          "(i32(w[oc, ic, kh, kw]) - " + std::to_string(zero_point) + ")");
  return text;
}

// Rows of an odd number of outputs, and sums as large as two to a double allow.
constexpr const char* kOdd = R"(
graph main(%x: i8[3,2000]) -> (%y) {
  %w = constant @w : i8[4,2000]
  %b = constant [100000, -5, 7, -100000] : i32[4]
  %y = matmul(%x, %w, %b) : f32[3,4] {
    kernel matmul(x: i8[3,2000], w: i8[4,2000], b: i32[4]) -> y: f32[3,4] {
      for    m<3, n<4
      reduce k<2000
      acc: i32 = sum of i32(x[m, k]) * i32(w[n, k])
      y[m, n] = f32(acc + b[n]) * 0.5 + f32(acc)
    }
  }
}
)";

const std::vector<std::string> kIntegerPasses = {"unfold-windows", "fold-zero-points", "pair-sums",
                                                 "sum-on-fpu"};

Machine with_fma(bool has_fast_f64) {
  Machine machine{
      .name = has_fast_f64 ? "doubles" : "scalar", .vector_bytes = 4, .integer_multiply_add = 2};
  machine.has_fma = true;
  machine.has_fast_f64 = has_fast_f64;
  return machine;
}

// Gathered, shifted, multiplied in groups, summed by an FPU: the same integers.
TEST(IntegerSums, AreTheSameOnEveryMachine) {
  std::mt19937 random(11);
  const Machine vectors{.name = "vectors", .vector_bytes = 32};
  const Machine groups{.name = "groups", .vector_bytes = 32, .dot_bytes = 4};
  const std::pair<std::string, Shape> kernels[] = {
      {with_weights(with_weights_aside(kConvolution, 100), {6, 5, 3, 3}, random), {2, 5, 9, 7}},
      {with_weights(with_weights_aside(kConvolution, 255), {6, 5, 3, 3}, random), {2, 5, 9, 7}},
      {with_weights(kAside, {8, 12}, random), {2, 6, 12}},
      {with_weights(with_biases(kChannels, 24), {24, 1, 3, 3}, random), {2, 24, 9, 7}},
      {with_weights(kConvolution, {6, 5, 3, 3}, random), {2, 5, 9, 7}},
      {with_weights(kPointwise, {8, 10, 1, 1}, random), {1, 10, 9, 7}},
      {with_weights(kOdd, {4, 2000}, random), {3, 2000}}};
  for (const auto& [text, shape] : kernels) {
    const bool is_unsigned = text.find("%x: u8") != std::string::npos;
    const std::vector<Tensor> inputs = {is_unsigned
                                            ? random_integers(DType::u8, shape, 0, 255, random)
                                            : random_integers(DType::i8, shape, -128, 127, random)};
    const Tensor wanted = results_after(text, {}, vectors, {}, inputs)[0];
    for (const Machine& machine : {vectors, groups, with_fma(false), with_fma(true)}) {
      EXPECT_EQ(results_after(text, kIntegerPasses, machine, {}, inputs)[0], wanted)
          << machine.name << text;
    }
  }
}

TEST(IntegerSums, WeightsBecomeSignedBytes) {
  std::mt19937 random(5);
  const Machine groups{.name = "groups", .vector_bytes = 32, .dot_bytes = 4};
  for (const std::string& text :
       {with_weights(with_weights_aside(kConvolution, 100), {6, 5, 3, 3}, random),
        with_weights(kAside, {8, 12}, random)}) {
    const std::unique_ptr<Graph> graph = parsed(text);
    for (const std::string& name : kIntegerPasses) find_pass(name)->run(*graph, {groups, {}});
    const Kernel& kernel = *graph->nodes.back()->kernel;
    const Expr& weights = kernel.stages.back().reduction->body->args[1];
    ASSERT_EQ(weights->kind, ExprKind::cast) << text;
    EXPECT_EQ(weights->args[0].dtype(), DType::i8) << text;
  }
}

TEST(IntegerSums, NeighbouringChannelsAreGathered) {
  std::mt19937 random(5);
  const std::string text = with_weights(with_biases(kChannels, 24), {24, 1, 3, 3}, random);
  const std::unique_ptr<Graph> graph = parsed(text);
  const Machine groups{.name = "groups", .vector_bytes = 32, .dot_bytes = 4};
  for (const std::string& name : kIntegerPasses) find_pass(name)->run(*graph, {groups, {}});
  const Kernel& kernel = *graph->nodes.back()->kernel;
  ASSERT_EQ(kernel.stages.size(), 3u);
  EXPECT_EQ(to_text(kernel.stages[1].reduction->body),
            "i32(rows[(ow * 2 + kw) * 72 + kh * 24 + (g_group * 4 + g_byte)]) * "
            "i32(filters[g_group, g_byte, kh, kw])");
}

// The largest sums of both signs, side by side in one double.
TEST(IntegerSums, PairsHoldTheirLimits) {
  std::string text = kOdd;
  std::string weights;
  for (int i = 0; i < 8000; ++i)
    weights += std::string(i == 0 ? "" : ", ") + (i < 4000 ? "127" : "-127");
  text.replace(text.find("@w"), 2, "[" + weights + "]");
  Tensor x(TensorType{DType::i8, {3, 2000}, {}});
  for (int64_t i = 0; i < 6000; ++i) x.set_integer(i, i / 2000 == 1 ? 127 : -128);
  const Tensor wanted = results_after(text, {}, with_fma(true), {}, {x})[0];
  EXPECT_EQ(results_after(text, kIntegerPasses, with_fma(true), {}, {x})[0], wanted);
}

TEST(IntegerSums, PairsAreMadeOnlyWhereTheyAreExact) {
  std::mt19937 random(3);
  for (const int64_t length : {2000, 2100}) {
    std::string text = kOdd;
    for (size_t at = text.find("2000"); at != std::string::npos; at = text.find("2000", at + 4)) {
      text.replace(at, 4, std::to_string(length));
    }
    std::string weights = "127";
    for (int64_t i = 1; i < 4 * length; ++i) weights += ", 127";
    text.replace(text.find("@w"), 2, "[" + weights + "]");
    const std::unique_ptr<Graph> graph = parsed(text);
    for (const std::string& name : kIntegerPasses) {
      find_pass(name)->run(*graph, {with_fma(true), Options{}});
    }
    const bool is_paired = graph->nodes.back()->kernel->locals.size() == 2;
    EXPECT_EQ(is_paired, length == 2000);
  }
}

// The instruction wants unsigned bytes in runs of whole groups, and takes them from the buffer.
TEST(IntegerSums, GroupsReadUnsignedBytes) {
  std::mt19937 random(3);
  const std::unique_ptr<Graph> graph = parsed(with_weights(kConvolution, {6, 5, 3, 3}, random));
  const Machine groups{.name = "groups", .vector_bytes = 32, .dot_bytes = 4};
  for (const std::string& name : kIntegerPasses) find_pass(name)->run(*graph, {groups, Options{}});
  const Kernel& kernel = *graph->nodes.back()->kernel;
  ASSERT_EQ(kernel.stages.size(), 2u);
  ASSERT_EQ(kernel.locals.size(), 1u);
  EXPECT_EQ(kernel.locals[0].type.dtype, DType::u8);
  const Stage& multiply = kernel.stages[1];
  EXPECT_EQ(multiply.reduce[0].extent, 48);  // 5 * 3 * 3 products, three more of 0
  EXPECT_EQ(to_text(multiply.reduction->body), "i32(rows[ow * 30 + k]) * i32(filters[oc, k])");
}

}  // namespace
}  // namespace mlfc
