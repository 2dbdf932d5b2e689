// Runs a graph with switches.
#include "frontend/cli/rounding_switches.h"

#include <algorithm>

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

double energy_ratio(const Noise& noise) {
  return noise.signal > 0 ? noise.noise / noise.signal : 0;
}

std::vector<std::string> names_of(const std::vector<Value*>& values) {
  std::vector<std::string> names;
  for (const Value* value : values) names.push_back(value->name);
  return names;
}

}  // namespace

RoundingSwitches::RoundingSwitches(SwitchedGraph graph, const SampleSet& samples,
                                   Progress& progress)
    : sources_(std::move(graph.sources)),
      samples_(samples),
      chosen_(chosen_samples(samples)),
      outputs_(names_of(graph.graph->outputs)),
      observation_(std::move(graph.graph), "finding what hurts", progress,
                   {.runs = chosen_.size() * sources_.size()}) {}

std::vector<Tensor> RoundingSwitches::inputs_for(size_t sample, const Switches& setting) const {
  std::vector<Tensor> inputs = samples_.sets[sample];
  for (const bool is_on : setting) {
    inputs.push_back(tensor_of(DType::f32, {}, {is_on ? 1.0 : 0.0}));
  }
  return inputs;
}

std::vector<std::vector<double>> RoundingSwitches::errors(const std::vector<Switches>& settings) {
  SampleSet runs{.where = samples_.where};
  for (const size_t sample : chosen_) {
    runs.sets.push_back(inputs_for(sample, Switches(sources_.size(), false)));
    for (const Switches& setting : settings) runs.sets.push_back(inputs_for(sample, setting));
  }
  std::vector<std::vector<Noise>> noise(settings.size(), std::vector<Noise>(outputs_.size()));
  Values exact;
  observation_.for_each(runs, [&](size_t run, const Values& got) {
    const size_t setting = run % (settings.size() + 1);
    if (setting == 0) exact = got;
    for (size_t i = 0; setting > 0 && i < outputs_.size(); ++i) {
      const Tensor& wanted = exact.at(outputs_[i]);
      if (is_float(wanted.type.dtype)) noise[setting - 1][i].add(wanted, got.at(outputs_[i]));
    }
  });
  std::vector<std::vector<double>> result;
  for (const std::vector<Noise>& row : noise) {
    std::vector<double>& ratios = result.emplace_back();
    for (const Noise& output : row) ratios.push_back(energy_ratio(output));
  }
  return result;
}

NoiseBreakdown break_down_noise(RoundingSwitches& switches, const Switches& on,
                                const std::vector<double>& total) {
  std::vector<Switches> settings;
  NoiseBreakdown breakdown{.total = total};
  for (size_t source = 0; source < on.size(); ++source) {
    if (!on[source]) continue;
    settings.emplace_back(on.size(), false).at(source) = true;
    breakdown.sources.push_back({switches.sources()[source], {}});
  }
  const std::vector<std::vector<double>> alone = switches.errors(settings);
  for (size_t i = 0; i < alone.size(); ++i) breakdown.sources[i].shares = alone[i];
  for (size_t output = 0; output < total.size(); ++output) {
    double sum = 0;
    for (const SourceNoise& source : breakdown.sources) sum += source.shares[output];
    if (sum <= 0) continue;
    for (SourceNoise& source : breakdown.sources) source.shares[output] *= total[output] / sum;
  }
  return breakdown;
}

}  // namespace mlfc
