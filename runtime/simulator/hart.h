// What a program can see of a hart: registers, control and status registers, pending interrupts.
// Both the timed and the functional simulation work on this.
#pragma once

#include <array>
#include <cstdint>

#include "fpu.h"
#include "machine.h"
#include "rules.h"

namespace snitch {

struct Hart {
  int id = 0;
  bool is_dm = false;
  uint32_t pc = 0;
  std::array<uint32_t, 32> x{};
  std::array<uint64_t, 32> f{};
  FpStatus fp;
  bool streams_on = false;

  bool interrupts_enabled = false;        // mstatus.MIE
  bool previous_enabled = false;          // mstatus.MPIE
  uint32_t mie = (1u << 19) | (1u << 3);  // the boot ROM leaves these enabled
  uint32_t mtvec = 0;
  uint32_t mepc = 0;
  uint32_t mcause = 0;
  uint32_t mscratch = 0;
  uint32_t mseg = 0;
  uint32_t user_low = 0;
  uint32_t user_high = 0;
  uint64_t retired = 0;

  bool cluster_interrupt = true;  // the wake-up that started the program is still pending
  bool software_interrupt = false;

  uint32_t pending() const {
    return mie & ((cluster_interrupt ? 1u << 19 : 0) | (software_interrupt ? 1u << 3 : 0));
  }
  void set(uint8_t reg, uint32_t value) {
    x[reg] = value;
    x[0] = 0;
  }
};

// Addresses of the CSRs that mean something to other units.
namespace csr {
inline constexpr uint32_t fflags = 0x001, frm = 0x002, fcsr = 0x003, streams = 0x7c0,
                          barrier = 0x7c2, chaining = 0x7c3, copift = 0x7c6, mcycle = 0xb00,
                          minstret = 0xb02;
}

// Executes a CSR instruction apart from its effect on other units; returns the value for rd.
// `cycle` is what mcycle shows.
uint32_t access_csr(Hart& hart, const Instruction& instruction, uint32_t operand, uint64_t cycle,
                    Rules& rules);

// Takes a trap: to mtvec if the program set it, otherwise the run ends.
void take_trap(Hart& hart, uint32_t cause, const Instruction* instruction, Rules& rules);

// Reports an instruction this hart cannot execute. Returns if the hardware's trap is to be taken.
void report_illegal(const Hart& hart, const Machine& machine, const Instruction& instruction,
                    Rules& rules);
bool is_legal(const Machine& machine, bool is_dm, const Instruction& instruction);

// Integer arithmetic.
uint32_t execute_alu(const Instruction& instruction, uint32_t a, uint32_t b, uint32_t pc);
uint32_t execute_muldiv(Op op, uint32_t a, uint32_t b);
bool branch_taken(Op op, uint32_t a, uint32_t b);

// Loads and stores.
int access_size(const Instruction& instruction);
uint32_t extend_load(Op op, uint64_t value);

}  // namespace snitch
