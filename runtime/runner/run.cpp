// Runs a built program on given inputs and reads what the harness reports (harness.h has the
// grammar of its lines).
#include <fstream>
#include <sstream>

#include "ir/error.h"
#include "runtime/runner/process.h"
#include "runtime/runner/runner.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

using Samples = std::vector<std::vector<Tensor>>;

/// Tensor `place` of every sample, one behind the other.
void write_tensors(const fs::path& path, const Samples& samples, size_t place) {
  std::ofstream file(path, std::ios::binary);
  for (const std::vector<Tensor>& sample : samples) {
    const Tensor& tensor = sample[place];
    file.write(reinterpret_cast<const char*>(tensor.bytes.data()),
               static_cast<std::streamsize>(tensor.bytes.size()));
  }
  if (!file.flush()) fail(path.string(), "cannot be written");
}

void read_tensors(const fs::path& path, const TensorType& type, Samples& samples) {
  std::ifstream file(path, std::ios::binary);
  for (std::vector<Tensor>& sample : samples) {
    Tensor& tensor = sample.emplace_back(type);
    file.read(reinterpret_cast<char*>(tensor.bytes.data()),
              static_cast<std::streamsize>(tensor.bytes.size()));
    const bool whole = file.gcount() == static_cast<std::streamsize>(tensor.bytes.size());
    if (!whole) throw RunError("the program did not write all of its outputs");
  }
}

void check_inputs(const ArchiveInterface& interface, const std::vector<Tensor>& inputs) {
  check(inputs.size() == interface.inputs.size(), "the archive has ", interface.inputs.size(),
        " inputs, not ", inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ArchiveTensor& wanted = interface.inputs[i];
    if (inputs[i].type.plain() != wanted.type) {
      fail("input '" + wanted.name + "'", "the model wants ", wanted.type, ", not ",
           inputs[i].type);
    }
  }
}

/// The words of the harness's command line, in a file: the board's own is short.
void write_arguments(const fs::path& path, size_t inputs, size_t outputs, size_t samples,
                     const RunOptions& options) {
  std::ofstream file(path);
  for (size_t i = 0; i < inputs; ++i) file << "in" << i << ".bin\n";
  file << "--\n";
  for (size_t i = 0; i < outputs; ++i) file << "out" << i << ".bin\n";
  file << options.repeat << "\n"
       << options.number << "\n"
       << options.warmup << "\n"
       << samples << "\n";
}

void parse_line(const std::string& line, const Program& program, RunResult& result) {
  std::istringstream words(line);
  std::string head, kind, what;
  words >> head >> kind;
  if (head != "HARNESS") return;
  if (kind == "unit") words >> result.unit;
  if (kind == "run") {
    int64_t repetition = 0, ticks = 0;
    words >> repetition >> ticks;
    result.ticks.push_back(ticks);
  }
  if (kind == "kernel") {
    size_t id = 0;
    KernelTime time;
    words >> id >> time.calls >> time.ticks;
    time.name = id < program.kernels.size() ? program.kernels[id] : std::to_string(id);
    result.kernels.push_back(time);
  }
  if (kind == "input" || kind == "guard") {
    std::string name;
    words >> what;
    std::getline(words >> std::ws, name);
    if (what == "changed") result.damage.push_back("the model wrote to its input '" + name + "'");
    if (what == "broken") {
      result.damage.push_back("the model wrote outside the buffer of '" + name + "'");
    }
  }
}

[[noreturn]] void fail_on_status(const ProcessResult& process) {
  const std::string head = "HARNESS error ";
  const size_t at = process.out.find(head);
  if (at != std::string::npos) {
    const size_t begin = at + head.size();
    throw RunError("running the model: " +
                   process.out.substr(begin, process.out.find('\n', begin) - begin));
  }
  const std::string details = (process.err + process.out).substr(0, 400);
  const bool killed = process.status > 128;
  throw RunError(concat_text(
      "running the model: ", killed ? "it crashed with signal " : "it ended with status ",
      killed ? process.status - 128 : process.status, details.empty() ? "" : ": " + details));
}

/// What the program reports of all samples; outputs are appended to `outputs`, one entry each.
RunResult run_all(const Program& program, const Samples& samples, const RunOptions& options,
                  Samples& outputs) {
  for (const std::vector<Tensor>& inputs : samples) check_inputs(program.interface, inputs);
  const TemporaryFolder folder;
  const size_t inputs = program.interface.inputs.size();
  for (size_t i = 0; i < inputs; ++i) {
    write_tensors(folder.path() / fmt::format("in{}.bin", i), samples, i);
  }
  const std::vector<ArchiveTensor>& results = program.interface.outputs;
  write_arguments(folder.path() / "arguments.txt", inputs, results.size(), samples.size(), options);

  std::vector<std::string> words;
  if (!program.emulator_script.empty()) words = {"sh", program.emulator_script.string()};
  words.push_back(program.executable.string());
  words.emplace_back("@arguments.txt");
  const ProcessResult process = run_process(words, folder.path(), options.timeout_seconds);
  if (process.timed_out) {
    throw RunError(
        concat_text("running the model took longer than ", options.timeout_seconds, " s"));
  }
  constexpr int damaged = 4;  // the outputs are written all the same
  if (process.status != 0 && process.status != damaged) fail_on_status(process);

  RunResult result;
  std::istringstream lines(process.out);
  for (std::string line; std::getline(lines, line);) parse_line(line, program, result);
  const bool ends_early = samples.size() > 1 && !result.damage.empty();
  if (ends_early) return result;
  outputs.resize(samples.size());
  for (size_t i = 0; i < results.size(); ++i) {
    read_tensors(folder.path() / fmt::format("out{}.bin", i), results[i].type, outputs);
  }
  return result;
}

}  // namespace

RunResult run_program(const Program& program, const std::vector<Tensor>& inputs,
                      const RunOptions& options) {
  Samples outputs;
  RunResult result = run_all(program, {inputs}, options, outputs);
  result.outputs = std::move(outputs[0]);
  return result;
}

std::vector<std::vector<Tensor>> run_samples(const Program& program,
                                             const std::vector<std::vector<Tensor>>& samples,
                                             const RunOptions& options) {
  Samples outputs;
  if (samples.empty()) return outputs;
  const RunResult result = run_all(program, samples, options, outputs);
  if (!result.damage.empty()) throw RunError(result.damage.front());
  return outputs;
}

}  // namespace mlfc
