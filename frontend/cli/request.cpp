// From typed options to the structs that passes, targets and the packager read. Options of tvmc
// that ask for something this compiler cannot do are refused by name; the others are honoured or,
// where they steer parts of TVM that have no counterpart, accepted.
#include "frontend/cli/request.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "frontend/cli/input_shapes.h"
#include "frontend/cli/pass_config.h"
#include "frontend/cli/plugins.h"
#include "frontend/data/tensor_set.h"
#include "ir/error.h"

namespace mlfc {
namespace {

void refuse_unsupported(const Arguments& arguments) {
  const std::string executor = arguments.text("--executor", "aot");
  if (executor == "graph") fail("", "the graph executor is not supported; use --executor aot");
  if (executor != "aot") fail("", "Executor \"", executor, "\" is not defined; use aot");
  const std::string runtime = arguments.text("--runtime", "crt");
  if (runtime == "cpp") fail("", "the C++ runtime is not supported; use --runtime crt");
  if (runtime != "crt") fail("", "Runtime \"", runtime, "\" is not defined; use crt");
  if (arguments.has("--executor-graph-link-params")) {
    fail("", "Passed --executor-graph-link-params but did not specify graph executor");
  }
  if (arguments.has("--runtime-cpp-system-lib")) {
    fail("", "Passed --runtime-cpp-system-lib but did not specify cpp runtime");
  }
  const bool cross = !arguments.text("--cross-compiler").empty() ||
                     !arguments.text("--cross-compiler-options").empty();
  if (cross) {
    fail("",
         "Specifying the MLF output and a cross compiler is not supported; compile the "
         "archive's C with it instead");
  }
  if (arguments.text("--output-format", "mlf") != "mlf") {
    fail("", "output format '", arguments.text("--output-format"), "' is not supported; use mlf");
  }
  const std::string format = arguments.text("--model-format", "onnx");
  if (format != "onnx" && format != "tflite") {
    fail("", "model format '", format, "' is not supported; use onnx or tflite");
  }
  if (arguments.has("--mixed-precision")) {
    fail("", "--mixed-precision is not supported; convert the model to float16 before");
  }
}

/// The machine that is going to run the model, where that is known: a board has an -march.
std::string default_target(const Arguments& arguments) {
  if (arguments.text("--device", "cpu") != "qemu-riscv32") return "c";
  std::string march = "-march=rv32imafdc";
  for (const std::string& text : arguments.all("--cc-flags")) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      if (word.starts_with("-march=")) march = word;
    }
  }
  return "c " + march;
}

TargetRequest target_request(const Arguments& arguments) {
  const std::vector<std::string> texts = arguments.all("--target");
  TargetRequest request = parse_target(texts.empty() ? default_target(arguments) : texts.back());
  for (const Target* target : targets()) {
    std::vector<std::string> names = generic_attributes();
    names.insert(names.end(), target->attributes.begin(), target->attributes.end());
    for (const std::string& name : names) {
      const std::string option = "--target-" + target->name + "-" + name;
      if (!arguments.has(option)) continue;
      if (target != request.target) {
        fail("", "Passed ", option, " but did not specify ", target->name, " target");
      }
      set_attribute(request, name, arguments.text(option));
    }
  }
  return request;
}

int64_t positive(const std::string& text, const std::string& what) {
  int64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || number <= 0) {
    fail("", what, " is '", text, "', but it must be a positive integer");
  }
  return number;
}

/// Larger of what the executor's option and the target's attribute want.
int64_t alignment(const Arguments& arguments, const TargetRequest& target,
                  const std::string& option, const std::string& attribute) {
  int64_t bytes = arguments.has(option) ? positive(arguments.text(option), option) : 16;
  const auto found = target.attributes.find(attribute);
  if (found != target.attributes.end()) {
    const int64_t wanted = positive(found->second, attribute);
    bytes = arguments.has(option) ? std::max(bytes, wanted) : wanted;
  }
  if ((bytes & (bytes - 1)) != 0 || bytes > 4096) {
    fail("", "an alignment of ", bytes, " bytes is not possible; use a power of two up to 4096");
  }
  return bytes;
}

/// `pool:value` options: the value for this pool, empty when none is given.
std::string pool_value(const Arguments& arguments, const std::string& option,
                       const std::string& pool) {
  std::string value;
  for (const std::string& list : arguments.all(option)) {
    for (const std::string& text : split_commas(list)) {
      const size_t colon = text.find(':');
      if (colon == std::string::npos) {
        fail("", option, " is '", text, "', but it must be of the form pool:value");
      }
      if (text.substr(0, colon) == pool) value = text.substr(colon + 1);
    }
  }
  return value;
}

void check_pool_target(const Arguments& arguments, const std::string& kind, const std::string& pool,
                       const TargetRequest& target) {
  const bool constant = kind == "constant";
  const std::string label = constant ? "Constant Pool" : "Workspace Pool";
  const std::string named = pool_value(arguments, "--" + kind + "-pools-targets", pool);
  if (named.empty()) fail("", "No target specified for ", label, " \"", pool, "\"");
  if (named != target.target->name) {
    fail("", label, " \"", pool, "\" using undefined Target \"", named, "\"");
  }
}

std::vector<ExternalPool> pools_of(const Arguments& arguments, const std::string& kind,
                                   const TargetRequest& target) {
  std::vector<ExternalPool> pools;
  for (const std::string& list : arguments.all("--" + kind + "-pools")) {
    for (const std::string& name : split_commas(list)) {
      check_pool_target(arguments, kind, name, target);
      const std::string option = "--" + kind + "-pools-size-hint-bytes";
      const std::string hint = pool_value(arguments, option, name);
      const bool bounded = !hint.empty() && hint != "-1";
      pools.push_back({name, bounded ? positive(hint, option) : -1});
    }
  }
  return pools;
}

PackageOptions package_options(const Arguments& arguments, const TargetRequest& target,
                               const Options& options) {
  PackageOptions package;
  package.module_name = arguments.text("--module-name", "default");
  package.unpacked_api = arguments.boolean("--executor-aot-unpacked-api", false);
  package.interface_api = arguments.text("--executor-aot-interface-api", "packed");
  package.link_params = arguments.boolean("--executor-aot-link-params", true);
  package.system_lib = arguments.boolean("--runtime-crt-system-lib", false);
  package.target_string = target.canonical();
  package.workspace_alignment = alignment(
      arguments, target, "--executor-aot-workspace-byte-alignment", "workspace-byte-alignment");
  package.constant_alignment = alignment(
      arguments, target, "--executor-aot-constant-byte-alignment", "constants-byte-alignment");
  package.plan_workspace = options.plan_workspace;
  package.io_in_workspace = options.io_in_workspace;
  package.workspace_pools = pools_of(arguments, "workspace", target);
  package.constant_pools = pools_of(arguments, "constant", target);
  package.constants = arguments.text("--constants", "text") == "binary" ? ConstantsForm::binary
                                                                        : ConstantsForm::text;
  package.timestamp = timestamp_from_environment();
  return package;
}

/// Names of our own passes are spelled in small letters and hyphens, and must exist. TVM's
/// (FuseOps, tir.Simplify) have no counterpart: leaving them out is nothing to do.
void check_disabled(const std::string& name) {
  const Pass* pass = find_pass(name);
  if (pass != nullptr && pass->required) {
    fail("", "--disabled-pass: '", name, "' cannot be left out: later steps need what it does");
  }
  const std::vector<std::string> steps = pipeline_steps();
  const bool known = pass != nullptr || std::ranges::find(steps, name) != steps.end();
  const bool ours = name.find('-') != std::string::npos;
  if (known || !ours) return;
  const auto suggestion = nearest(name, steps);
  fail("", "--disabled-pass: no pass is called '", name, "'",
       suggestion ? "; did you mean '" + *suggestion + "'?" : "");
}

Options pass_options(const Arguments& arguments) {
  Options options;
  apply_pass_config(arguments.all("--pass-config"), options);
  options.requantize = arguments.text("--requantize", "real");
  const std::vector<std::string> layouts = arguments.all("--desired-layout");
  const std::vector<std::string> operators = arguments.all("--desired-layout-ops");
  constexpr size_t default_operators = 3;  // nn.conv2d, nn.conv2d_transpose, qnn.conv2d
  const size_t expected = operators.empty() ? default_operators : operators.size();
  if (!layouts.empty() && layouts.size() != 1 && layouts.size() != expected) {
    fail("", "Expected 1 or ", expected, " layouts but got ", layouts.size());
  }
  if (!layouts.empty()) {
    const std::string& wanted = layouts.front();
    options.desired_layout = wanted.substr(0, wanted.find(':'));  // the rest is the weights'
    if (options.desired_layout != "NCHW" && options.desired_layout != "NHWC") {
      fail("", "the layout '", wanted, "' is not supported; use NCHW or NHWC");
    }
  }
  for (const std::string& list : arguments.all("--disabled-pass")) {
    const std::vector<std::string> names = split_commas(list);
    std::ranges::for_each(names, check_disabled);
    options.disabled_passes.insert(options.disabled_passes.end(), names.begin(), names.end());
  }
  return options;
}

/// Passes that --after has put in so far are steps like any other.
void check_step(const std::string& option, const std::string& step,
                const PipelineOptions& pipeline) {
  std::vector<std::string> steps = pipeline_steps();
  for (const auto& [place, pass] : pipeline.insert_after) steps.push_back(pass);
  if (std::ranges::find(steps, step) != steps.end()) return;
  fail("", option, ": '", step, "' is no step of the pipeline; steps are ",
       fmt::format("{}", fmt::join(steps, ", ")));
}

void check_pass(const std::string& name) {
  if (find_pass(name) != nullptr) return;
  std::vector<std::string> names;
  for (const Pass* pass : passes()) names.push_back(pass->name);
  const auto suggestion = nearest(name, names);
  fail("", "--after: no pass is called '", name, "'",
       suggestion ? "; did you mean '" + *suggestion + "'?" : "");
}

PipelineOptions pipeline_options(const Arguments& arguments) {
  PipelineOptions pipeline;
  pipeline.stop_after = arguments.text("--stop-after");
  pipeline.verify_each = arguments.has("--verify-each-pass");
  pipeline.check_each = arguments.has("--check-each-pass");
  pipeline.print_changed = arguments.has("--print-changed");
  pipeline.time_passes = arguments.has("--time-passes") || arguments.has("--print-pass-times");
  for (const std::string& text : arguments.all("--after")) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw UsageError("--after is '" + text + "', but it must be of the form STEP=PASS");
    }
    const std::string step = text.substr(0, equals), pass = text.substr(equals + 1);
    check_step("--after", step, pipeline);
    check_pass(pass);
    pipeline.insert_after.emplace_back(step, pass);
  }
  if (!pipeline.stop_after.empty()) check_step("--stop-after", pipeline.stop_after, pipeline);
  return pipeline;
}

ImportOptions import_options(const Arguments& arguments) {
  ImportOptions import;
  import.input_shapes = parse_input_shapes(arguments.all("--input-shapes"));
  for (const std::string& text : arguments.all("--constant-input")) {
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos) {
      throw UsageError("--constant-input is '" + text + "', but it must be of the form NAME=FILE");
    }
    const TensorSet set = read_tensor_set(text.substr(equals + 1));
    if (set.tensors.size() != 1) fail(set.where, "holds several tensors; one is needed");
    import.constant_inputs[text.substr(0, equals)] = set.tensors.front().tensor;
  }
  return import;
}

void check_opt_level(const Arguments& arguments) {
  const int64_t level = arguments.integer("--opt-level", 3);
  if (level < 0 || level > 3) {
    throw UsageError(fmt::format("--opt-level is {}, but it must be 0, 1, 2 or 3", level));
  }
}

}  // namespace

Request parse_request(const Arguments& arguments) {
  const std::map<std::string, std::string> foreign = load_plugins(arguments.all("--plugin"));
  check_opt_level(arguments);
  refuse_unsupported(arguments);
  Request request;
  request.quiet = arguments.has("--quiet");
  request.verbose = arguments.has("--verbose");
  request.model_format = arguments.text("--model-format");
  request.tflite_rounding = arguments.text("--tflite-rounding", "twice-up");
  request.reset_states = arguments.text("--state", "explicit") == "reset";
  request.import = import_options(arguments);
  request.target = target_request(arguments);
  request.options = pass_options(arguments);
  request.pipeline = pipeline_options(arguments);
  request.pipeline.foreign_passes = foreign;
  request.package = package_options(arguments, request.target, request.options);
  request.chose_constants_form = arguments.has("--constants");
  for (const std::string& list : arguments.all("--dump-code")) {
    const std::vector<std::string> formats = split_commas(list);
    request.dump_formats.insert(request.dump_formats.end(), formats.begin(), formats.end());
  }
  return request;
}

}  // namespace mlfc
