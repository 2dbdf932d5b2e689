// Chooses intervals, scales and zero points. Candidates are the seen range cut symmetrically around
// zero at growing thresholds - a one-sided range (after a relu) is cut at its only end, a two-sided
// one at both - and the mean squared error then also moves each end by itself.
#include "passes/quantize/scales.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/error.h"

namespace mlfc {
namespace {

constexpr int kCandidates = 128;

struct MethodRow {
  Method method = Method::minmax;
  std::string_view name = {};
};
constexpr MethodRow kMethods[] = {{Method::minmax, "minmax"},
                                  {Method::percentile, "percentile"},
                                  {Method::entropy, "entropy"},
                                  {Method::mse, "mse"}};

Interval cut(const Interval& range, double threshold) {
  return {std::max(range.lowest, -threshold), std::min(range.highest, threshold)};
}

double reach(const Interval& range) {
  return std::max(std::fabs(range.lowest), std::fabs(range.highest));
}

/// The number below which `share` of the counted numbers lie.
double quantile(const Histogram& histogram, double share) {
  const auto wanted = share * static_cast<double>(histogram.total());
  double below = 0;
  for (size_t bin = 0; bin < histogram.counts.size(); ++bin) {
    const auto count = static_cast<double>(histogram.counts[bin]);
    if (count > 0 && below + count >= wanted) {
      const double part = std::clamp((wanted - below) / count, 0.0, 1.0);
      return histogram.range.lowest + (static_cast<double>(bin) + part) * histogram.width();
    }
    below += count;
  }
  return histogram.range.highest;
}

Interval percentile_interval(const Histogram& histogram, double percentile) {
  const double tail = (1 - percentile / 100) / 2;
  return {std::min(0.0, quantile(histogram, tail)), std::max(0.0, quantile(histogram, 1 - tail))};
}

/// A copy without the bin that zero lies in. Zero is exact whatever the scale, and after a relu it
/// is most of the numbers: spread over a step it would look like a loss of every wide interval.
Histogram without_zero(const Histogram& histogram) {
  Histogram result = histogram;
  const double place = -histogram.range.lowest / histogram.width();
  const auto last = static_cast<double>(histogram.counts.size() - 1);
  result.counts[static_cast<size_t>(std::clamp(place, 0.0, last))] = 0;
  return result;
}

/// Kullback-Leibler divergence between the distribution, its outliers moved to the ends of the
/// interval, and what is left of it when all numbers of one step become one number.
double divergence(const Histogram& histogram, const Interval& interval, DType dtype,
                  bool symmetric) {
  const Parameters parameters = parameters_for(interval, dtype, symmetric);
  const IntegerRange integers = integers_of(dtype, symmetric);
  const auto steps = static_cast<size_t>(integers.highest - integers.lowest + 1);
  const size_t bins = histogram.counts.size();
  std::vector<double> clipped(bins, 0.0);
  std::vector<size_t> step_of(bins, steps);
  std::vector<double> mass(steps, 0.0), width(steps, 0.0);
  const auto bin_at = [&](double number) {
    const double place = (number - histogram.range.lowest) / histogram.width();
    return static_cast<size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
  };
  const size_t first = bin_at(interval.lowest), last = bin_at(interval.highest);
  for (size_t bin = 0; bin < bins; ++bin) {
    const auto count = static_cast<double>(histogram.counts[bin]);
    if (count == 0) continue;
    clipped[std::clamp(bin, first, last)] += count;
    if (bin < first || bin > last) continue;  // saturation is what the divergence has to notice
    const double real = stored(histogram.centre(bin), parameters);
    const auto step = static_cast<int64_t>(std::llround(real / parameters.scale)) +
                      parameters.zero_point - integers.lowest;
    step_of[bin] =
        static_cast<size_t>(std::clamp<int64_t>(step, 0, static_cast<int64_t>(steps) - 1));
    mass[step_of[bin]] += count;
    width[step_of[bin]] += 1;
  }
  double total = 0, inside = 0, result = 0;
  for (size_t bin = 0; bin < bins; ++bin) total += clipped[bin];
  inside = std::accumulate(mass.begin(), mass.end(), 0.0);
  if (total == 0 || inside == 0) return 0;
  constexpr double floor = 1e-9;  // a bin that lost all its mass counts as a miss, not as infinity
  for (size_t bin = 0; bin < bins; ++bin) {
    if (clipped[bin] == 0) continue;
    const double p = clipped[bin] / total;
    const size_t step = step_of[bin];
    const double q = step == steps ? floor : std::max(mass[step] / width[step] / inside, floor);
    result += p * std::log(p / q);
  }
  return result;
}

template <typename Cost>
Interval best_cut(const Histogram& histogram, const Cost& cost) {
  const double top = reach(histogram.range);
  Interval best = histogram.range;
  double lowest = cost(best);
  for (int i = kCandidates - 1; i >= kCandidates / 16; --i) {
    const Interval candidate = cut(histogram.range, top * i / kCandidates);
    const double price = cost(candidate);
    if (price >= lowest) continue;
    lowest = price;
    best = candidate;
  }
  return best;
}

/// Moves each end inwards by itself as long as that helps.
template <typename Cost>
Interval with_moved_ends(Interval interval, const Cost& cost) {
  double lowest = cost(interval);
  constexpr double shrink = 0.97;
  for (int tries = 0; tries < 32; ++tries) {
    bool moved = false;
    for (double Interval::*end : {&Interval::lowest, &Interval::highest}) {
      Interval candidate = interval;
      candidate.*end *= shrink;
      const double price = cost(candidate);
      if (price >= lowest) continue;
      lowest = price;
      interval = candidate;
      moved = true;
    }
    if (!moved) break;
  }
  return interval;
}

}  // namespace

std::string to_text(Method method) {
  return std::string(kMethods[static_cast<size_t>(method)].name);
}

std::optional<Method> method_named(std::string_view name) {
  for (const MethodRow& row : kMethods) {
    if (row.name == name) return row.method;
  }
  return std::nullopt;
}

Interval hull(const Interval& a, const Interval& b) {
  return {std::min({a.lowest, b.lowest, 0.0}), std::max({a.highest, b.highest, 0.0})};
}

void Histogram::add(const Tensor& tensor) {
  const double step = width();
  const auto last = static_cast<double>(counts.size() - 1);
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    const double number = tensor.real(i);
    if (!std::isfinite(number)) continue;
    const double place = step > 0 ? (number - range.lowest) / step : 0;
    ++counts[static_cast<size_t>(std::clamp(place, 0.0, last))];
  }
}

int64_t Histogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

IntegerRange integers_of(DType dtype, bool symmetric) {
  const int bits = 8 * bytes_of(dtype);
  check(is_integer(dtype) && bits <= 32, "values are not stored as ", dtype);
  if (info(dtype).kind == DTypeKind::unsigned_integer) {
    return {symmetric ? 1 : 0, (int64_t{1} << bits) - 1};
  }
  const int64_t half = int64_t{1} << (bits - 1);
  return {symmetric ? 1 - half : -half, half - 1};
}

Parameters parameters_for(const Interval& interval, DType dtype, bool symmetric) {
  const bool is_symmetric = symmetric || dtype == DType::i16;
  const IntegerRange integers = integers_of(dtype, is_symmetric);
  const Interval range = hull(interval, {});
  Parameters parameters{.dtype = dtype};
  const double span = is_symmetric ? 2 * reach(range) : range.highest - range.lowest;
  const auto steps = static_cast<double>(integers.highest - integers.lowest);
  const auto scale = static_cast<float>(span / steps);
  // A value that is always zero has no scale of its own; the smallest normal number guards against
  // scales that would divide to infinity.
  parameters.scale = std::isnormal(scale) ? scale : 1.0F;
  const double lowest = is_symmetric ? -reach(range) : range.lowest;
  const double zero = static_cast<double>(integers.lowest) - lowest / parameters.scale;
  parameters.zero_point =
      std::clamp<int64_t>(std::llround(zero), integers.lowest, integers.highest);
  return parameters;
}

double stored(double number, const Parameters& parameters) {
  const IntegerRange integers = integers_of(parameters.dtype, false);
  const double steps =
      std::nearbyint(number / parameters.scale) + static_cast<double>(parameters.zero_point);
  const double limited = std::clamp(steps, static_cast<double>(integers.lowest),
                                    static_cast<double>(integers.highest));
  return (limited - static_cast<double>(parameters.zero_point)) * parameters.scale;
}

double storing_error(const Histogram& histogram, const Parameters& parameters) {
  double sum = 0;
  for (size_t bin = 0; bin < histogram.counts.size(); ++bin) {
    if (histogram.counts[bin] == 0) continue;
    const double number = histogram.centre(bin);
    const double error = number - stored(number, parameters);
    sum += error * error * static_cast<double>(histogram.counts[bin]);
  }
  const int64_t total = histogram.total();
  return total == 0 ? 0 : sum / static_cast<double>(total);
}

Interval chosen_interval(const Histogram& histogram, DType dtype, bool symmetric,
                         const MethodOptions& options) {
  const bool is_point = histogram.counts.empty() || histogram.width() <= 0;
  if (is_point || options.method == Method::minmax) return histogram.range;
  // Sixteen bits have steps to spare; saturating anything there is only loss.
  if (bytes_of(dtype) > 1) return histogram.range;
  const auto error = [&](const Interval& interval) {
    return storing_error(histogram, parameters_for(interval, dtype, symmetric));
  };
  switch (options.method) {
    case Method::percentile:
      return percentile_interval(histogram, options.percentile);
    case Method::entropy: {
      const Histogram others = without_zero(histogram);
      return best_cut(histogram, [&](const Interval& interval) {
        return divergence(others, interval, dtype, symmetric);
      });
    }
    case Method::mse:
      return with_moved_ends(best_cut(histogram, error), error);
    case Method::minmax:
      break;
  }
  return histogram.range;
}

}  // namespace mlfc
