// The FP sequencer: a ring buffer between the integer core and the FPU that can replay a stretch of
// instructions (FREP), nested and with register staggering, while the core runs ahead.
#pragma once

#include <array>
#include <cstdint>

#include "instruction.h"
#include "machine.h"
#include "rules.h"

namespace snitch {

// An instruction on its way from the integer core to the FP subsystem, its integer operands read.
struct Offload {
  const Instruction* instruction = nullptr;
  uint32_t pc = 0;
  uint32_t a = 0;        // value of rs1
  uint32_t b = 0;        // value of rs2
  uint32_t address = 0;  // of loads and stores
  uint64_t cycle = 0;    // when the core issued it
};

class Sequencer {
 public:
  Sequencer(const Machine& machine, int hart, Rules& rules);

  // Takes the snapshot that makes this cycle's pushes visible in the next one.
  void begin_cycle() { visible_ = written_; }
  bool can_push() const { return visible_ - base_ < depth_; }
  void push(const Offload& offload);
  // False if the loop cannot be taken yet.
  bool start_loop(const Offload& frep);

  bool readable() const { return next_ < visible_; }
  const Offload& front() const { return buffer_[next_ % capacity]; }
  // The instruction to issue, staggered registers replaced.
  const Instruction& instruction();
  // Whether this issue repeats one that has been seen before.
  bool repeated() const;
  void advance();

  bool idle() const { return next_ == written_ && loop_count_ == 0; }
  bool in_loop() const { return loop_count_ > 0; }
  bool empty() const { return next_ == written_; }
  // Whether a loop still waits for instructions of its body.
  bool body_incomplete() const;
  // Text for deadlock reports.
  std::string state() const;

 private:
  static constexpr uint64_t capacity = 64;
  struct Loop {
    uint64_t base = 0;
    uint32_t last = 0;        // body length - 1
    uint32_t iterations = 0;  // further iterations after the first
    uint32_t iteration = 0;
    uint32_t stagger_max = 0;
    uint32_t stagger_mask = 0;
    bool inner = false;  // frep.i: repeats every instruction by itself
  };

  void check(const Offload& frep, uint32_t length);
  void check_body(const Offload& offload);
  void enter_loops();
  uint32_t stagger() const;

  Machine machine_;
  int hart_;
  Rules& rules_;
  uint64_t depth_;
  std::array<Offload, capacity> buffer_{};
  std::array<Loop, 4> loops_{};
  int loop_count_ = 0;  // configured loops of the nest
  int active_ = 0;      // loops entered
  uint64_t base_ = 0;   // oldest entry that may still be needed
  uint64_t next_ = 0;   // entry to issue
  uint64_t written_ = 0;
  uint64_t visible_ = 0;
  Instruction staggered_;
};

}  // namespace snitch
