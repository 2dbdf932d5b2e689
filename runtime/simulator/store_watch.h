// Looks for reads that come too early: of words a write stream has yet to store. Nothing in the
// hardware orders loads, other harts or the DMA behind a stream, so such a read gets old data.
#pragma once

#include <cstdint>
#include <vector>

#include "memory.h"
#include "rules.h"
#include "streamer.h"

namespace snitch {

class StoreWatch {
 public:
  StoreWatch(const Memory& memory, Rules& rules) : memory_(memory), rules_(rules) {}

  // The streams of the next hart, which must outlive the watch.
  void add(const Streamer& streams) { harts_.push_back({&streams}); }

  // A hart switches its streams on; it has switched them off and they have nothing left to store.
  void begin_region(int hart);
  void end_region(int hart);
  // A job was launched.
  void refresh();

  // In a functional run streams store at once. There a word counts as stored too late until its
  // hart has waited for its FPU.
  void stored(int hart, uint32_t offset);
  void settle(int hart) { harts_[static_cast<size_t>(hart)].epoch++; }

  // Reports a read of these bytes if a hart other than `except` still has to store one of them.
  void check(uint32_t address, uint32_t bytes, const Place& reader, int except = nobody) const {
    if (open_ == 0 && log_.empty()) return;
    look(address, bytes, reader, except);
  }
  static constexpr int nobody = -1;

  void report(uint32_t address, int stream, int hart, const Place& reader) const;

 private:
  struct Hart {
    const Streamer* streams = nullptr;
    uint32_t epoch = 1;  // counts how often it waited for its FPU
  };
  struct Stored {
    uint32_t epoch = 0;
    int16_t hart = nobody;
  };
  void look(uint32_t address, uint32_t bytes, const Place& reader, int except) const;
  // The hart that owes a word and its stream, or nobody.
  int owner(uint32_t offset, int except, int& stream) const;

  const Memory& memory_;
  Rules& rules_;
  std::vector<Hart> harts_;
  uint32_t open_ = 0;  // a bit for every hart in a region
  uint32_t low_ = 0;   // the words owed lie in between
  uint32_t high_ = 0;
  std::vector<Stored> log_;  // by word; functional runs only
};

}  // namespace snitch
