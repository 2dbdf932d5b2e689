// The float model with a switch for every rounding, compiled once: what each rounding does to the
// outputs, and what any choice of them does together, is then a matter of running it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "frontend/cli/observation.h"
#include "passes/quantize/statistics.h"
#include "passes/quantize/switches.h"

namespace mlfc {

/// One for each source of noise: does it round?
using Switches = std::vector<bool>;

class RoundingSwitches {
 public:
  /// `samples` must live as long; a few of them are used.
  RoundingSwitches(SwitchedGraph graph, const SampleSet& samples, Progress& progress);

  const std::vector<NoiseSource>& sources() const { return sources_; }
  /// Energy of the error over energy of the output, for each output, with all the given settings.
  std::vector<std::vector<double>> errors(const std::vector<Switches>& settings);

 private:
  std::vector<Tensor> inputs_for(size_t sample, const Switches& setting) const;

  std::vector<NoiseSource> sources_ = {};
  const SampleSet& samples_;
  std::vector<size_t> chosen_ = {};
  std::vector<std::string> outputs_ = {};
  Observation observation_;
};

/// What one rounding does to each output: energy of the error over energy of the output.
struct SourceNoise {
  NoiseSource source = {};
  std::vector<double> shares = {};
};

struct NoiseBreakdown {
  std::vector<SourceNoise> sources = {};
  std::vector<double> total = {};  ///< per output, with every rounding on
};

/// Tries those of the roundings that are `on` one at a time. Errors that small add up like
/// independent ones; what they add up to is scaled to `total`, which was measured.
NoiseBreakdown break_down_noise(RoundingSwitches& switches, const Switches& on,
                                const std::vector<double>& total);

}  // namespace mlfc
