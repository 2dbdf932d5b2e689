// Compiles and runs instrumented graphs, with progress and the time that is left.
#include "frontend/cli/observation.h"

#include <chrono>

#include "frontend/cli/compilation.h"
#include "ir/error.h"

namespace mlfc {
namespace {

constexpr int64_t most_cached_bytes = int64_t{1} << 29;

/// The graph runs here, whatever the result is compiled for, through the simplest interface.
Request request_for_host() {
  Request request;
  request.quiet = true;
  request.target = parse_target("c");
  request.package.target_string = request.target.canonical();
  request.package.interface_api = "c";
  request.package.unpacked_api = true;
  return request;
}

DeviceRequest host_device() {
  DeviceRequest device;
  device.build.cached = false;  // an instrumented program is of no use tomorrow
  device.build.optimisation = "-O1";
  return device;
}

std::string remaining(size_t done, size_t all, double seconds) {
  if (done == 0) return "";
  const double rest = seconds / static_cast<double>(done) * static_cast<double>(all - done);
  if (rest < 90) return fmt::format(", {:.0f} s left", rest);
  return fmt::format(", {:.0f} min left", rest / 60);
}

}  // namespace

Observation::Observation(std::unique_ptr<Graph> graph, const std::string& what, Progress& progress)
    : what_(what), progress_(progress) {
  for (const Value* output : graph->outputs) names_.push_back(output->name);
  progress_.show(what_ + ": compiling");
  model_ = prepare(std::move(graph), request_for_host(), host_device());
}

Values Observation::run(const std::vector<Tensor>& sample) const {
  std::vector<Tensor> outputs = model_(sample);
  Values values;
  for (size_t i = 0; i < names_.size(); ++i) values.emplace(names_[i], std::move(outputs[i]));
  return values;
}

const Values& Observation::at(const SampleSet& samples, size_t sample) {
  std::map<size_t, Values>& cache = cache_[&samples];
  const auto found = cache.find(sample);
  if (found != cache.end()) return found->second;
  Values values = run(samples.sets[sample]);
  int64_t bytes = 0;
  for (const auto& [name, tensor] : values) bytes += static_cast<int64_t>(tensor.bytes.size());
  if (cached_bytes_ + bytes > most_cached_bytes) return latest_ = std::move(values);
  cached_bytes_ += bytes;
  return cache[sample] = std::move(values);
}

void Observation::for_each(const SampleSet& samples,
                           const std::function<void(size_t sample, const Values& values)>& visit) {
  const auto begin = std::chrono::steady_clock::now();
  const size_t count = samples.sets.size();
  for (size_t i = 0; i < count; ++i) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    progress_.show(
        fmt::format("{}: sample {} of {}{}", what_, i + 1, count, remaining(i, count, seconds)));
    visit(i, at(samples, i));
  }
}

}  // namespace mlfc
