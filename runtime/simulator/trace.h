// The instruction trace: a line for every issued instruction with cycle, hart, address, text and
// the values it works on. Floating-point instructions are written when the FP subsystem issues
// them, with the cycle in which the core handed them over.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "hart.h"
#include "sequencer.h"

namespace snitch {

class Trace {
 public:
  // Throws std::runtime_error if the file cannot be written.
  explicit Trace(const std::string& path);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  void core_issue(uint64_t cycle, const Hart& hart, uint32_t pc, const Instruction& instruction,
                  uint32_t a, uint32_t b);
  // `values` and `result` are what the instruction works on and what an arithmetic one makes of it.
  void fp_issue(uint64_t cycle, const Hart& hart, const Offload& offload,
                const Instruction& instruction, bool repeated, const FpOperands& values,
                uint64_t result);

 private:
  std::FILE* file_;
};

}  // namespace snitch
