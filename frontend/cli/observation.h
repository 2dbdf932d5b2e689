// Runs a graph, compiled to C once, on many samples and hands out the values of its outputs.
#pragma once

#include <functional>
#include <future>
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
  struct Use {
    /// Values are computed once for each sample, as long as they are not too many.
    bool keeps_values = false;
    /// About how often it will run: compiling longer pays off for hundreds of times.
    size_t runs = 1;
  };

  /// Compiles `graph` (operators) for this machine; `what` says in the progress line what for.
  Observation(std::unique_ptr<Graph> graph, const std::string& what, Progress& progress,
              const Use& use);

  /// Calls `visit` with the outputs for every sample, in order.
  void for_each(const SampleSet& samples,
                const std::function<void(size_t sample, const Values& values)>& visit);
  /// Hands out the values of one sample after the other. The program runs on many at a time, and
  /// on the next ones while the caller looks at those it has.
  class Reader {
   public:
    Reader(Observation& observation, const SampleSet& samples);
    const Values& next();  ///< the reference lives until the next call

   private:
    void start();
    void take();
    void keep();

    Observation& observation_;
    const SampleSet& samples_;
    size_t next_ = 0;         ///< sample that `next` hands out
    size_t started_ = 0;      ///< samples before it are in `ready_` or `running_`
    size_t first_ready_ = 0;  ///< sample of ready_[0]
    std::vector<Values> ready_ = {};
    std::future<std::vector<Values>> running_ = {};
  };

 private:
  std::vector<Values> run(const SampleSet& samples, size_t begin, size_t end) const;
  const Values* kept(const SampleSet& samples, size_t sample) const;

  std::string what_ = {};
  Progress& progress_;
  bool keeps_ = false;
  std::vector<std::string> names_ = {};
  size_t chunk_ = 1;  ///< samples in one run of the program
  SampleRunner model_ = {};
  /// What was computed, by samples and number.
  std::map<const SampleSet*, std::map<size_t, Values>> kept_ = {};
  int64_t kept_bytes_ = 0;
};

}  // namespace mlfc
