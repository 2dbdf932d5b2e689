// Where the elements of a resized axis come from: for each output position the input positions it
// mixes and their weights. All of it is known at compile time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mlfc {

struct SamplingOptions {
  std::string mode = "nearest";  ///< nearest, linear, cubic
  std::string coordinates = "half_pixel";
  std::string nearest = "round_prefer_floor";
  double cubic_coefficient = -0.75;
  bool exclude_outside = false;
  bool antialias = false;
};

struct SampledAxis {
  int64_t input = 0;
  int64_t output = 0;
  double scale = 1;
  double roi_start = 0, roi_end = 1;  ///< for tf_crop_and_resize
};

/// `taps` positions and weights per output position, row by row.
struct Samples {
  int64_t taps = 1;
  std::vector<int64_t> positions = {};
  std::vector<double> weights = {};
  std::vector<bool> outside = {};  ///< per output: beyond the input, to be extrapolated

  /// Output i is input i: the axis keeps its length and nothing is mixed.
  bool is_identity(int64_t input) const;
  /// Output i is input i / factor; 0 when it is not so.
  int64_t repeats(int64_t input) const;
};

Samples sampled(const SampledAxis& axis, const SamplingOptions& options);

}  // namespace mlfc
