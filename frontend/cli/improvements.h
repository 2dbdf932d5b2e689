// Ways to make a quantized model more accurate, put in order by what they take off the outputs'
// error for the bytes they add.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "frontend/cli/rounding_switches.h"
#include "passes/quantize/plan.h"

namespace mlfc {

/// One way to make a model more accurate.
struct Improvement {
  std::string value = {};  ///< --int16, or a contraction for --keep-float
  bool keep_float = false;
  double cost = 1;                 ///< bytes that the model grows by
  std::vector<double> gains = {};  ///< per output: what it takes off the total
};

/// One for each rounding. 16 bits take a byte more for each number of a value, reals three more;
/// where a layer is kept float, what only it would have read as integers stays real, too. `graph`
/// and `options` are those of the breakdown.
std::vector<Improvement> improvements_of(const Graph& graph, const QuantizeOptions& options,
                                         const NoiseBreakdown& breakdown);

/// Improvements in the order in which they bring every output's error below `max_error` for the
/// least cost; `needed` says how many of them are predicted to be enough.
struct ImprovementPlan {
  std::vector<Improvement> order = {};
  size_t needed = 0;
};
ImprovementPlan order_improvements(std::vector<Improvement> improvements, std::vector<double> total,
                                   double max_error);

/// Smallest count of the front of the order with which `is_enough`, which is slow; it is asked near
/// `guess` first. Nullopt when not even all are.
std::optional<size_t> fewest_enough(size_t all, size_t guess,
                                    const std::function<bool(size_t count)>& is_enough);

}  // namespace mlfc
