// A core of the cluster in time: the single-stage integer core with its scoreboard, the queue of
// offloaded instructions, the memory port it shares with the FP subsystem, and the units behind it.
#pragma once

#include <array>
#include <cstdint>

#include "counters.h"
#include "fp_subsystem.h"
#include "hart.h"
#include "icache.h"
#include "queues.h"
#include "store_watch.h"
#include "streamer.h"

namespace snitch {

// Requests of a core to the TCDM in one cycle: port 0 is shared by core, FP loads and mover 0.
struct PortRequests {
  std::array<bool, 3> valid{};
  std::array<uint32_t, 3> offset{};
};

class Core {
 public:
  Core(const Machine& machine, int id, Memory& memory, SharedCache& shared, Rules& rules,
       StoreWatch& watch, Trace* trace);

  // --- The phases of a cycle, in this order
  void begin_cycle();
  PortRequests request(uint64_t now);
  void granted(int port, bool yes, uint64_t now);
  void step(uint64_t now);

  // The first offloaded instruction, if it is for the multiplier or the DMA.
  const Offload* offloaded(Unit unit) const;
  void take_offloaded() { offload_.pop(); }
  bool can_deliver() const { return results_.can_push(); }
  void deliver(uint8_t rd, uint32_t value) { results_.push({rd, value}); }

  // Called when the whole cluster has arrived at the barrier.
  void release_barrier() { at_barrier_ = false; }
  bool at_barrier() const { return at_barrier_; }
  bool sleeping() const { return asleep_ && !hart_.pending(); }

  // Nothing can happen in this core until somebody else acts.
  bool inactive() const { return (at_barrier_ || sleeping()) && settled_; }
  void count_idle_cycle();
  // Whether it did anything in the last cycle that counts as progress.
  uint64_t progress() const { return counters_.retired + counters_.fp_issued; }

  Hart& hart() { return hart_; }
  const Hart& hart() const { return hart_; }
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }
  const FpSubsystem& fp() const { return fp_; }
  const Streamer& streams() const { return streams_; }
  bool has_bank_hold(uint32_t& offset);
  void set_prefetch(bool on) { icache_.set_prefetch(on); }
  std::string state(uint64_t now) const;

 private:
  enum class Source : uint8_t { none, core_tcdm, core_soc };
  struct Response {
    const Instruction* instruction = nullptr;
    uint64_t data = 0;
    uint64_t ready = 0;
    uint8_t rd = 0;
    bool write = false;
    bool fp = false;
    bool repeated = false;
  };
  struct Pending {  // an offloaded FP access integer accesses must not overtake
    uint16_t tag = 0;
    bool write = false;
  };

  // Memory port
  bool pick_core_request(uint64_t now);
  MemoryRequest& picked() { return picked_fp_ ? fp_.requests().front() : memory_.front(); }
  void perform(const MemoryRequest& request, uint64_t ready);
  void take_responses(uint64_t now);
  void check_undrained(const MemoryRequest& request) const;
  void end_region();

  // Integer core
  bool issue(uint64_t now);
  bool execute(const Instruction& i, uint64_t now);
  bool issue_memory(const Instruction& i);
  bool issue_offload(const Instruction& i, uint64_t now);
  bool issue_csr(const Instruction& i, uint64_t now);
  bool issue_system(const Instruction& i);
  bool issue_fence(const Instruction& i);
  void finish(const Instruction& i, uint32_t next_pc, uint64_t now);
  void write_back(bool port_taken);
  void serve_stream_config(uint64_t now);
  bool trapped(const Instruction& i);
  bool misaligned(const Instruction& i, uint32_t address);

  Machine machine_;
  Memory& memory_map_;
  Rules& rules_;
  StoreWatch& watch_;
  Trace* trace_;
  Hart hart_;
  Counters counters_;
  Streamer streams_;
  FpSubsystem fp_;
  SharedCache& shared_;
  PrivateCache icache_;

  Cut<Offload> offload_;
  Cut<IntResult> results_;
  Cut<MemoryRequest> memory_;
  Cut<Response> loads_;
  Ring<Response, 8> responses_;
  Ring<Pending, 8> consistency_;

  uint32_t scoreboard_ = 0;
  uint32_t seen_ = 0;
  int outstanding_ = 0;
  int outstanding_loads_ = 0;
  const Instruction* fetched_ = nullptr;
  uint32_t fetched_pc_ = 1;
  uint32_t regions_ = 0;  // how often the core has switched streams on
  bool in_region_ = false;
  bool at_barrier_ = false;
  bool asleep_ = false;
  bool settled_ = false;
  bool config_read_pending_ = false;
  IntResult config_result_;

  Arbiter2 core_or_fp_;
  Arbiter2 mover_or_core_;
  std::array<Arbiter2, 2> data_or_index_;
  std::array<bool, 2> index_chosen_{};
  bool picked_fp_ = false;
  Source source_ = Source::none;
  bool core_has_port_ = false;
  bool hold_bank_ = false;
  uint32_t hold_offset_ = 0;
};

}  // namespace snitch
