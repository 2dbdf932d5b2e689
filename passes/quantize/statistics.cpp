// Counts over tensors of floats.
#include "passes/quantize/statistics.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"

namespace mlfc {
namespace {

void add_error(Noise& noise, double wanted, double got) {
  if (!std::isfinite(wanted) || !std::isfinite(got)) return;
  noise.signal += wanted * wanted;
  noise.noise += (got - wanted) * (got - wanted);
}

}  // namespace

void Noise::add(const Tensor& wanted, const Tensor& got) {
  check(wanted.type.elements() == got.type.elements(), "comparing ", wanted.type, " with ",
        got.type);
  for (int64_t i = 0; i < wanted.type.elements(); ++i) {
    add_error(*this, wanted.real(i), got.real(i));
  }
}

void Noise::add_stored(const Tensor& wanted, const Tensor& computed, const Parameters& parameters) {
  for (int64_t i = 0; i < wanted.type.elements(); ++i) {
    add_error(*this, wanted.real(i), stored(computed.real(i), parameters));
  }
}

double Noise::decibels() const {
  constexpr double most = 200;
  if (noise <= 0) return most;
  if (signal <= 0) return -most;
  return std::clamp(10 * std::log10(signal / noise), -most, most);
}

double Noise::relative() const {
  if (noise <= 0) return 0;
  return signal <= 0 ? INFINITY : std::sqrt(noise / signal);
}

void RangeSeen::add(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    const double number = tensor.real(i);
    all_finite &= std::isfinite(number);
    if (!std::isfinite(number)) continue;
    interval.lowest = std::min(interval.lowest, number);
    interval.highest = std::max(interval.highest, number);
  }
}

void ChannelSum::add_difference(const Tensor& wanted, const Tensor& got, int dim) {
  const int64_t extent = wanted.type.shape[static_cast<size_t>(dim)];
  const int64_t stride = row_major_strides(wanted.type.shape)[static_cast<size_t>(dim)];
  sums.resize(static_cast<size_t>(extent), 0.0);
  for (int64_t i = 0; i < wanted.type.elements(); ++i) {
    sums[static_cast<size_t>(i / stride % extent)] += wanted.real(i) - got.real(i);
  }
  count += wanted.type.elements() / extent;
}

std::vector<double> ChannelSum::means() const {
  std::vector<double> result = sums;
  for (double& sum : result) sum /= static_cast<double>(std::max<int64_t>(count, 1));
  return result;
}

int64_t largest_place(const Tensor& tensor) {
  int64_t place = 0;
  for (int64_t i = 1; i < tensor.type.elements(); ++i) {
    if (tensor.real(i) > tensor.real(place)) place = i;
  }
  return place;
}

}  // namespace mlfc
