// What is counted while a model runs on data: ranges, histograms, means of channels, and how far
// the quantized model's values are from the float model's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "passes/quantize/scales.h"

namespace mlfc {

/// Energy of a signal and of what was added to it.
struct Noise {
  double signal = 0, noise = 0;
  void add(const Tensor& wanted, const Tensor& got);
  /// Adds what storing `wanted` with the parameters costs.
  void add_stored(const Tensor& wanted, const Tensor& computed, const Parameters& parameters);
  /// 10 log10(signal / noise), at most 200.
  double decibels() const;
  /// sqrt(noise / signal): the relative error.
  double relative() const;
};

/// Smallest and largest finite number, and whether there were others.
struct RangeSeen {
  Interval interval = {};
  bool all_finite = true;
  void add(const Tensor& tensor);
};

/// The mean of `tensor` over everything but dimension `dim`, added up over several tensors.
struct ChannelSum {
  std::vector<double> sums = {};
  int64_t count = 0;  ///< elements that went into each
  void add_difference(const Tensor& wanted, const Tensor& got, int dim);
  std::vector<double> means() const;
};

/// Index of the largest element; the first of several.
int64_t largest_place(const Tensor& tensor);

}  // namespace mlfc
