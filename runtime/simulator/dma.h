// The DMA engine of the DM core: a queue of one- and two-dimensional copies, moved 64 bytes at a
// time.
#pragma once

#include <cstdint>
#include <deque>

#include "counters.h"
#include "machine.h"
#include "memory.h"
#include "rules.h"
#include "sequencer.h"
#include "store_watch.h"
#include "tcdm.h"

namespace snitch {

class Dma {
 public:
  Dma(const Machine& machine, int hart, Memory& memory, Rules& rules, const StoreWatch& watch);

  // Executes one DMA instruction. False if it has to wait because the queue is full. If the
  // instruction has a result, it is in `result`.
  bool execute(const Offload& offload, uint64_t now, uint32_t& result);

  // Timed: one cycle of transfer. Takes the TCDM's superbanks it needs.
  void step(uint64_t now, Tcdm& tcdm, ClusterCounters& counters);
  // Functional: everything that is queued, at once.
  void run_all(ClusterCounters& counters);

  bool busy(uint64_t now) const { return !jobs_.empty() || now < busy_until_; }

 private:
  // Bytes of the row that one address on the interconnect stands for.
  struct Burst {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  struct Job {
    uint64_t source = 0;
    uint64_t target = 0;
    uint32_t row = 0;  // bytes
    uint32_t rows = 0;
    uint32_t source_stride = 0;
    uint32_t target_stride = 0;
    uint64_t accepted = 0;
    int latency = 0;
    bool outward = false;
    uint32_t rows_done = 0;
    uint32_t row_done = 0;  // bytes of the row
    bool decoupled = false;
    Burst read;       // the burst the reading side is in
    Burst write;      // and the writing side
    uint32_t pc = 0;  // of the instruction that started it
    const Instruction* instruction = nullptr;
  };

  uint32_t start(const Offload& offload, uint32_t size, uint32_t config, uint64_t now);
  uint32_t status(uint32_t selector, uint64_t now) const;
  void check(const Job& job, const Offload& offload);
  void begin(Job& job, uint64_t now);
  uint32_t next_beat(const Job& job) const;
  void count_beat(Job& job, uint32_t count, ClusterCounters& counters) const;
  void count_wait(ClusterCounters& counters) const;
  int row_cost(const Job& job) const;
  void copy(const Job& job, uint32_t source, uint32_t target, uint32_t count);

  Machine machine_;
  int hart_;
  Memory& memory_;
  Rules& rules_;
  const StoreWatch& watch_;
  uint64_t source_ = 0;
  uint64_t target_ = 0;
  uint32_t source_stride_ = 0;
  uint32_t target_stride_ = 0;
  uint32_t repetitions_ = 1;
  std::deque<Job> jobs_;
  uint32_t next_id_ = 2;
  uint32_t completed_id_ = 1;
  uint64_t free_at_ = 0;  // half cycles: when the data path can take the next beat
  uint64_t row_end_ = 0;  // half cycles: when the present row may end at the earliest
  uint64_t busy_until_ = 0;
};

}  // namespace snitch
