// The floating-point subsystem of a core in time: the sequencer's output meets scoreboard, streams,
// FPU pipelines and the load-store unit, one instruction a cycle and in order.
#pragma once

#include <array>
#include <cstdint>

#include "counters.h"
#include "hart.h"
#include "queues.h"
#include "sequencer.h"
#include "streamer.h"

namespace snitch {

class Trace;

// A result on its way to an integer register.
struct IntResult {
  uint8_t rd = 0;
  uint32_t value = 0;
};

// An access of the integer or the FP load-store unit.
struct MemoryRequest {
  const Instruction* instruction = nullptr;
  uint32_t pc = 0;
  uint32_t address = 0;
  uint64_t data = 0;
  uint8_t rd = 0;
  bool write = false;
  bool fp = false;
  bool repeated = false;               // by FREP: not tracked by the core's consistency queue
  std::array<uint64_t, 3> produced{};  // FP loads: results for the streams before this instruction
};

class FpSubsystem {
 public:
  FpSubsystem(const Machine& machine, Hart& hart, Streamer& streams, Rules& rules,
              Counters& counters, Trace* trace);

  void begin_cycle();
  // One cycle: results leave the pipelines, an instruction issues, one is taken from the core.
  void step(uint64_t now, Cut<Offload>& input, Cut<IntResult>& to_core);
  // Whether the register file's write port is free for a load in this cycle.
  bool write_port_free() const { return !wrote_; }
  void finish_load(uint8_t rd, uint64_t value);
  void finish_access() { outstanding_--; }

  Cut<MemoryRequest>& requests() { return requests_; }
  bool idle() const;
  const Sequencer& sequencer() const { return sequencer_; }
  // Whether the oldest instruction waits for a stream that has no job.
  bool starved(int& stream) const;
  std::string state() const;
  // How often streams were switched on, and whether results are still in the pipelines.
  uint32_t regions() const { return regions_; }
  bool computing() const { return in_flight_ > 0; }

 private:
  struct Slot {
    bool valid = false;
    bool to_core = false;
    int8_t stream = -1;
    uint8_t rd = 0;
    uint64_t value = 0;
    uint64_t done = 0;  // divsqrt only
  };
  struct Pipeline {
    std::array<Slot, 4> slots{};
    int depth = 1;
    int used = 0;
  };
  static constexpr int groups = 5;
  static constexpr int divider = static_cast<int>(Group::divsqrt);

  void drain(uint64_t now, Cut<IntResult>& to_core);
  bool retire(const Slot& slot, uint64_t now, Cut<IntResult>& to_core);
  bool try_issue(const Offload& offload, const Instruction& i, bool repeated, uint64_t now);
  bool operands_ready(const Offload& offload, const Instruction& i, uint64_t now);
  bool accepts(const Instruction& i, uint64_t now);
  uint64_t read(uint8_t reg, uint32_t& popped) const;
  void check_result_stream(const Instruction& i, const Offload& offload);
  void issue_arithmetic(const Offload& offload, const Instruction& i, uint64_t now);
  void issue_memory(const Offload& offload, const Instruction& i, bool repeated, uint64_t now);
  void switch_streams(const Offload& offload, const Instruction& i);
  uint64_t divide_latency(Format format) const;

  Machine machine_;
  Hart& hart_;
  Streamer& streams_;
  Rules& rules_;
  Counters& counters_;
  Trace* trace_;
  Sequencer sequencer_;
  Cut<MemoryRequest> requests_;
  std::array<Pipeline, groups> pipelines_;
  uint32_t in_flight_ = 0;  // valid slots in all pipelines
  uint32_t scoreboard_ = 0;
  uint32_t seen_ = 0;  // the scoreboard at the start of the cycle
  uint32_t priority_ = 0;
  int outstanding_ = 0;
  bool wrote_ = false;
  uint32_t regions_ = 0;
  FpOperands traced_;  // of the last instruction, for the trace
  uint64_t traced_result_ = 0;
};

// Floating-point operations an instruction does, for FLOP/cycle.
int flops_of(const Instruction& instruction);

}  // namespace snitch
