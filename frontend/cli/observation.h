// Runs a graph, compiled to C once, on many samples and hands out the values of its outputs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frontend/cli/device.h"
#include "frontend/cli/progress.h"
#include "frontend/data/samples.h"

namespace mlfc {

/// Outputs of one run by name.
using Values = std::map<std::string, Tensor>;

class Observation {
 public:
  /// Compiles `graph` (operators) for this machine; `what` says in the progress line what for.
  Observation(std::unique_ptr<Graph> graph, const std::string& what, Progress& progress);

  /// Calls `visit` with the outputs for every sample, in order.
  void for_each(const SampleSet& samples,
                const std::function<void(size_t sample, const Values& values)>& visit);
  /// The outputs for one sample; the reference lives until the next call.
  const Values& at(const SampleSet& samples, size_t sample);

 private:
  Values run(const std::vector<Tensor>& sample) const;

  std::string what_ = {};
  Progress& progress_;
  std::vector<std::string> names_ = {};
  RunnableModel model_ = {};
  /// What was computed, as long as it is not too much, by samples and number.
  std::map<const SampleSet*, std::map<size_t, Values>> cache_ = {};
  int64_t cached_bytes_ = 0;
  Values latest_ = {};  ///< when there is no room in the cache
};

}  // namespace mlfc
