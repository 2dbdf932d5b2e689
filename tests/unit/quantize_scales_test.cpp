// How scales are chosen: on distributions whose best scale is known.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "passes/quantize/insert.h"
#include "passes/quantize/scales.h"
#include "passes/quantize/statistics.h"

namespace mlfc {
namespace {

Tensor tensor_from(const std::vector<double>& values) {
  return tensor_of(DType::f32, {static_cast<int64_t>(values.size())}, values);
}

Histogram histogram_of(const std::vector<double>& values, int bins = 2048) {
  RangeSeen range;
  range.add(tensor_from(values));
  Histogram histogram(range.interval, bins);
  histogram.add(tensor_from(values));
  return histogram;
}

std::vector<double> normal(int count, double deviation) {
  std::mt19937 random(3);
  std::normal_distribution<double> distribution(0, deviation);
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(distribution(random));
  return values;
}

double error_with(const Histogram& histogram, const Interval& interval) {
  return storing_error(histogram, parameters_for(interval, DType::i8, false));
}

TEST(QuantizeScales, CoversTheIntervalWithZeroExact) {
  const Parameters p = parameters_for({-1, 3}, DType::i8, false);
  EXPECT_FLOAT_EQ(p.scale, 4.0F / 255);
  EXPECT_EQ(p.zero_point, -64);
  EXPECT_EQ(stored(0, p), 0);
  EXPECT_NEAR(stored(3, p), 3, p.scale / 2);
  EXPECT_NEAR(stored(-1, p), -1, p.scale / 2);
  EXPECT_NEAR(stored(100, p), 3, p.scale);  // saturates
}

TEST(QuantizeScales, ReachesZeroWhereTheIntervalDoesNot) {
  const Parameters above = parameters_for({2, 6}, DType::u8, false);
  EXPECT_EQ(above.zero_point, 0);
  EXPECT_FLOAT_EQ(above.scale, 6.0F / 255);
  EXPECT_EQ(parameters_for({-6, -2}, DType::i8, false).zero_point, 127);
}

TEST(QuantizeScales, SymmetricLeavesTheLowestIntegerOut) {
  const Parameters p = parameters_for({-0.5, 2}, DType::i8, true);
  EXPECT_EQ(p.zero_point, 0);
  EXPECT_FLOAT_EQ(p.scale, 2.0F / 127);
  const Parameters wide = parameters_for({0, 2}, DType::i16, false);
  EXPECT_EQ(wide.zero_point, 0);
  EXPECT_FLOAT_EQ(wide.scale, 2.0F / 32767);
  EXPECT_EQ(parameters_for({-2, 2}, DType::u8, true).zero_point, 128);
}

TEST(QuantizeScales, AlwaysZeroHasAScaleAllTheSame) {
  const Parameters p = parameters_for({0, 0}, DType::i8, false);
  EXPECT_EQ(p.scale, 1.0F);
  EXPECT_EQ(stored(0, p), 0);
  EXPECT_TRUE(std::isnormal(parameters_for({-1e-45, 1e-45}, DType::i8, false).scale));
}

TEST(QuantizeScales, MinMaxIsWhatWasSeen) {
  const Histogram histogram = histogram_of({-1, 0.5, 7});
  EXPECT_EQ(chosen_interval(histogram, DType::i8, false, {}), (Interval{-1, 7}));
}

TEST(QuantizeScales, IgnoresWhatIsNotFinite) {
  RangeSeen range;
  range.add(tensor_from({1, INFINITY, NAN, -2}));
  EXPECT_EQ(range.interval, (Interval{-2, 1}));
  EXPECT_FALSE(range.all_finite);
  Histogram histogram(range.interval, 16);
  histogram.add(tensor_from({1, INFINITY, NAN, -2}));
  EXPECT_EQ(histogram.total(), 2);
}

TEST(QuantizeScales, PercentileLeavesTheShareOutside) {
  std::vector<double> values;
  for (int i = 0; i < 10000; ++i) values.push_back(i / 10000.0);
  values.push_back(50);  // one outlier
  const Histogram histogram = histogram_of(values, 100000);
  const Interval interval =
      chosen_interval(histogram, DType::i8, false, {Method::percentile, 99.0});
  EXPECT_EQ(interval.lowest, 0);
  EXPECT_NEAR(interval.highest, 0.995, 0.002);
}

TEST(QuantizeScales, SquaredErrorIsNearTheKnownOptimumOfANormal) {
  // A uniform quantizer of 8 bits serves a normal distribution best when it reaches about 3.9
  // standard deviations; many samples go farther.
  const Histogram histogram = histogram_of(normal(200000, 2.0));
  const Interval interval = chosen_interval(histogram, DType::i8, false, {Method::mse});
  EXPECT_NEAR(interval.highest / 2.0, 3.9, 0.4);
  EXPECT_NEAR(interval.lowest / 2.0, -3.9, 0.4);
  EXPECT_LT(error_with(histogram, interval), error_with(histogram, histogram.range));
}

// (The squared error does not: one number far outside weighs as much as thousands inside.)
TEST(QuantizeScales, PercentileAndEntropyIgnoreALoneOutlier) {
  std::vector<double> values = normal(100000, 1.0);
  values.push_back(1000);
  const Histogram histogram = histogram_of(values);
  for (const Method method : {Method::percentile, Method::entropy}) {
    const Interval interval = chosen_interval(histogram, DType::i8, false, {method, 99.9});
    EXPECT_LT(interval.highest, 300) << to_text(method);
  }
}

TEST(QuantizeScales, EntropyKeepsAUniformDistributionWhole) {
  std::vector<double> values;
  for (int i = 0; i < 100000; ++i) values.push_back(i / 50000.0 - 1);
  const Interval interval =
      chosen_interval(histogram_of(values), DType::i8, false, {Method::entropy});
  EXPECT_GT(interval.highest, 0.95);
  EXPECT_LT(interval.lowest, -0.95);
}

TEST(QuantizeScales, EntropyDoesNotCountTheZerosOfARelu) {
  std::vector<double> values = normal(100000, 1.0);
  for (double& value : values) value = std::max(value, 0.0);
  const Interval interval =
      chosen_interval(histogram_of(values), DType::i8, false, {Method::entropy});
  EXPECT_GT(interval.highest, 2.0);
}

TEST(QuantizeScales, SixteenBitsNeverSaturate) {
  std::vector<double> values = normal(1000, 1.0);
  values.push_back(1000);
  const Histogram histogram = histogram_of(values);
  EXPECT_EQ(chosen_interval(histogram, DType::i16, false, {Method::mse}), histogram.range);
}

TEST(QuantizeWeights, OneScaleForEachChannelOrOneForAll) {
  const Tensor weights = tensor_of(DType::f32, {2, 2}, {1, -2, 100, 50});
  const WeightForm channels = weight_form(weights, 0);
  ASSERT_EQ(channels.scales.size(), 2U);
  EXPECT_FLOAT_EQ(channels.scales[0], 2.0F / 127);
  EXPECT_FLOAT_EQ(channels.scales[1], 100.0F / 127);
  EXPECT_EQ(quantized_weights(weights, channels).integers(),
            (std::vector<int64_t>{64, -127, 127, 64}));
  const WeightForm columns = weight_form(weights, 1);
  EXPECT_FLOAT_EQ(columns.scales[1], 50.0F / 127);
  const WeightForm one = weight_form(weights, -1);
  ASSERT_EQ(one.scales.size(), 1U);
  EXPECT_EQ(quantized_weights(weights, one).integers(), (std::vector<int64_t>{1, -3, 127, 64}));
}

TEST(QuantizeStatistics, CountsSignalAndNoise) {
  Noise noise;
  noise.add(tensor_from({3, 4}), tensor_from({3, 4.5}));
  EXPECT_NEAR(noise.decibels(), 20, 1e-9);
  EXPECT_NEAR(noise.relative(), 0.1, 1e-9);
  Noise none;
  none.add(tensor_from({3, 4}), tensor_from({3, 4}));
  EXPECT_EQ(none.decibels(), 200);
}

TEST(QuantizeStatistics, MeansOfChannels) {
  ChannelSum sum;
  sum.add_difference(tensor_of(DType::f32, {2, 2}, {1, 2, 3, 4}),
                     tensor_of(DType::f32, {2, 2}, {0, 0, 0, 0}), 1);
  EXPECT_EQ(sum.means(), (std::vector<double>{2, 3}));
}

}  // namespace
}  // namespace mlfc
