// Coordinates, neighbours and weights of resized axes.
#include "ir/ops/sampling.h"

#include <algorithm>
#include <cmath>

namespace mlfc {
namespace {

/// The place in the input, in units of its elements, that output position `at` shows.
double coordinate(const SampledAxis& axis, const std::string& mode, int64_t at) {
  const auto x = static_cast<double>(at);
  const auto in = static_cast<double>(axis.input);
  // The length before rounding down: a scale may have made it fractional.
  const double exact = in * axis.scale;
  const double rounded = std::round(exact);
  const double out = std::fabs(exact - rounded) < 1e-6 ? rounded : exact;
  if (mode == "asymmetric") return x / axis.scale;
  if (mode == "align_corners") return out == 1 ? 0 : x * (in - 1) / (out - 1);
  if (mode == "pytorch_half_pixel" && out == 1) return 0;
  if (mode == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
  if (mode == "tf_crop_and_resize") {
    if (out == 1) return 0.5 * (axis.roi_start + axis.roi_end) * (in - 1);
    return axis.roi_start * (in - 1) + x * (axis.roi_end - axis.roi_start) * (in - 1) / (out - 1);
  }
  double shift = 0;
  if (mode == "half_pixel_symmetric") {
    // The output length was rounded down; half of what was lost is taken from either end.
    shift = in / 2 * (1 - static_cast<double>(axis.output) / out);
  }
  return shift + (x + 0.5) / axis.scale - 0.5;
}

int64_t nearest(const SampledAxis& axis, const std::string& mode, double place) {
  if (mode == "round_prefer_ceil") return static_cast<int64_t>(std::floor(place + 0.5));
  if (mode == "floor") return static_cast<int64_t>(std::floor(place));
  if (mode == "ceil") return static_cast<int64_t>(std::ceil(place));
  if (mode == "simple") {  // before the modes had names
    return static_cast<int64_t>(axis.scale < 1 ? std::ceil(place) : std::floor(place));
  }
  return static_cast<int64_t>(std::ceil(place - 0.5));
}

double linear_weight(double distance) {
  return std::max(0.0, 1 - std::fabs(distance));
}

/// Keys' cubic with free coefficient `a`.
double cubic_weight(double distance, double a) {
  const double x = std::fabs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

/// Appends the taps around `place`: one row of positions and weights.
void add_row(const SampledAxis& axis, const SamplingOptions& options, double place, int64_t radius,
             double stretch, Samples& samples) {
  const auto base = static_cast<int64_t>(std::floor(place));
  const size_t first = samples.weights.size();
  double total = 0;
  for (int64_t at = base - radius + 1; at <= base + radius; ++at) {
    const double distance = (static_cast<double>(at) - place) * stretch;
    double weight = options.mode == "linear" ? linear_weight(distance)
                                             : cubic_weight(distance, options.cubic_coefficient);
    const bool outside = at < 0 || at >= axis.input;
    if (outside && options.exclude_outside) weight = 0;
    total += weight;
    samples.positions.push_back(std::clamp<int64_t>(at, 0, axis.input - 1));
    samples.weights.push_back(weight);
  }
  const bool sums_to_one = !options.exclude_outside && stretch == 1;
  if (sums_to_one || total == 0) return;
  for (size_t i = first; i < samples.weights.size(); ++i) samples.weights[i] /= total;
}

}  // namespace

bool Samples::is_identity(int64_t input) const {
  if (static_cast<int64_t>(outside.size()) != input) return false;
  for (size_t i = 0; i < positions.size(); ++i) {
    const bool elsewhere = positions[i] != static_cast<int64_t>(i) / taps;
    if (elsewhere && weights[i] != 0) return false;
  }
  return std::find(outside.begin(), outside.end(), true) == outside.end();
}

int64_t Samples::repeats(int64_t input) const {
  const auto output = static_cast<int64_t>(positions.size());
  if (taps != 1 || input == 0 || output % input != 0) return 0;
  const int64_t factor = output / input;
  for (int64_t i = 0; i < output; ++i) {
    if (positions[static_cast<size_t>(i)] != i / factor) return 0;
  }
  return factor;
}

Samples sampled(const SampledAxis& axis, const SamplingOptions& options) {
  Samples samples;
  // Antialiasing widens the filter until it covers what one output element stands for.
  const double stretch = options.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double support = (options.mode == "cubic" ? 2 : 1) / stretch;
  const auto radius = static_cast<int64_t>(std::ceil(support));
  if (options.mode != "nearest") samples.taps = 2 * radius;
  const auto last = static_cast<double>(axis.input - 1);
  for (int64_t i = 0; i < axis.output; ++i) {
    const double place = coordinate(axis, options.coordinates, i);
    const bool outside = options.coordinates == "tf_crop_and_resize" && (place < 0 || place > last);
    samples.outside.push_back(outside);
    if (options.mode == "nearest") {
      const int64_t position = nearest(axis, options.nearest, place);
      samples.positions.push_back(std::clamp<int64_t>(position, 0, axis.input - 1));
      samples.weights.push_back(1);
    } else {
      add_row(axis, options, place, radius, stretch, samples);
    }
  }
  return samples;
}

}  // namespace mlfc
