// What the decoder makes of an instruction word, in the words of the hardware: which unit executes
// it, which registers of which file it reads and writes, and in which formats.
#pragma once

#include <cstdint>
#include <string>

#include "softfloat.h"

namespace snitch {

// Who executes an instruction. `stream_csr` is the CSR access that switches streams on and off: it
// travels through the offload queue like a floating-point instruction.
enum class Unit : uint8_t {
  illegal,
  alu,
  branch,
  jump,
  load,
  store,
  amo,
  csr,
  system,
  fence,
  muldiv,
  fpu,
  fp_load,
  fp_store,
  frep,
  stream_config,
  stream_csr,
  dma
};

// The FPU's operation groups; each is a pipeline of its own.
enum class Group : uint8_t { addmul, divsqrt, noncomp, conv, dotp };

// What a machine must have for an instruction to be legal on a core.
enum class Feature : uint8_t { base, div_sqrt, simd, streams, frep, frep_inner, scfgri, dma };

enum class Op : uint8_t {
  illegal,
  // RV32I
  lui,
  auipc,
  jal,
  jalr,
  beq,
  bne,
  blt,
  bge,
  bltu,
  bgeu,
  lb,
  lh,
  lw,
  lbu,
  lhu,
  sb,
  sh,
  sw,
  addi,
  slti,
  sltiu,
  xori,
  ori,
  andi,
  slli,
  srli,
  srai,
  add,
  sub,
  sll,
  slt,
  sltu,
  xor_,
  srl,
  sra,
  or_,
  and_,
  fence,
  fence_i,
  ecall,
  ebreak,
  mret,
  wfi,
  csrrw,
  csrrs,
  csrrc,
  csrrwi,
  csrrsi,
  csrrci,
  // M and A
  mul,
  mulh,
  mulhsu,
  mulhu,
  div,
  divu,
  rem,
  remu,
  lr,
  sc,
  amoswap,
  amoadd,
  amoxor,
  amoand,
  amoor,
  amomin,
  amomax,
  amominu,
  amomaxu,
  // Floating point, scalar or lane by lane
  fload,
  fstore,
  fadd,
  fsub,
  fmul,
  fdiv,
  fsqrt,
  fmadd,
  fmsub,
  fnmsub,
  fnmadd,
  fmac,
  fmre,
  fsgnj,
  fsgnjn,
  fsgnjx,
  fmin,
  fmax,
  feq,
  fne,
  flt,
  fge,
  fle,
  fgt,
  fclass,
  fcvt,
  fcvt_to_int,
  fcvt_from_int,
  fmv_to_int,
  fmv_from_int,
  // Floating point across lanes
  vsum,
  vnsum,
  vsumex,
  vnsumex,
  vdotpex,
  vndotpex,
  vpack,
  // Extensions
  frep_outer,
  frep_inner,
  scfgwi,
  scfgri,
  scfgw,
  scfgr,
  dmsrc,
  dmdst,
  dmcpyi,
  dmcpy,
  dmstati,
  dmstat,
  dmstr,
  dmrep,
  dmuser
};

// Register use and other properties, or-ed together.
inline constexpr uint32_t writes_x = 1u << 0;
inline constexpr uint32_t reads_x1 = 1u << 1;
inline constexpr uint32_t reads_x2 = 1u << 2;
inline constexpr uint32_t writes_f = 1u << 3;
inline constexpr uint32_t reads_f1 = 1u << 4;
inline constexpr uint32_t reads_f2 = 1u << 5;
inline constexpr uint32_t reads_f3 = 1u << 6;
inline constexpr uint32_t reads_fd = 1u << 7;  // rd is an operand too
inline constexpr uint32_t vector = 1u << 8;
inline constexpr uint32_t replicate = 1u << 9;  // lane 0 of rs2 stands for all lanes
inline constexpr uint32_t direct =
    1u << 10;  // goes past the sequencer's buffer, so it cannot be repeated
inline constexpr uint32_t rounded = 1u << 11;  // the funct3 field is a rounding mode
inline constexpr uint32_t upper =
    1u << 12;  // works on the upper half, or on the second pair when packing
inline constexpr uint32_t second = 1u << 13;  // packs into the third and fourth pair
inline constexpr uint32_t is_unsigned = 1u << 14;

struct Row;

struct Instruction {
  uint32_t word = 0;
  int32_t imm = 0;
  const Row* row = nullptr;
  uint32_t traits = 0;
  uint32_t x_use = 0;  // integer registers read or written, a bit each, without x0
  Op op = Op::illegal;
  Unit unit = Unit::illegal;
  Group group = Group::addmul;
  Feature feature = Feature::base;
  Format source = Format::none;
  Format result = Format::none;
  uint8_t rd = 0;
  uint8_t rs1 = 0;
  uint8_t rs2 = 0;
  uint8_t rs3 = 0;

  bool has(uint32_t trait) const { return (traits & trait) != 0; }
  bool offloaded_to_fp() const {
    return unit == Unit::fpu || unit == Unit::fp_load || unit == Unit::fp_store ||
           unit == Unit::frep || unit == Unit::stream_csr;
  }
};

// Never fails: a word that is no instruction decodes to Op::illegal.
Instruction decode(uint32_t word);

// Assembly text with ABI register names; `pc` resolves branch targets.
std::string disassemble(const Instruction& instruction, uint32_t pc);
const char* mnemonic(const Instruction& instruction);

}  // namespace snitch
