// Runs a graph with switches, one on at a time, and puts improvements in order.
#include "frontend/cli/noise_breakdown.h"

#include <algorithm>

#include "frontend/cli/observation.h"
#include "passes/quantize/prepare.h"
#include "passes/quantize/statistics.h"

namespace mlfc {
namespace {

constexpr size_t most_samples = 8;

/// Some of the samples, evenly spread.
std::vector<size_t> chosen_samples(const SampleSet& samples) {
  const size_t count = std::min(most_samples, samples.sets.size());
  std::vector<size_t> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(i * samples.sets.size() / count);
  return chosen;
}

/// For each sample: nothing rounds, everything does, then each source alone.
SampleSet settings_of(const SampleSet& samples, size_t sources) {
  SampleSet settings{.where = samples.where};
  for (const size_t sample : chosen_samples(samples)) {
    for (size_t setting = 0; setting < sources + 2; ++setting) {
      std::vector<Tensor> inputs = samples.sets[sample];
      for (size_t source = 0; source < sources; ++source) {
        const bool is_on = setting == 1 || setting == source + 2;
        inputs.push_back(tensor_of(DType::f32, {}, {is_on ? 1.0 : 0.0}));
      }
      settings.sets.push_back(std::move(inputs));
    }
  }
  return settings;
}

double ratio(const Noise& noise) {
  return noise.signal > 0 ? noise.noise / noise.signal : 0;
}

void scale_to_total(NoiseBreakdown& breakdown) {
  for (size_t output = 0; output < breakdown.total.size(); ++output) {
    double sum = 0;
    for (const SourceNoise& source : breakdown.sources) sum += source.shares[output];
    if (sum <= 0) continue;
    for (SourceNoise& source : breakdown.sources) {
      source.shares[output] *= breakdown.total[output] / sum;
    }
  }
}

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

/// Adds what `plan` does not store any more.
void add_vanishing(Improvement& improvement, const Plan& plan, const NoiseBreakdown& breakdown) {
  const auto is_stored = [&](const std::string& value) { return plan.stores(value); };
  for (const auto& [source, shares] : breakdown.sources) {
    if (source.is_weights || std::ranges::any_of(source.values, is_stored)) continue;
    improvement.cost += 3 * static_cast<double>(source.elements);
    for (size_t i = 0; i < shares.size(); ++i) improvement.gains[i] += shares[i];
  }
}

}  // namespace

NoiseBreakdown break_down_noise(const SwitchedGraph& graph, const SampleSet& samples,
                                const ExactOutputs& exact, Progress& progress) {
  const size_t sources = graph.sources.size(), settings = sources + 2;
  std::vector<std::string> outputs;
  for (const Value* output : graph.graph->outputs) outputs.push_back(output->name);
  Observation observation(cloned(*graph.graph), "finding what hurts", progress);
  std::vector<std::vector<Noise>> noise(settings, std::vector<Noise>(outputs.size()));
  const std::vector<size_t> chosen = chosen_samples(samples);
  std::vector<Tensor> wanted, unrounded;
  observation.for_each(settings_of(samples, sources), [&](size_t run, const Values& got) {
    const size_t setting = run % settings;
    if (setting == 0) {
      wanted = exact(chosen[run / settings]);
      unrounded.clear();
      for (const std::string& output : outputs) unrounded.push_back(got.at(output));
      return;
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!is_float(wanted[i].type.dtype)) continue;
      noise[setting][i].add(setting == 1 ? wanted[i] : unrounded[i], got.at(outputs[i]));
    }
  });
  NoiseBreakdown breakdown;
  for (const Noise& all : noise[1]) breakdown.total.push_back(ratio(all));
  for (size_t source = 0; source < sources; ++source) {
    SourceNoise& row = breakdown.sources.emplace_back(SourceNoise{graph.sources[source], {}});
    for (const Noise& alone : noise[source + 2]) row.shares.push_back(ratio(alone));
  }
  scale_to_total(breakdown);
  return breakdown;
}

std::vector<Improvement> improvements_of(const Graph& graph, const QuantizeOptions& options,
                                         const NoiseBreakdown& breakdown) {
  std::vector<Improvement> result;
  for (const auto& [source, shares] : breakdown.sources) {
    const auto elements = static_cast<double>(source.elements);
    Improvement improvement{source.values[0], source.is_weights, elements, shares};
    if (source.is_weights) {
      improvement.cost *= 3;
      QuantizeOptions kept = options;
      kept.keep_float.insert(source.values[0]);
      add_vanishing(improvement, plan_quantization(graph, kept), breakdown);
    }
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
