// Builds an archive into a program and runs it: on this machine, or on QEMU's bare-metal riscv32.
// Programs are kept in a cache, found by everything that went into them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/tensor.h"
#include "runtime/runner/archive_interface.h"

namespace mlfc {

/// An archive whose C does not compile, or whose program crashes, hangs or reports an error:
/// whoever compiled the archive is to blame, not the request.
class RunError : public UserError {
 public:
  using UserError::UserError;
};

enum class Device : uint8_t { cpu, qemu_riscv32 };

/// A folder that exists as long as this does.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_ = {};
};

struct BuildOptions {
  Device device = Device::cpu;
  std::string compiler = {};            ///< empty: CC or cc; the riscv32 gcc for the board
  std::vector<std::string> flags = {};  ///< after ours, so that they win
  std::string optimisation = "-O3";
  bool profile = false;  ///< count the time of every kernel
  bool cached = true;
  double timeout_seconds = 600;
};

struct Program {
  ArchiveInterface interface = {};
  std::filesystem::path executable = {};
  std::filesystem::path emulator_script = {};    ///< of the board; empty on the host
  std::vector<std::string> kernels = {};         ///< names by number, with BuildOptions::profile
  std::shared_ptr<TemporaryFolder> folder = {};  ///< where it lies when it is not cached
};

/// A RunError with the compiler's messages when the archive does not compile.
Program build_program(const std::string& tar, const BuildOptions& options);

struct RunOptions {
  int64_t repeat = 1;
  int64_t number = 1;
  int64_t warmup = 0;
  double timeout_seconds = 600;
};

struct KernelTime {
  std::string name = {};
  int64_t calls = 0;
  int64_t ticks = 0;
};

struct RunResult {
  std::vector<Tensor> outputs = {};
  std::string unit = {};            ///< "ns" or "instructions"
  std::vector<int64_t> ticks = {};  ///< of each repetition, for `number` calls
  std::vector<KernelTime> kernels = {};
  std::vector<std::string> damage = {};  ///< inputs that changed, guards that broke
};

/// Inputs in model order. A RunError when the program crashes, hangs or reports an error.
RunResult run_program(const Program& program, const std::vector<Tensor>& inputs,
                      const RunOptions& options);

/// The outputs for each of many inputs, from one run of the program: starting it and reading its
/// constants takes longer than a small model. A RunError also when it damages a buffer.
std::vector<std::vector<Tensor>> run_samples(const Program& program,
                                             const std::vector<std::vector<Tensor>>& samples,
                                             const RunOptions& options);

}  // namespace mlfc
