// `mlfc run`: builds a model or an archive for this machine (or the emulated board), runs it in a
// process of its own and shows what came out.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <random>

#include "frontend/cli/compilation.h"
#include "frontend/cli/device.h"
#include "frontend/cli/subcommand.h"
#include "frontend/data/tensor_set.h"
#include "ir/error.h"

namespace mlfc {
namespace {

Syntax syntax() {
  Syntax syntax{
      .command = "mlfc run",
      .summary = "Runs a model (.onnx, .tflite) or a Model Library Format archive (.tar).",
      .positional = "FILE"};
  syntax.groups.push_back(
      {"data",
       {{.name = "--inputs",
         .short_name = "-i",
         .value = "FILE",
         .help = "Inputs: a .npz, or a folder of .npy or .pb files."},
        {.name = "--outputs",
         .short_name = "-o",
         .value = "FILE",
         .help = "Where to write the outputs: a .npz, a .npy or .pb if there is one output, or a "
                 "folder, "
                 "as .npy files or, where it holds .pb files already, as such."},
        {.name = "--fill-mode",
         .value = "MODE",
         .help = "What inputs without data hold (default: random).",
         .choices = {"zeros", "ones", "random"}},
        {.name = "--seed", .value = "N", .help = "Seed of random inputs (default: 0)."},
        {.name = "--print-top",
         .value = "N",
         .help = "Print the N largest values of each output with their indices."}}});
  syntax.groups.push_back(
      {"measuring",
       {{.name = "--print-time", .help = "Print a table of the times."},
        {.name = "--profile", .help = "Print the time of every kernel."},
        {.name = "--repeat", .value = "N", .help = "Measurements (default: 1)."},
        {.name = "--number", .value = "N", .help = "Calls in each measurement (default: 1)."},
        {.name = "--end-to-end", .help = "Accepted; inputs are in place when the clock starts."}}});
  syntax.groups.push_back(device_options({"cpu", "qemu-riscv32"}));
  for (OptionGroup& group : compile_options()) syntax.groups.push_back(std::move(group));
  syntax.groups.push_back(common_options());
  return syntax;
}

/// Small integers and reals in [-1, 1], as tvmc fills inputs; the same ones every time.
Tensor filled(const TensorType& type, const std::string& mode, std::mt19937_64& random) {
  if (mode == "zeros") return Tensor(type);
  if (mode == "ones") return splat(type, 1);
  Tensor tensor(type);
  const bool real = is_float(type.dtype);
  const uint64_t bound = type.dtype == DType::boolean ? 2 : 128;
  for (int64_t i = 0; i < type.elements(); ++i) {
    const uint64_t bits = random();
    // The upper 53 bits, so that the sequence is the same on every machine.
    if (real) tensor.set_real(i, static_cast<double>(bits >> 11) * 0x1p-52 - 1);
    if (!real) tensor.set_integer(i, static_cast<int64_t>(bits % bound));
  }
  return tensor;
}

/// A folder of a recorded run holds its outputs, too: then only what is called input_... counts.
/// Other folders may hold inputs of any name, `input_1` among them.
TensorSet read_inputs(const std::string& path) {
  TensorSet all = read_tensor_set(path);
  const auto is_output = [](const NamedTensor& tensor) {
    return tensor.name.starts_with("output_");
  };
  const bool is_recorded = std::ranges::any_of(all.tensors, is_output);
  if (!is_recorded || !std::filesystem::is_directory(path)) return all;
  TensorSet inputs = read_tensor_set(path, "input_");
  return inputs.tensors.empty() ? all : inputs;
}

/// What an input without data holds; what a model keeps between runs begins as the model says.
Tensor filler(const ArchiveTensor& input, const std::vector<TfliteState>& states,
              const Arguments& arguments, std::mt19937_64& random) {
  for (const TfliteState& state : states) {
    if (state.input == input.name) return state.initial;
  }
  return filled(input.type, arguments.text("--fill-mode", "random"), random);
}

std::vector<Tensor> inputs_for(const ArchiveInterface& interface,
                               const std::vector<TfliteState>& states, const Arguments& arguments) {
  TensorSet set;
  if (arguments.has("--inputs")) set = read_inputs(arguments.text("--inputs"));
  std::vector<std::string> names;
  for (const ArchiveTensor& input : interface.inputs) names.push_back(input.name);
  const std::vector<const Tensor*> given = match(set, names);
  std::mt19937_64 random(static_cast<uint64_t>(arguments.integer("--seed", 0)));
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < names.size(); ++i) {
    const TensorType& type = interface.inputs[i].type;
    if (given[i] != nullptr && given[i]->type != type) {
      fail("input '" + names[i] + "'", "the model wants ", type, " but the data is ",
           given[i]->type);
    }
    inputs.push_back(given[i] != nullptr ? *given[i]
                                         : filler(interface.inputs[i], states, arguments, random));
  }
  return inputs;
}

/// As NumPy would print a 2xN array: indices, then values.
void print_top(const ArchiveTensor& output, const Tensor& tensor, int64_t count) {
  std::vector<int64_t> order(static_cast<size_t>(tensor.type.elements()));
  std::iota(order.begin(), order.end(), 0);
  const auto is_number = [&](int64_t i) { return !std::isnan(tensor.real(i)); };
  // What is not a number is not comparable either: it comes last.
  const auto numbers = std::ranges::stable_partition(order, is_number);
  std::stable_sort(order.begin(), numbers.begin(),
                   [&](int64_t a, int64_t b) { return tensor.real(a) > tensor.real(b); });
  order.resize(std::min(order.size(), static_cast<size_t>(count)));
  std::string indices, values;
  for (const int64_t place : order) {
    const std::string value = fmt::format("{:.7g}", tensor.real(place));
    const size_t width = std::max(value.size(), std::to_string(place).size());
    indices += fmt::format(" {:>{}}", place, width);
    values += fmt::format(" {:>{}}", value, width);
  }
  fmt::print("{}:\n[[{} ]\n [{} ]]\n", output.name, indices, values);
}

double unit_scale(const std::string& unit) {
  return unit == "ns" ? 1e-6 : 1.0;
}

void print_times(const RunResult& result, int64_t number) {
  std::vector<double> times;
  for (const int64_t ticks : result.ticks) {
    times.push_back(static_cast<double>(ticks) / static_cast<double>(number) *
                    unit_scale(result.unit));
  }
  if (times.empty()) return;
  std::ranges::sort(times);
  const auto count = static_cast<double>(times.size());
  const double mean = std::accumulate(times.begin(), times.end(), 0.0) / count;
  double variance = 0;
  for (const double time : times) variance += (time - mean) * (time - mean) / count;
  const size_t half = times.size() / 2;
  const double median = times.size() % 2 == 1 ? times[half] : (times[half - 1] + times[half]) / 2;
  const std::string unit = result.unit == "ns" ? "ms" : result.unit;
  fmt::print("Execution time summary:\n");
  std::string head, line;
  for (const auto& [name, value] : {std::pair{"mean", mean},
                                    {"median", median},
                                    {"max", times.back()},
                                    {"min", times.front()},
                                    {"std", std::sqrt(variance)}}) {
    const std::string title = fmt::format("{} ({})", name, unit);
    const std::string text =
        result.unit == "ns" ? fmt::format("{:.4f}", value) : fmt::format("{:.0f}", value);
    const size_t width = std::max<size_t>(14, title.size() + 1);
    head += fmt::format("{:>{}}", title, width);
    line += fmt::format("{:>{}}", text, width);
  }
  fmt::print("{}\n{}\n", head, line);
}

void print_profile(const RunResult& result) {
  int64_t total = 0;
  for (const KernelTime& kernel : result.kernels) total += kernel.ticks;
  const std::string unit = result.unit == "ns" ? "us" : result.unit;
  fmt::print("{:>14} {:>7} {:>9}  {}\n", unit, "share", "calls", "kernel");
  std::vector<KernelTime> kernels = result.kernels;
  std::ranges::stable_sort(kernels, std::greater{}, &KernelTime::ticks);
  for (const KernelTime& kernel : kernels) {
    const double per_call =
        static_cast<double>(kernel.ticks) / static_cast<double>(std::max<int64_t>(kernel.calls, 1));
    const std::string time = result.unit == "ns" ? fmt::format("{:.3f}", per_call / 1000)
                                                 : fmt::format("{:.0f}", per_call);
    fmt::print("{:>14} {:>6.1f}% {:>9}  {}\n", time,
               100.0 * static_cast<double>(kernel.ticks) /
                   static_cast<double>(std::max<int64_t>(total, 1)),
               kernel.calls, kernel.name);
  }
}

/// An archive as it is; a model compiled into one first.
std::string archive_of(const Request& request, const Arguments& arguments,
                       const TemporaryFolder& folder, std::vector<TfliteState>& states) {
  std::error_code error;
  const std::filesystem::path file(request.file);
  if (std::filesystem::is_directory(file, error)) {
    fail("", "File ", request.file, " must be an archive or a model, not a directory.");
  }
  if (!std::filesystem::exists(file, error)) fail("", "File ", request.file, " does not exist.");
  const bool is_model = is_model_name(request.file) || !request.model_format.empty();
  if (!is_model) return std::filesystem::absolute(file).string();
  Request adjusted = request;
  const bool wishes =
      arguments.has("--executor-aot-interface-api") || arguments.has("--executor-aot-unpacked-api");
  if (!wishes) {
    adjusted.package.interface_api = "c";
    adjusted.package.unpacked_api = true;
  }
  const std::string tar = (folder.path() / "model.tar").string();
  verify_options(adjusted.package);
  const Machine machine = machine_of(adjusted);
  const LoadedModel model = import_model(adjusted);
  states = model.states;
  adjusted.package.output_names = model.output_names;
  run_pipeline(*model.graph, adjusted, machine);
  write_archive_to_run(*model.graph, adjusted, machine, tar);
  return tar;
}

void write_outputs(const std::string& path, const RunResult& result) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < result.outputs.size(); ++i) {
    tensors.push_back({"output_" + std::to_string(i), result.outputs[i]});
  }
  write_tensor_set(path, tensors);
}

int64_t at_least(int64_t least, const Arguments& arguments, const std::string& option) {
  const int64_t value = arguments.integer(option, least);
  if (value < least) throw UsageError(fmt::format("{} must be at least {}", option, least));
  return value;
}

/// Integers for a host's vectors take several times as long on a board without.
void mention_other_machine(const Program& program, const DeviceRequest& device) {
  const std::string& target = program.interface.target;
  const bool names_machine = target.find("-m") != std::string::npos;  // -march, -mcpu
  if (device.build.device == Device::cpu || names_machine) return;
  fmt::print(stderr,
             "note: the archive was not compiled for this board (its target: {}); mlfc compile "
             "--target \"c -march=rv32imafdc\" is\n",
             target.empty() ? "not said" : target);
}

int run(const Arguments& arguments) {
  Request request = parse_request(arguments);
  request.file = arguments.file();
  DeviceRequest device = parse_device(arguments);
  device.build.profile = arguments.has("--profile");
  device.run.repeat = at_least(1, arguments, "--repeat");
  device.run.number = at_least(1, arguments, "--number");
  // One call outside the measurement fills the caches, as the ones after it find them.
  const int64_t top = at_least(0, arguments, "--print-top");
  const bool measures = arguments.has("--print-time") || device.build.profile;
  device.run.warmup = measures && device.build.device == Device::cpu ? 1 : 0;

  const TemporaryFolder folder;
  std::vector<TfliteState> states;
  const Program program =
      build_program(archive_of(request, arguments, folder, states), device.build);
  if (!request.quiet) mention_other_machine(program, device);
  const std::vector<Tensor> inputs = inputs_for(program.interface, states, arguments);
  const RunResult result = run_program(program, inputs, device.run);
  for (const std::string& damage : result.damage) fmt::print(stderr, "warning: {}\n", damage);
  if (arguments.has("--outputs")) write_outputs(arguments.text("--outputs"), result);
  for (size_t i = 0; top > 0 && i < result.outputs.size(); ++i) {
    print_top(program.interface.outputs[i], result.outputs[i], top);
  }
  if (arguments.has("--print-time")) print_times(result, device.run.number);
  if (device.build.profile) print_profile(result);
  return 0;
}

const Subcommand subcommand{.name = "run",
                            .summary = "Run a model or an archive on this machine.",
                            .syntax = syntax,
                            .run = run};
const RegisteredSubcommand registered{subcommand};

}  // namespace
}  // namespace mlfc
