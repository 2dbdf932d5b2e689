// `mlfc validate`: runs test cases and compares with what they expect. One line a case, and last
// the counts; a refusal is a clean error that says why a model cannot be compiled.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "frontend/cli/isolate.h"
#include "frontend/cli/progress.h"
#include "frontend/cli/subcommand.h"
#include "frontend/cli/validation.h"
#include "ir/error.h"

namespace mlfc {
namespace {

Syntax syntax() {
  Syntax syntax{
      .command = "mlfc validate",
      .summary =
          "Compiles and runs models with recorded inputs and compares the outputs. PATH is a "
          "model's folder (ONNX's test layout, or inputs*/ with outputs*/ or expected*/), a "
          "model with .npz files beside it, or a tree of such.",
      .positional = "PATH..."};
  syntax.groups.push_back(
      {"comparison",
       {{.name = "--rtol", .value = "X", .help = "Relative tolerance of real outputs."},
        {.name = "--atol",
         .value = "X",
         .help = "Absolute tolerance, for outputs up to 1; scaled by the largest above that."},
        {.name = "--per-layer",
         .help = "Name the first layer that differs from the interpreter, for cases that fail."},
        {.name = "--filter", .value = "TEXT", .help = "Only cases whose name contains TEXT."},
        {.name = "--jobs", .short_name = "-j", .value = "N", .help = "Cases at the same time."},
        {.name = "--json", .help = "Print one JSON object instead of lines."}}});
  syntax.groups.push_back(device_options({"cpu", "interpreter", "qemu-riscv32"}));
  for (OptionGroup& group : compile_options()) syntax.groups.push_back(std::move(group));
  syntax.groups.push_back(common_options());
  return syntax;
}

std::vector<TestCase> all_cases(const Arguments& arguments) {
  if (arguments.positionals().empty()) throw UsageError("PATH is missing");
  const std::string filter = arguments.text("--filter");
  std::vector<TestCase> cases;
  for (const std::string& path : arguments.positionals()) {
    for (TestCase& found : find_cases(path)) {
      if (found.name.find(filter) != std::string::npos) cases.push_back(std::move(found));
    }
  }
  return cases;
}

double tolerance(const Arguments& arguments, const std::string& option) {
  const double value = arguments.real(option, 0);
  if (!(value >= 0)) throw UsageError(option + " must not be negative");
  return value;
}

ValidationOptions validation_options(const Arguments& arguments) {
  ValidationOptions options;
  options.request = parse_request(arguments);
  options.request.quiet = true;  // many at once: the line of progress is this command's
  options.device = parse_device(arguments);
  options.device.build.cached = false;  // each program runs once
  options.device.build.optimisation = "-O1";
  options.device.run.timeout_seconds = arguments.real("--timeout", 120);
  options.device.build.timeout_seconds = options.device.run.timeout_seconds;
  // The C interface is the simplest to call; the user's wish comes first.
  if (!arguments.has("--executor-aot-interface-api") &&
      !arguments.has("--executor-aot-unpacked-api")) {
    options.request.package.interface_api = "c";
    options.request.package.unpacked_api = true;
  }
  if (arguments.has("--rtol")) options.tolerance.rtol = tolerance(arguments, "--rtol");
  if (arguments.has("--atol")) options.tolerance.atol = tolerance(arguments, "--atol");
  options.per_layer = arguments.has("--per-layer");
  return options;
}

std::string coloured(Verdict verdict) {
  const std::string word = to_text(verdict);
  if (!may_use_colour(STDOUT_FILENO)) return word;
  constexpr const char* colours[] = {"32", "31", "33"};
  return fmt::format("\x1b[{}m{}\x1b[0m", colours[static_cast<int>(verdict)], word);
}

std::string line_of(const TestCase& test, const CaseResult& result) {
  std::string line = coloured(result.verdict) + " " + test.name;
  if (!result.message.empty()) line += ": " + result.message;
  if (!result.deviating_layer.empty()) {
    line += "; first deviating layer: " + result.deviating_layer;
  }
  return line;
}

CaseResult received(const IsolatedResult& isolated) {
  const nlohmann::json json = nlohmann::json::parse(isolated.text, nullptr, false);
  if (isolated.problem.empty() && json.is_object()) return result_from_json(json);
  CaseResult result;
  result.verdict = Verdict::failed;
  result.message = isolated.problem.empty() ? "gave no result" : isolated.problem;
  return result;
}

int64_t job_count(const Arguments& arguments) {
  const int64_t jobs = arguments.integer("--jobs", std::thread::hardware_concurrency());
  if (jobs < 1 || jobs > 1024) throw UsageError("--jobs must be between 1 and 1024");
  return jobs;
}

int run(const Arguments& arguments) {
  const ValidationOptions options = validation_options(arguments);
  const std::vector<TestCase> cases = all_cases(arguments);
  const bool as_json = arguments.has("--json");
  // A case that has to be killed cannot tidy up; what it leaves lies in here and goes with it.
  const TemporaryFolder scratch;
  setenv("TMPDIR", scratch.path().c_str(), /*overwrite=*/1);
  Progress progress(arguments.has("--quiet"));
  int counts[3] = {0, 0, 0};
  nlohmann::json list = nlohmann::json::array();
  // The limits inside a case come first; this one catches the compiler itself.
  const IsolateOptions isolation{static_cast<int>(job_count(arguments)),
                                 3 * options.device.run.timeout_seconds};
  const auto job = [&](int i) {
    return to_json(validate_case(cases[static_cast<size_t>(i)], options))
        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  run_isolated(static_cast<int>(cases.size()), isolation, job,
               [&](int i, const IsolatedResult& isolated) {
                 const TestCase& test = cases[static_cast<size_t>(i)];
                 const CaseResult result = received(isolated);
                 ++counts[static_cast<int>(result.verdict)];
                 progress.clear();
                 if (as_json) {
                   nlohmann::json entry = to_json(result);
                   entry["name"] = test.name;
                   entry["seconds"] = isolated.seconds;
                   list.push_back(entry);
                 } else {
                   fmt::print("{}\n", line_of(test, result));
                 }
                 progress.show(fmt::format("{} of {}", i + 1, cases.size()));
               });
  progress.clear();
  if (as_json) {
    const nlohmann::json report = {
        {"cases", list}, {"passed", counts[0]}, {"failed", counts[1]}, {"refused", counts[2]}};
    fmt::print("{}\n", report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{} passed, {} failed, {} refused\n", counts[0], counts[1], counts[2]);
  }
  constexpr int exit_user = 4;
  return counts[1] == 0 ? 0 : exit_user;
}

const Subcommand validate{.name = "validate",
                          .summary = "Run models on recorded inputs and compare the outputs.",
                          .syntax = syntax,
                          .run = run};
const RegisteredSubcommand registered{validate};

}  // namespace
}  // namespace mlfc
