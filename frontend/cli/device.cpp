// Puts pipeline, packager and runner together.
#include "frontend/cli/device.h"

#include <algorithm>
#include <sstream>

#include "frontend/cli/compilation.h"
#include "ir/error.h"
#include "ir/interpret.h"

namespace mlfc {
namespace {

/// Kernels state what operators mean; everything after changes only how it is done. Quantized
/// models mean sums of integers, however many operators they are spelled with.
const char* interpreted_step(const Graph& graph) {
  const bool has_narrow_integers =
      std::any_of(graph.values.begin(), graph.values.end(), [](const auto& value) {
        const DType dtype = value->type.dtype;
        return value->is_constant() && is_integer(dtype) && bytes_of(dtype) <= 2;
      });
  return has_narrow_integers ? "tabulate" : "lower-to-kernels";
}

RunnableModel prepare_interpreter(std::unique_ptr<Graph> graph, Request request) {
  if (request.pipeline.stop_after.empty()) {
    request.pipeline.stop_after = interpreted_step(*graph);
  }
  run_pipeline(*graph, request, machine_of(request));
  const std::shared_ptr<Graph> shared = std::move(graph);
  return [shared](const std::vector<Tensor>& inputs) { return interpret(*shared, inputs); };
}

/// A C compiler needs some 280 bytes of memory for every number of an initialiser, and a second for
/// a million; from here on constants go past it.
constexpr int64_t max_text_constants_bytes = 64 * 1024;

int64_t constant_bytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const auto& value : graph.values) {
    if (value->is_constant()) bytes += value->type.elements() * bytes_of(value->type.dtype);
  }
  return bytes;
}

Program compiled(std::unique_ptr<Graph> graph, const Request& request,
                 const DeviceRequest& device) {
  const Machine machine = machine_of(request);
  run_pipeline(*graph, request, machine);
  const TemporaryFolder folder;
  const std::string tar = (folder.path() / "model.tar").string();
  write_archive_to_run(*graph, request, machine, tar);
  return build_program(tar, device.build);
}

RunnableModel prepare_program(std::unique_ptr<Graph> graph, const Request& request,
                              const DeviceRequest& device) {
  const Program program = compiled(std::move(graph), request, device);
  const RunOptions options = device.run;
  return [program, options](const std::vector<Tensor>& inputs) {
    RunResult result = run_program(program, inputs, options);
    if (!result.damage.empty()) throw RunError(result.damage.front());
    return std::move(result.outputs);
  };
}

}  // namespace

OptionGroup device_options(const std::vector<std::string>& devices) {
  return {"device",
          {{.name = "--device",
            .value = "DEVICE",
            .help = "Where the model runs (default: cpu).",
            .choices = devices},
           {.name = "--cc",
            .value = "CC",
            .help = "C compiler (default: CC or cc; riscv64-unknown-elf-gcc for qemu-riscv32)."},
           {.name = "--cc-flags",
            .value = "FLAGS",
            .help = "More options for it (repeatable), after the usual ones so that they win: -O3 "
                    "(validate: -O1) with -march=native on the host, -march=rv32imafdc "
                    "-mabi=ilp32d for qemu-riscv32. Examples: -O0, -fsanitize=undefined, "
                    "\"-march=rv32imac -mabi=ilp32\".",
            .any_word = true},
           {.name = "--timeout",
            .value = "SECONDS",
            .help = "Longest time for one model (default: 600; validate: 120)."}}};
}

DeviceRequest parse_device(const Arguments& arguments) {
  DeviceRequest device;
  device.name = arguments.text("--device", "cpu");
  device.build.device = device.name == "qemu-riscv32" ? Device::qemu_riscv32 : Device::cpu;
  device.build.compiler = arguments.text("--cc");
  for (const std::string& text : arguments.all("--cc-flags")) {
    std::istringstream words(text);
    for (std::string word; words >> word;) device.build.flags.push_back(word);
  }
  device.run.timeout_seconds = arguments.real("--timeout", 600);
  device.build.timeout_seconds = device.run.timeout_seconds;
  return device;
}

void write_archive_to_run(const Graph& graph, const Request& request, const Machine& machine,
                          const std::string& tar) {
  PackageOptions package = request.package;
  const bool are_many = constant_bytes(graph) > max_text_constants_bytes;
  if (are_many && !request.chose_constants_form) package.constants = ConstantsForm::binary;
  write_tar(build_archive(graph, *request.target.target, machine, package), tar, package.timestamp);
}

RunnableModel prepare(std::unique_ptr<Graph> graph, const Request& request,
                      const DeviceRequest& device) {
  if (device.name == "interpreter") return prepare_interpreter(std::move(graph), request);
  return prepare_program(std::move(graph), request, device);
}

SampleRunner prepare_for_samples(std::unique_ptr<Graph> graph, const Request& request,
                                 const DeviceRequest& device) {
  const Program program = compiled(std::move(graph), request, device);
  const RunOptions options = device.run;
  return [program, options](const std::vector<std::vector<Tensor>>& samples) {
    return run_samples(program, samples, options);
  };
}

}  // namespace mlfc
