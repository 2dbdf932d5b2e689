// The instruction cache in time: a few private lines per hart with a prefetcher that follows
// backward branches and jumps, and one shared cache behind them. It holds no instructions, only who
// has which line; contents come from memory.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "counters.h"
#include "machine.h"
#include "memory.h"

namespace snitch {

// The shared level and the memory behind it.
class SharedCache {
 public:
  explicit SharedCache(const Machine& machine);
  // A line is asked for; the cycle in which it arrives at the private level.
  uint64_t request(uint32_t line, uint64_t now);
  void flush();

 private:
  struct Way {
    uint32_t line = ~0u;
    uint64_t ready = 0;
  };
  Machine machine_;
  uint32_t sets_;
  std::vector<Way> ways_;
  std::vector<uint8_t> victim_;
  uint64_t port_free_ = 0;
  uint64_t refill_free_ = 0;
};

// The private lines of a hart.
class PrivateCache {
 public:
  PrivateCache(const Machine& machine, Memory& memory, SharedCache& shared, Counters& counters);

  // Whether the instruction at pc can be fetched in this cycle; asks for the line if not.
  bool fetch(uint32_t pc, uint64_t now) {
    const uint32_t line = pc >> line_bits_;
    if (line == current_ && pc >= quiet_from_ && pc <= quiet_to_ && !pending_) return true;
    return look_up(pc, line, now);
  }
  void flush();
  void set_prefetch(bool on);

 private:
  struct Line {
    uint32_t line = ~0u;
    bool valid = false;
  };
  bool look_up(uint32_t pc, uint32_t line, uint64_t now);
  bool has(uint32_t line) const;
  void refill(uint32_t line, uint64_t now);
  void prefetch(uint32_t pc, uint32_t line, uint64_t now);

  Memory& memory_;
  SharedCache& shared_;
  Counters& counters_;
  int line_bits_;
  std::vector<Line> lines_;
  uint32_t victim_ = 0;
  uint32_t current_ = ~0u;   // line of the last fetch
  uint32_t quiet_from_ = 1;  // addresses of it that need no new prediction
  uint32_t quiet_to_ = 0;
  bool prefetching_ = true;
  bool pending_ = false;  // a refill is under way
  uint32_t pending_slot_ = 0;
  uint64_t pending_until_ = 0;
};

}  // namespace snitch
