// Compiles and runs instrumented graphs, with progress and the time that is left.
#include "frontend/cli/observation.h"

#include <algorithm>
#include <chrono>

#include "frontend/cli/compilation.h"
#include "ir/error.h"

namespace mlfc {
namespace {

constexpr int64_t most_kept_bytes = int64_t{1} << 29;
/// Of inputs and outputs that one run of the program reads and writes.
constexpr int64_t most_bytes_at_once = int64_t{1} << 26;

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

DeviceRequest host_device(size_t runs) {
  DeviceRequest device;
  device.build.cached = false;  // an instrumented program is of no use tomorrow
  // A face detector takes 2.5 s to compile and 9 ms to run with -O1, 4.2 s and 0.8 ms with -O2.
  constexpr size_t many = 200;
  device.build.optimisation = runs < many ? "-O1" : "-O2";
  return device;
}

std::string remaining(size_t done, size_t all, double seconds) {
  if (done == 0) return "";
  const double rest = seconds / static_cast<double>(done) * static_cast<double>(all - done);
  if (rest < 90) return fmt::format(", {:.0f} s left", rest);
  return fmt::format(", {:.0f} min left", rest / 60);
}

int64_t bytes_of_sample(const Graph& graph) {
  int64_t bytes = 0;
  for (const Value* input : graph.inputs) bytes += input->type.storage_bytes();
  for (const Value* output : graph.outputs) bytes += output->type.storage_bytes();
  return bytes;
}

}  // namespace

Observation::Observation(std::unique_ptr<Graph> graph, const std::string& what, Progress& progress,
                         const Use& use)
    : what_(what), progress_(progress), keeps_(use.keeps_values) {
  for (const Value* output : graph->outputs) names_.push_back(output->name);
  const int64_t bytes = std::max<int64_t>(bytes_of_sample(*graph), 1);
  // Many at once save program starts; more than that, and the progress line would stand still.
  chunk_ = static_cast<size_t>(std::clamp<int64_t>(most_bytes_at_once / bytes, 1, 64));
  progress_.show(what_ + ": compiling");
  model_ = prepare_for_samples(std::move(graph), request_for_host(), host_device(use.runs));
}

std::vector<Values> Observation::run(const SampleSet& samples, size_t begin, size_t end) const {
  const std::vector<std::vector<Tensor>> inputs(
      samples.sets.begin() + static_cast<std::ptrdiff_t>(begin),
      samples.sets.begin() + static_cast<std::ptrdiff_t>(end));
  std::vector<Values> all;
  for (std::vector<Tensor>& outputs : model_(inputs)) {
    Values& values = all.emplace_back();
    for (size_t i = 0; i < names_.size(); ++i) values.emplace(names_[i], std::move(outputs[i]));
  }
  return all;
}

const Values* Observation::kept(const SampleSet& samples, size_t sample) const {
  const auto set = kept_.find(&samples);
  if (set == kept_.end()) return nullptr;
  const auto found = set->second.find(sample);
  return found == set->second.end() ? nullptr : &found->second;
}

void Observation::for_each(const SampleSet& samples,
                           const std::function<void(size_t sample, const Values& values)>& visit) {
  const auto begin = std::chrono::steady_clock::now();
  const size_t count = samples.sets.size();
  Reader reader(*this, samples);
  for (size_t i = 0; i < count; ++i) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    progress_.show(
        fmt::format("{}: sample {} of {}{}", what_, i + 1, count, remaining(i, count, seconds)));
    visit(i, reader.next());
  }
}

Observation::Reader::Reader(Observation& observation, const SampleSet& samples)
    : observation_(observation), samples_(samples) {}

/// Runs the program on the samples from `started_` on that are not kept.
void Observation::Reader::start() {
  const size_t count = samples_.sets.size();
  while (started_ < count && observation_.kept(samples_, started_) != nullptr) ++started_;
  if (started_ == count) return;
  const size_t begin = started_;
  while (started_ < count && started_ - begin < observation_.chunk_ &&
         observation_.kept(samples_, started_) == nullptr) {
    ++started_;
  }
  running_ = std::async(std::launch::async, [this, begin, end = started_] {
    return observation_.run(samples_, begin, end);
  });
}

void Observation::Reader::take() {
  if (!running_.valid()) start();
  first_ready_ = next_;
  ready_ = running_.get();
  if (observation_.keeps_) keep();
  start();
}

void Observation::Reader::keep() {
  std::map<size_t, Values>& kept = observation_.kept_[&samples_];
  for (size_t i = 0; i < ready_.size(); ++i) {
    int64_t bytes = 0;
    for (const auto& [name, tensor] : ready_[i]) bytes += tensor.type.storage_bytes();
    if (observation_.kept_bytes_ + bytes > most_kept_bytes) break;
    observation_.kept_bytes_ += bytes;
    kept[first_ready_ + i] = ready_[i];
  }
}

const Values& Observation::Reader::next() {
  const size_t sample = next_;
  const Values* known = observation_.kept(samples_, sample);
  if (known == nullptr && sample >= first_ready_ + ready_.size()) take();
  ++next_;
  return known != nullptr ? *known : ready_[sample - first_ready_];
}

}  // namespace mlfc
