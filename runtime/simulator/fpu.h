// The arithmetic of the floating-point unit: one function from operand bits to result bits for
// every scalar and packed instruction. When things happen is the business of the FP subsystem, not
// of this.
#pragma once

#include <cstdint>

#include "instruction.h"

namespace snitch {

// The floating-point control and status register, fmode included.
struct FpStatus {
  uint8_t flags = 0;
  Rounding rounding = Rounding::nearest_even;
  bool alternate_source = false;  // fmode bit 1: bf16 and e4m3 as the source of widening operations
  bool alternate_result = false;  // fmode bit 0: bf16 and e4m3 elsewhere
};

struct FpOperands {
  uint64_t a = 0;  // rs1, or the integer rs1
  uint64_t b = 0;  // rs2
  uint64_t c = 0;  // rs3, or rd where rd is an operand
};

// Executes one instruction of Unit::fpu. Raised flags are added to `status.flags`; `unboxed` is set
// if a scalar operand was no properly boxed value and therefore read as NaN.
uint64_t execute_fpu(const Instruction& instruction, const FpOperands& operands, FpStatus& status,
                     bool& unboxed);

// The value a load puts into an FP register: narrow values are boxed with ones.
uint64_t box(Format format, uint64_t bits);

// Parts of the unit, each in a file of its own.
uint64_t execute_scalar(const Instruction& instruction, const FpOperands& operands,
                        FpStatus& status, bool& unboxed);
uint64_t execute_vector(const Instruction& instruction, const FpOperands& operands,
                        FpStatus& status);

// One operation on one lane of one format.
uint64_t execute_lane(Op op, Format source, Format result, uint64_t a, uint64_t b, uint64_t c,
                      SoftFloat& soft);

// The same on the host's FPU for f32 and f64 with round-to-nearest-even. False if it cannot do
// `op`.
bool execute_on_host(Op op, Format format, uint64_t a, uint64_t b, uint64_t c, uint8_t& flags,
                     uint64_t& result);

}  // namespace snitch
