// What improvements cost and gain, and which come first.
#include "frontend/cli/improvements.h"

#include <algorithm>

namespace mlfc {
namespace {

/// How much the outputs' errors are above the limit, all together.
double excess(const std::vector<double>& total, double limit) {
  double sum = 0;
  for (const double energy : total) sum += std::max(0.0, energy - limit);
  return sum;
}

std::vector<double> without(std::vector<double> total, const Improvement& improvement) {
  for (size_t i = 0; i < total.size(); ++i) total[i] -= improvement.gains[i];
  return total;
}

/// Adds what is not stored any more when the improvement's layer is float.
void add_vanishing(Improvement& improvement, const Graph& graph, const QuantizeOptions& options,
                   const NoiseBreakdown& breakdown) {
  QuantizeOptions kept = options;
  kept.keep_float.insert(improvement.value);
  const Plan plan = plan_quantization(graph, kept);
  const auto is_stored = [&](const std::string& value) { return plan.stores(value); };
  for (const auto& [source, shares] : breakdown.sources) {
    if (source.is_weights || std::ranges::any_of(source.values, is_stored)) continue;
    improvement.cost += 3 * static_cast<double>(source.elements);
    for (size_t i = 0; i < shares.size(); ++i) improvement.gains[i] += shares[i];
  }
}

}  // namespace

std::vector<Improvement> improvements_of(const Graph& graph, const QuantizeOptions& options,
                                         const NoiseBreakdown& breakdown) {
  std::vector<Improvement> result;
  for (const auto& [source, shares] : breakdown.sources) {
    const auto elements = static_cast<double>(source.elements);
    Improvement improvement{source.values[0], source.is_weights, elements, shares};
    if (source.is_weights) {
      improvement.cost *= 3;
      add_vanishing(improvement, graph, options, breakdown);
    }
    result.push_back(std::move(improvement));
  }
  // Products of two computed operands have no weights to round, only operands.
  for (const std::string& contraction : plan_quantization(graph, options).contractions) {
    const bool has_weights = std::ranges::any_of(result, [&](const Improvement& known) {
      return known.keep_float && known.value == contraction;
    });
    if (has_weights) continue;
    Improvement improvement{contraction, true, 0, std::vector<double>(breakdown.total.size())};
    add_vanishing(improvement, graph, options, breakdown);
    result.push_back(std::move(improvement));
  }
  return result;
}

ImprovementPlan order_improvements(std::vector<Improvement> improvements, std::vector<double> total,
                                   double max_error) {
  const double limit = max_error * max_error;
  ImprovementPlan plan;
  while (!improvements.empty()) {
    const double now = excess(total, limit);
    if (now <= 0 && plan.needed == 0) plan.needed = plan.order.size();
    // What is not above the limit still counts a little, so that the order goes on behind it.
    const auto worth = [&](const Improvement& improvement) {
      double gain = now - excess(without(total, improvement), limit);
      for (const double energy : improvement.gains) gain += 1e-3 * energy;
      // Cheap and useless is not worth a layer of another kind: a gain below a hundredth of what is
      // missing waits for its turn.
      const double weight = gain < 0.01 * now ? 1e-6 : 1.0;
      return weight * gain / std::max(improvement.cost, 1.0);
    };
    const auto best = std::ranges::max_element(improvements, {}, worth);
    total = without(total, *best);
    plan.order.push_back(std::move(*best));
    improvements.erase(best);
  }
  if (plan.needed == 0) plan.needed = plan.order.size();
  return plan;
}

std::optional<size_t> fewest_enough(size_t all, size_t guess,
                                    const std::function<bool(size_t count)>& is_enough) {
  size_t low = 0, high = std::clamp<size_t>(guess, 1, all);  // `low` are too few
  while (!is_enough(high)) {
    if (high == all) return std::nullopt;
    low = high;
    high = std::min(all, high + std::max<size_t>(1, high / 2));
  }
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    (is_enough(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace mlfc
