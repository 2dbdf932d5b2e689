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

void write_tensor(const fs::path& path, const Tensor& tensor) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(tensor.bytes.data()),
             static_cast<std::streamsize>(tensor.bytes.size()));
  if (!file.flush()) fail(path.string(), "cannot be written");
}

Tensor read_tensor(const fs::path& path, const TensorType& type) {
  Tensor tensor(type);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(tensor.bytes.data()),
            static_cast<std::streamsize>(tensor.bytes.size()));
  const bool whole = file.gcount() == static_cast<std::streamsize>(tensor.bytes.size());
  if (!whole) throw RunError("the program did not write all of its outputs");
  return tensor;
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
void write_arguments(const fs::path& path, size_t inputs, size_t outputs,
                     const RunOptions& options) {
  std::ofstream file(path);
  for (size_t i = 0; i < inputs; ++i) file << "in" << i << ".bin\n";
  file << "--\n";
  for (size_t i = 0; i < outputs; ++i) file << "out" << i << ".bin\n";
  file << options.repeat << "\n" << options.number << "\n" << options.warmup << "\n";
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

}  // namespace

RunResult run_program(const Program& program, const std::vector<Tensor>& inputs,
                      const RunOptions& options) {
  check_inputs(program.interface, inputs);
  const TemporaryFolder folder;
  for (size_t i = 0; i < inputs.size(); ++i) {
    write_tensor(folder.path() / fmt::format("in{}.bin", i), inputs[i]);
  }
  const std::vector<ArchiveTensor>& outputs = program.interface.outputs;
  write_arguments(folder.path() / "arguments.txt", inputs.size(), outputs.size(), options);

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
  for (size_t i = 0; i < outputs.size(); ++i) {
    result.outputs.push_back(
        read_tensor(folder.path() / fmt::format("out{}.bin", i), outputs[i].type));
  }
  return result;
}

}  // namespace mlfc
