// The integer multiply-divide unit that all cores of the cluster share: one request a cycle, a
// pipelined multiplier, a serial divider whose time depends on its operands.
#pragma once

#include <cstdint>
#include <vector>

#include "core.h"

namespace snitch {

class MulDiv {
 public:
  void step(std::vector<Core>& cores, uint64_t now);

 private:
  struct Result {
    bool valid = false;
    int core = 0;
    uint8_t rd = 0;
    uint32_t value = 0;
    uint64_t ready = 0;
  };
  void deliver(Result& result, std::vector<Core>& cores, uint64_t now);

  Result multiply_;
  Result divide_;
  uint32_t priority_ = 0;
  uint32_t locked_ = 0;
  bool divide_next_ = false;
  bool delivered_ = false;
};

// Cycles the divider is busy before its result is ready.
uint64_t divide_cycles(Op op, uint32_t a, uint32_t b);

}  // namespace snitch
