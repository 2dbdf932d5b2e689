// Graphs with a switch for every rounding: off they are the float graph, on the quantized one. And
// the search for the fewest improvements, whose measurements are slow.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "frontend/cli/improvements.h"
#include "ir/interpret.h"
#include "ir/parse.h"
#include "passes/quantize/insert.h"
#include "passes/quantize/prepare.h"
#include "passes/quantize/switches.h"

namespace mlfc {
namespace {

constexpr const char* kTwoLayers = R"(
graph main(%x: f32[1,4]) -> (%z) {
  %w1 = constant [0.9, -0.31, 0.43, 0.11, -0.77, 0.52, 0.23, -0.05, 0.61, 0.37, -0.83, 0.19] : f32[4,3]
  %w2 = constant [0.71, -0.13, 0.29, 0.47, -0.59, 0.83] : f32[3,2]
  %c = matmul(%x, %w1) : f32[1,3]
  %y = relu(%c) : f32[1,3]
  %z = matmul(%y, %w2) : f32[1,2]
}
)";

class Switched : public testing::Test {
 protected:
  Switched() : graph_(parse_graph(kTwoLayers)), plan_(plan_quantization(*graph_, options_)) {
    std::map<std::string, Histogram> histograms;
    for (const auto& value : graph_->values) histograms[value->name] = Histogram({-2, 2}, 1);
    parameters_ = choose_parameters(plan_, histograms, options_);
    switched_ = with_switches(*graph_, plan_, parameters_, options_);
  }

  std::vector<double> with(const std::vector<bool>& on) const {
    std::vector<Tensor> inputs = {x_};
    for (const bool is_on : on) inputs.push_back(tensor_of(DType::f32, {}, {is_on ? 1.0 : 0.0}));
    return numbers(interpret(*switched_.graph, inputs)[0]);
  }

  static std::vector<double> numbers(const Tensor& tensor) {
    std::vector<double> result;
    for (int64_t i = 0; i < tensor.type.elements(); ++i) result.push_back(tensor.real(i));
    return result;
  }

  static double apart(const std::vector<double>& a, const std::vector<double>& b) {
    double most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::fabs(a[i] - b[i]));
    return most;
  }

  const QuantizeOptions options_ = {};
  std::unique_ptr<Graph> graph_;
  Plan plan_;
  std::map<std::string, Parameters> parameters_ = {};
  SwitchedGraph switched_ = {};
  const Tensor x_ = tensor_of(DType::f32, {1, 4}, {0.813, -1.207, 0.356, 1.689});
};

TEST_F(Switched, OffIsTheFloatGraph) {
  ASSERT_EQ(switched_.sources.size(), 4U);  // two of weights, x and y
  EXPECT_LT(apart(with({false, false, false, false}), numbers(interpret(*graph_, {x_})[0])), 1e-6);
}

TEST_F(Switched, OnIsTheQuantizedGraph) {
  const std::unique_ptr<Graph> quantized = cloned(*graph_);
  insert_quantization(*quantized, plan_, parameters_, options_);
  EXPECT_LT(apart(with({true, true, true, true}), numbers(interpret(*quantized, {x_})[0])), 1e-6);
}

TEST_F(Switched, EverySwitchRoundsSomethingElse) {
  const std::vector<double> exact = with({false, false, false, false});
  std::vector<std::vector<double>> seen;
  for (size_t i = 0; i < 4; ++i) {
    std::vector<bool> on(4, false);
    on[i] = true;
    seen.push_back(with(on));
    EXPECT_GT(apart(seen[i], exact), 1e-5) << i;
    EXPECT_LT(apart(seen[i], exact), 0.05) << i;
    for (size_t j = 0; j < i; ++j) EXPECT_GT(apart(seen[i], seen[j]), 1e-6) << i << ", " << j;
  }
}

TEST(Improvements, CheapGainsComeFirst) {
  const std::vector<Improvement> improvements = {
      {"costly", true, 1000, {0.5}}, {"useless", false, 1, {0.0}}, {"cheap", false, 10, {0.4}}};
  const ImprovementPlan plan = order_improvements(improvements, {1.0}, std::sqrt(0.2));
  ASSERT_EQ(plan.order.size(), 3U);
  EXPECT_EQ(plan.order[0].value, "cheap");
  EXPECT_EQ(plan.order[1].value, "costly");
  EXPECT_EQ(plan.needed, 2U);  // 1 - 0.4 - 0.5 is below 0.2
}

TEST(Improvements, FloatLayersLetWhatOnlyTheyReadBeReal) {
  const std::unique_ptr<Graph> graph = parse_graph(kTwoLayers);
  const NoiseBreakdown breakdown{.sources = {{{{"z"}, true, 6}, {0.1}}, {{{"y"}, false, 3}, {0.2}}},
                                 .total = {0.3}};
  for (const Improvement& improvement : improvements_of(*graph, {}, breakdown)) {
    if (improvement.value != "z") continue;
    EXPECT_TRUE(improvement.keep_float);
    EXPECT_NEAR(improvement.gains[0], 0.3, 1e-9);  // its weights and y
    EXPECT_EQ(improvement.cost, 3 * 6 + 3 * 3);
  }
}

TEST(Improvements, FindsTheFewestThatAreEnough) {
  for (const size_t needed : {1U, 2U, 7U, 12U}) {
    for (const size_t guess : {1U, 6U, 12U}) {
      const auto is_enough = [&](size_t count) { return count >= needed; };
      EXPECT_EQ(fewest_enough(12, guess, is_enough), needed) << needed << ", " << guess;
    }
  }
  EXPECT_EQ(fewest_enough(12, 3, [](size_t) { return false; }), std::nullopt);
}

}  // namespace
}  // namespace mlfc
