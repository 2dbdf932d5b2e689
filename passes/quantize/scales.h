// From what was seen of a value to the scale and zero point that store it in few bits.
//
// A value that takes numbers in [lowest, highest] is stored as integers q with
// real = scale * (q - zero point); 0 is always exact, because padding and relu make it all the
// time. How much of the range to cover is a trade: everything (min-max), or less with finer steps
// and the rest saturated (percentile, entropy, mean squared error). Those three look at a
// histogram.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/tensor.h"

namespace mlfc {

/// How a value's interval is found from its statistics.
enum class Method : uint8_t { minmax, percentile, entropy, mse };
std::string to_text(Method method);
std::optional<Method> method_named(std::string_view name);

struct Interval {
  double lowest = 0, highest = 0;
  bool operator==(const Interval&) const = default;
};
/// Smallest interval with both, and with 0.
Interval hull(const Interval& a, const Interval& b);

/// How many numbers fell where. Numbers that are not finite are not counted.
struct Histogram {
  Interval range = {};
  std::vector<int64_t> counts = {};

  Histogram() = default;
  Histogram(const Interval& range, int bins) : range(range), counts(static_cast<size_t>(bins)) {}
  void add(const Tensor& tensor);
  int64_t total() const;
  double width() const {
    return (range.highest - range.lowest) / static_cast<double>(counts.size());
  }
  double centre(size_t bin) const {
    return range.lowest + (static_cast<double>(bin) + 0.5) * width();
  }
};

/// Scale and zero point of a stored value; both exactly as they are written.
struct Parameters {
  DType dtype = DType::i8;
  float scale = 1;
  int64_t zero_point = 0;
  bool operator==(const Parameters&) const = default;
};

/// The integers of a dtype, or with `symmetric` those whose negative is one, too.
struct IntegerRange {
  int64_t lowest = 0, highest = 0;
};
IntegerRange integers_of(DType dtype, bool symmetric);

/// The finest scale that reaches the whole interval (0 included). Signed 16-bit values are always
/// symmetric: with so many steps an offset buys nothing and costs work in every kernel.
Parameters parameters_for(const Interval& interval, DType dtype, bool symmetric);
/// What is read back of a number that was stored.
double stored(double number, const Parameters& parameters);

struct MethodOptions {
  Method method = Method::minmax;
  double percentile = 99.99;  ///< share of the numbers that stays inside, in percent
};
/// The interval to cover with `dtype`, at most the histogram's range.
Interval chosen_interval(const Histogram& histogram, DType dtype, bool symmetric,
                         const MethodOptions& options);
/// Mean squared error of storing what the histogram counted.
double storing_error(const Histogram& histogram, const Parameters& parameters);

}  // namespace mlfc
