// The stream semantic registers: three data movers that walk affine or indirect address patterns in
// the TCDM and stand behind ft0, ft1 and ft2.
#pragma once

#include <array>
#include <cstdint>

#include "machine.h"
#include "memory.h"
#include "queues.h"
#include "rules.h"

namespace snitch {

// One data mover. In the timed simulation it asks for TCDM accesses and is told when they are
// granted; in the functional one it reads and writes memory whenever an instruction pops or pushes.
class Mover {
 public:
  Mover(const Machine& machine, int hart, int index, Rules& rules, Memory& memory);

  // --- Configuration. Writes must wait while a launched job is queued behind the running one.
  bool config_writable(uint64_t now) const { return !shadow_pending_ || now < shadow_since_; }
  void config_write(uint32_t word, uint32_t value, uint64_t now, const Place& place);
  uint32_t config_read(uint32_t word, uint64_t now) const;

  // --- What instructions see
  bool readable(uint64_t now) const { return !fifo_.empty() && fifo_.front().visible <= now; }
  uint64_t front() const { return fifo_.front().data; }
  void pop();
  bool can_push() const { return pushable_; }
  void push(uint64_t data, uint64_t now) {
    fifo_is_write_ = true;
    fifo_.push({data, now + 1});
  }
  bool is_write() const { return active_.write; }
  // Accesses programmed minus accesses made; what is left when a region ends is a mistake.
  int64_t budget() const { return budget_; }
  void spend() {
    budget_--;
    produced_++;
  }
  bool has_job() const { return !done_ || shadow_pending_; }

  // --- Memory side, timed
  void begin_cycle() { pushable_ = fifo_.size() < credits_; }
  bool wants_index(uint64_t now) const;
  bool wants_data(uint64_t now) const;
  uint32_t index_offset() const;
  uint32_t data_offset() const { return offset_; }
  void index_granted(uint64_t now);
  void data_granted(uint64_t now);
  bool drained(uint64_t now) const;  // nothing buffered or under way
  bool quiet() const { return done_ && !shadow_pending_ && fifo_.empty(); }

  // --- Memory side, functional; false if there is no job
  bool take(uint64_t& data);
  bool put(uint64_t data);

  // --- What is still to be stored. Offsets are those of words in the TCDM.
  // Whether the running or the queued write job has yet to store to this word.
  bool owes(uint32_t offset) const;
  // The same for the results among the first `produced` that instructions have produced.
  bool owes_result(uint32_t offset, uint64_t produced) const;
  uint64_t produced() const { return produced_; }
  // Widens the bounds by the words the running and the queued write job store to.
  void write_bounds(uint32_t& low, uint32_t& high) const;
  bool holds_results() const { return fifo_is_write_ && !fifo_.empty(); }
  const Place& place() const { return active_.place; }

  std::string state() const;

 private:
  static constexpr uint32_t pointer_mask = 0x1ffff;
  static constexpr uint32_t repeat_mask = 0xf;
  struct Job {
    std::array<uint32_t, 4> bound{};
    std::array<uint32_t, 4> stride{};
    uint32_t pointer = 0;
    uint32_t repeat = 0;
    int dims = 1;
    bool write = false;
    bool indirect = false;
    int index_size = 0;  // log2 of bytes
    int index_shift = 0;
    uint32_t index_base = 0;
    Place place;
  };
  // A search through the addresses of a job; `visits` bounds its cost.
  struct Search {
    const Job& job;
    std::array<int64_t, 4> stride{};  // between neighbours of a loop
    std::array<uint32_t, 4> from{};   // the position of the first element
    int visits = 4096;
    bool reaches(int loop, bool first, int64_t distance);
  };
  struct Element {
    uint64_t data = 0;
    uint64_t visible = 0;
  };

  void check_write(uint32_t word, uint32_t value, const Place& place);
  void launch(uint32_t word, uint32_t value, uint64_t now, const Place& place);
  void activate(uint64_t first_request);
  void set_repeat(uint32_t repeat, const Place& place);
  uint32_t element_address(const Job& job, uint64_t index) const;
  void locate();
  static std::array<int64_t, 4> true_strides(const Job& job);
  bool reaches(const Job& job, const std::array<uint32_t, 4>& from, uint64_t index,
               uint32_t offset) const;
  static void job_bounds(const Job& job, uint32_t& low, uint32_t& high);
  bool step();  // to the next address; false at the end of the job
  void finish(uint64_t now);
  uint64_t elements(const Job& job) const;
  uint64_t index_words_total() const;

  Machine machine_;
  int hart_;
  int index_;
  Rules& rules_;
  Memory& memory_;
  size_t credits_;

  Job shadow_;  // what the configuration registers hold
  Job active_;  // the running job
  std::array<uint32_t, 4> position_{};
  uint32_t offset_ = 0;  // of the next element in the TCDM
  bool done_ = true;
  uint64_t done_since_ = 0;
  bool shadow_pending_ = false;
  uint64_t shadow_since_ = 0;
  uint64_t first_request_ = 0;
  bool warned_range_ = false;
  uint32_t repeated_ = 0;
  int64_t budget_ = 0;
  uint64_t produced_ = 0;  // results of instructions
  uint64_t stored_ = 0;    // of those, the ones in memory

  Ring<Element, 16> fifo_;
  bool fifo_is_write_ = false;
  bool pushable_ = true;
  uint64_t last_write_ = 0;

  uint64_t index_words_ = 0;  // fetched
  std::array<uint64_t, 4> index_visible_{};
  uint64_t index_used_ = 0;  // elements addressed
};

// The three movers of a core.
class Streamer {
 public:
  Streamer(const Machine& machine, int hart, Rules& rules, Memory& memory);

  static constexpr int count = 3;
  Mover& operator[](int i) { return movers_[i]; }
  const Mover& operator[](int i) const { return movers_[i]; }

  // `target` is a mover number, or 31 for all of them.
  bool config_writable(uint32_t target, uint64_t now) const;
  void config_write(uint32_t target, uint32_t word, uint32_t value, uint64_t now,
                    const Place& place);
  uint32_t config_read(uint32_t target, uint32_t word, uint64_t now) const;
  bool quiet() const { return movers_[0].quiet() && movers_[1].quiet() && movers_[2].quiet(); }

  // Called when a region ends: every programmed access must have been made.
  void check_region_end(Rules& rules, const Place& place) const;

 private:
  std::array<Mover, count> movers_;
};

}  // namespace snitch
