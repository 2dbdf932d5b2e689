// The whole cluster: harts, memories, interconnect, DMA and devices, and the two ways of running a
// program on it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core.h"
#include "devices.h"
#include "dma.h"
#include "loader.h"
#include "muldiv.h"
#include "tcdm.h"
#include "trace.h"

namespace snitch {

class Profile;

struct Options {
  Strictness strictness;
  bool functional = false;            // no timing: instructions one after the other
  uint64_t cycle_limit = 1000000000;  // instructions in functional runs
  std::string trace_file;
  std::function<void(const std::string&)> print;  // what the program prints
};

struct Outcome {
  bool exited = false;
  uint32_t exit_code = 0;
  uint64_t cycles = 0;        // zero in functional runs
  uint64_t instructions = 0;  // core and FP instructions of all harts, repeats included
};

class Cluster {
 public:
  Cluster(const Machine& machine, Options options);
  ~Cluster();

  // Loads a program; throws std::runtime_error for a bad file.
  void load(const std::vector<uint8_t>& elf);
  // Runs until the program exits; throws Violation when a rule is broken.
  Outcome run();

  // Calls `profile` with every issued core instruction's address; to be set before run().
  void set_profile(Profile* profile) { profile_ = profile; }

  const Machine& machine() const { return machine_; }
  const Program& program() const { return program_; }
  Memory& memory() { return memory_; }
  const std::vector<Core>& cores() const { return cores_; }
  Core& core(int id) { return cores_[static_cast<size_t>(id)]; }
  const ClusterCounters& counters() const { return counters_; }
  const std::vector<std::string>& warnings() const { return rules_.warnings(); }
  uint64_t now() const { return now_; }

 private:
  friend class FunctionalRun;
  Wiring wiring();
  uint64_t metric(uint32_t number, uint32_t hart) const;
  void run_timed();
  void cycle();
  void serve_dma();
  void access_tcdm();
  void look_for_deadlock();
  void report_starved(const Core& core);
  [[noreturn]] void report_deadlock(const std::string& what);

  Machine machine_;
  Options options_;
  Rules rules_;
  std::unique_ptr<Trace> trace_;
  Memory memory_;
  Program program_;
  SharedCache shared_cache_;
  StoreWatch watch_;
  std::vector<Core> cores_;
  Tcdm tcdm_;
  MulDiv muldiv_;
  Dma dma_;
  struct DmaResult {
    bool valid = false;
    IntResult result;
  } dma_result_;
  ClusterCounters counters_;
  Peripherals peripherals_;
  Clint clint_;
  BenchConsole console_;
  std::unique_ptr<HostInterface> host_;
  Profile* profile_ = nullptr;

  uint64_t now_ = 0;
  Outcome outcome_;
  bool exiting_ = false;
  std::vector<PortRequests> ports_;
  std::vector<uint64_t> last_progress_;
  std::vector<uint64_t> progress_;
};

// Runs a loaded cluster instruction by instruction.
void run_functional(Cluster& cluster);

}  // namespace snitch
