// Control and status registers, traps, and which instruction is legal on which core.
#include "hart.h"

namespace snitch {
namespace {

constexpr uint32_t misa = 0x40801129;
constexpr uint32_t mstatus_fixed = 0x80006000;  // FS dirty, SD

uint32_t read_mstatus(const Hart& hart) {
  return mstatus_fixed | (hart.interrupts_enabled ? 8 : 0) | (hart.previous_enabled ? 0x80 : 0);
}

uint32_t read_fmode(const FpStatus& fp) {
  return (fp.alternate_source ? 2 : 0) | (fp.alternate_result ? 1 : 0);
}

void write_fmode(FpStatus& fp, uint32_t value) {
  fp.alternate_source = value & 2;
  fp.alternate_result = value & 1;
}

// Unknown registers read as zero, as on the hardware.
uint32_t read(const Hart& hart, uint32_t number, uint64_t cycle) {
  switch (number) {
    case csr::fflags:
      return hart.fp.flags;
    case csr::frm:
      return static_cast<uint32_t>(hart.fp.rounding);
    case csr::fcsr:
      return hart.fp.flags | (static_cast<uint32_t>(hart.fp.rounding) << 5) |
             (read_fmode(hart.fp) << 8);
    case 0x800:
      return read_fmode(hart.fp);
    case 0x300:
      return read_mstatus(hart);
    case 0x301:
      return misa;
    case 0x304:
      return hart.mie;
    case 0x305:
      return hart.mtvec;
    case 0x340:
      return hart.mscratch;
    case 0x341:
      return hart.mepc;
    case 0x342:
      return hart.mcause;
    case 0x344:
      return (hart.cluster_interrupt ? 1u << 19 : 0) | (hart.software_interrupt ? 1u << 3 : 0);
    case 0x7c4:
      return hart.user_low;
    case 0x7c5:
      return hart.user_high;
    case csr::mcycle:
      return static_cast<uint32_t>(cycle);
    case 0xb80:
      return static_cast<uint32_t>(cycle >> 32);
    case csr::minstret:
      return static_cast<uint32_t>(hart.retired);
    case 0xb82:
      return static_cast<uint32_t>(hart.retired >> 32);
    case 0xbc0:
      return hart.mseg;
    case 0xf14:
      return static_cast<uint32_t>(hart.id);
    default:
      return 0;
  }
}

void write(Hart& hart, uint32_t number, uint32_t value) {
  switch (number) {
    case csr::fflags:
      hart.fp.flags = value & 31;
      break;
    case csr::frm:
      hart.fp.rounding = static_cast<Rounding>(value & 7);
      break;
    case csr::fcsr:
      hart.fp.flags = value & 31;
      hart.fp.rounding = static_cast<Rounding>((value >> 5) & 7);
      write_fmode(hart.fp, value >> 8);
      break;
    case 0x800:
      write_fmode(hart.fp, value);
      break;
    case 0x300:
      hart.interrupts_enabled = value & 8;
      hart.previous_enabled = value & 0x80;
      break;
    case 0x304:
      hart.mie = value;
      break;
    case 0x305:
      hart.mtvec = value & ~3u;
      break;
    case 0x340:
      hart.mscratch = value;
      break;
    case 0x341:
      hart.mepc = value;
      break;
    case 0x342:
      hart.mcause = value & 0x8000001f;
      break;
    case 0x7c4:
      hart.user_low = value;
      break;
    case 0x7c5:
      hart.user_high = value;
      break;
    case 0xbc0:
      hart.mseg = value;
      break;
    default:
      break;
  }
}

}  // namespace

uint32_t access_csr(Hart& hart, const Instruction& i, uint32_t operand, uint64_t cycle,
                    Rules& rules) {
  const auto number = static_cast<uint32_t>(i.imm);
  const uint32_t old = read(hart, number, cycle);
  const bool sets = i.op == Op::csrrs || i.op == Op::csrrsi;
  const bool clears = i.op == Op::csrrc || i.op == Op::csrrci;
  const bool writes = (!sets && !clears) || i.rs1 != 0;
  if (!writes) return old;
  const uint32_t value = sets ? old | operand : clears ? old & ~operand : operand;
  if ((number == csr::chaining || number == csr::copift || number == 0xbc0) && value != old)
    rules.report(Rule::missing_extension, Severity::fatal, {hart.id, hart.pc, &i},
                 format_text("register 0x%x switches on something that is not modelled", number));
  write(hart, number, value);
  return old;
}

void take_trap(Hart& hart, uint32_t cause, const Instruction* instruction, Rules& rules) {
  if (hart.mtvec == 0)
    rules.report(
        Rule::unhandled_trap, Severity::fatal, {hart.id, hart.pc, instruction},
        format_text("trap with cause 0x%x, but mtvec is not set; the hardware would restart "
                    "the program for ever",
                    cause));
  hart.mepc = hart.pc;
  hart.mcause = cause;
  hart.previous_enabled = hart.interrupts_enabled;
  hart.interrupts_enabled = false;
  hart.pc = hart.mtvec;
}

bool is_legal(const Machine& machine, bool is_dm, const Instruction& i) {
  const bool vector_divide = i.feature == Feature::div_sqrt &&
                             (i.has(vector) || i.source == Format::f16 || i.source == Format::f8);
  switch (i.feature) {
    case Feature::base:
      return i.op != Op::illegal;
    case Feature::div_sqrt:
      return machine.div_sqrt && !(is_dm && vector_divide);
    case Feature::simd:
    case Feature::streams:
    case Feature::frep:
      return !is_dm;
    case Feature::frep_inner:
      return !is_dm && machine.frep_inner;
    case Feature::scfgri:
      return !is_dm;
    case Feature::dma:
      return is_dm;
  }
  return false;
}

void report_illegal(const Hart& hart, const Machine& machine, const Instruction& i, Rules& rules) {
  const Place place{hart.id, hart.pc, &i};
  if (i.op == Op::illegal) {
    rules.report(Rule::illegal_instruction, Severity::trap, place,
                 format_text("0x%08x is no instruction of this machine", i.word));
  } else if (i.feature == Feature::div_sqrt && !machine.div_sqrt) {
    rules.report(Rule::missing_divider, Severity::trap, place,
                 "this machine has no divide and square-root unit; multiply by a reciprocal");
  } else if (hart.is_dm) {
    rules.report(Rule::missing_extension, Severity::trap, place,
                 "the DM core has no streams, FREP, SIMD or small floats");
  } else {
    rules.report(Rule::missing_extension, Severity::trap, place,
                 i.feature == Feature::dma ? "only the DM core has the DMA instructions"
                                           : "this machine does not have this instruction");
  }
}

}  // namespace snitch
