// Runs many jobs, a few at a time, each in a process of its own: a job that crashes, hangs or eats
// memory costs one result, not the run.
#pragma once

#include <functional>
#include <string>

namespace mlfc {

struct IsolatedResult {
  std::string text = {};     ///< what the job returned
  std::string problem = {};  ///< how it died, when it did not return: "crashed (signal 11)"
  double seconds = 0;
};

struct IsolateOptions {
  int jobs = 1;
  double timeout_seconds = 120;
};

/// Calls `job(i)` for i in 0..count-1 in child processes and `done` here, in order of i.
void run_isolated(int count, const IsolateOptions& options,
                  const std::function<std::string(int)>& job,
                  const std::function<void(int, const IsolatedResult&)>& done);

}  // namespace mlfc
