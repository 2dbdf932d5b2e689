// Runs the steps of pipeline.cpp: verifies, prints what changed, compares numbers, takes times.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "ir/error.h"
#include "ir/interpret.h"
#include "ir/operator.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/memory/lifetimes.h"
#include "passes/pipeline.h"
#include "passes/pipeline_steps.h"

namespace mlfc {
namespace {

using Clock = std::chrono::steady_clock;

void choose_schedules(Graph& graph, const PassContext& context, const TargetHooks& target) {
  if (!target.schedule) return;
  for (const auto& node : graph.nodes) {
    if (!node->kernel || node->is_free || node->schedule) continue;
    sync_param_types(*node);
    Schedule schedule = target.schedule(*node->kernel, context.machine);
    const std::string problem = why_illegal(schedule, *node->kernel);
    check(problem.empty(), describe(*node), ": the target's schedule is illegal: ", problem);
    node->schedule = std::move(schedule);
  }
}

void run_step(Graph& graph, const std::string& name, const PassContext& context,
              const TargetHooks& target) {
  if (name == "schedule") return choose_schedules(graph, context, target);
  if (name == "finish") {
    if (target.finish) target.finish(graph, context.machine);
    return;
  }
  const Pass* pass = find_pass(name);
  check(pass != nullptr, "no pass is called '", name, "'");
  pass->run(graph, context);
}

// Random inputs for comparing numbers before and after a pass: small values, so that exponentials
// and sums stay in range.
std::vector<Tensor> random_inputs(const Graph& graph) {
  std::mt19937 random(1);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs) {
    Tensor tensor(input->type.plain());
    const bool real = is_float(tensor.type.dtype);
    for (int64_t i = 0; i < tensor.type.elements(); ++i) {
      const auto steps = static_cast<int64_t>(random() % 2001) - 1000;
      if (real) tensor.set_real(i, static_cast<double>(steps) / 1000);
      if (!real) tensor.set_integer(i, steps % 2 == 0 ? 0 : 1);
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

// The largest difference of two results, relative to the size of the values around it.
double deviation(const Tensor& before, const Tensor& after) {
  double scale = 1e-6, worst = 0;
  for (int64_t i = 0; i < before.type.elements(); ++i) {
    if (std::isfinite(before.real(i))) scale = std::max(scale, std::fabs(before.real(i)));
  }
  for (int64_t i = 0; i < before.type.elements(); ++i) {
    const double a = before.real(i), b = after.real(i);
    const bool alike = a == b || (std::isnan(a) && std::isnan(b));
    if (!alike) worst = std::max(worst, std::isfinite(a - b) ? std::fabs(a - b) / scale : INFINITY);
  }
  return worst;
}

class Runner {
 public:
  Runner(Graph& graph, const PassContext& context, const TargetHooks& target,
         const PipelineOptions& options)
      : graph_(graph), context_(context), target_(target), options_(options) {
    if (options_.check_each) inputs_ = random_inputs(graph_);
    if (options_.print_changed) text_ = to_text(graph_, {.elide_data = true});
  }

  void run(const std::string& step) {
    const auto& disabled = context_.options.disabled_passes;
    if (std::find(disabled.begin(), disabled.end(), step) != disabled.end()) return;
    if (options_.progress) options_.progress(step);
    const Clock::time_point start = Clock::now();
    const bool is_foreign = options_.foreign_passes.contains(step);
    try {
      run_step(graph_, step, context_, target_);
      times_.emplace_back(step, std::chrono::duration<double>(Clock::now() - start).count());
      // A plugin's pass is always verified: later steps rely on it, and would take the blame.
      if (is_foreign) verify(graph_, step);
      if (options_.verify_each) verify_round_trip(step);
    } catch (const InternalError& error) {
      if (!is_foreign) throw;
      blame(step, error.what());
    }
    if (options_.check_each) compare_numbers(step);
    if (options_.print_changed) print_if_changed(step);
  }

  void report_times() const {
    double total = 0;
    std::string report = "Compilation time breakdown by pass:\n";
    for (const auto& [step, seconds] : times_) {
      report += fmt::format("  {:<20} {:>9.3f} ms\n", step, seconds * 1e3);
      total += seconds;
    }
    say(report + fmt::format("  {:<20} {:>9.3f} ms\n", "total", total * 1e3));
  }

 private:
  void say(const std::string& text) const {
    if (options_.message) options_.message(text);
  }

  // Our pass is our bug; a plugin's pass is its author's.
  [[noreturn]] void blame(const std::string& step, const std::string& what) const {
    const auto plugin = options_.foreign_passes.find(step);
    if (plugin == options_.foreign_passes.end()) {
      throw InternalError(concat_text("pass '", step, "': ", what));
    }
    fail(concat_text("pass '", step, "' of plugin ", plugin->second), what);
  }

  // Every stage is text: what it prints must read back as the same program.
  void verify_round_trip(const std::string& step) const {
    verify(graph_, step);
    const std::string text = to_text(graph_);
    const std::string again = to_text(*parse_graph(text));
    check(text == again, "after ", step, " the program does not print as it parses");
  }

  void compare_numbers(const std::string& step) {
    std::vector<Tensor> results = interpret(graph_, inputs_);
    for (size_t i = 0; i < results_.size(); ++i) {
      const double worst = deviation(results_[i], results[i]);
      if (worst > 1e-3) {
        blame(step, fmt::format("it changed output '{}' by a relative {:.3g}",
                                graph_.outputs[i]->name, worst));
      }
    }
    results_ = std::move(results);
  }

  void print_if_changed(const std::string& step) {
    std::string text = to_text(graph_, {.elide_data = true});
    if (text != text_) say(fmt::format("// after {}\n{}\n", step, text));
    text_ = std::move(text);
  }

  Graph& graph_;
  const PassContext& context_;
  const TargetHooks& target_;
  const PipelineOptions& options_;
  std::vector<std::pair<std::string, double>> times_;
  std::vector<Tensor> inputs_, results_;
  std::string text_;
};

// The steps with the user's own passes in their places.
std::vector<std::string> steps_with_insertions(const PipelineOptions& options) {
  std::vector<std::string> steps = pipeline_steps();
  for (const auto& [after, name] : options.insert_after) {
    const auto place = std::find(steps.begin(), steps.end(), after);
    if (place == steps.end()) {
      fail("--after", "no step is called '", after, "'; the steps are ",
           fmt::format("{}", fmt::join(pipeline_steps(), ", ")));
    }
    if (find_pass(name) == nullptr) {
      fail("--after", "no pass is called '", name, "'; load it with --plugin");
    }
    steps.insert(place + 1, name);
  }
  return steps;
}

}  // namespace

std::vector<std::string> pipeline_steps() {
  std::vector<std::string> names;
  for (const PipelineStep& step : pipeline()) names.push_back(step.name);
  return names;
}

void run_pipeline(Graph& graph, const PassContext& context, const TargetHooks& target,
                  const PipelineOptions& options) {
  const std::vector<std::string> steps = steps_with_insertions(options);
  const bool stop_is_known =
      options.stop_after.empty() ||
      std::find(steps.begin(), steps.end(), options.stop_after) != steps.end();
  if (!stop_is_known) {
    fail("--stop-after", "no step is called '", options.stop_after, "'; the steps are ",
         fmt::format("{}", fmt::join(steps, ", ")));
  }
  Runner runner(graph, context, target, options);
  for (const std::string& step : steps) {
    runner.run(step);
    if (step == options.stop_after) break;
  }
  if (options.time_passes) runner.report_times();
}

void run_passes(Graph& graph, const PassContext& context, const TargetHooks& target,
                const std::vector<std::string>& names, const PipelineOptions& options) {
  Runner runner(graph, context, target, options);
  for (const std::string& name : names) {
    const bool known = name == "schedule" || name == "finish" || find_pass(name) != nullptr;
    if (!known) fail("--passes", "no pass is called '", name, "'");
    runner.run(name);
  }
  if (options.time_passes) runner.report_times();
}

}  // namespace mlfc
