// Turns decoded instructions back into text, the Snitch extensions included. Operands follow from
// the register use the decoder's table declares, so a new row needs nothing here.
#include <array>
#include <cstdio>

#include "decoder.h"

namespace snitch {
namespace {

constexpr std::array<const char*, 32> x_names = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
constexpr std::array<const char*, 32> f_names = {
    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1", "fa0",
    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4", "fs5",
    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};

std::string hex(uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%x", value);
  return text.data();
}

class Operands {
 public:
  void add(const std::string& operand) { text_ += (text_.empty() ? " " : ", ") + operand; }
  std::string text() const { return text_; }

 private:
  std::string text_;
};

void registers(Operands& out, const Instruction& i) {
  if (i.has(writes_x)) out.add(x_names[i.rd]);
  if (i.has(writes_f)) out.add(f_names[i.rd]);
  if (i.has(reads_f1)) out.add(f_names[i.rs1]);
  if (i.has(reads_x1)) out.add(x_names[i.rs1]);
  if (i.has(reads_f2)) out.add(f_names[i.rs2]);
  if (i.has(reads_x2)) out.add(x_names[i.rs2]);
  if (i.has(reads_f3)) out.add(f_names[i.rs3]);
}

std::string memory(const Instruction& i) {
  return std::to_string(i.imm) + "(" + x_names[i.rs1] + ")";
}

void csr_operands(Operands& out, const Instruction& i) {
  if (i.unit == Unit::csr) out.add(x_names[i.rd]);
  out.add(hex(static_cast<uint32_t>(i.imm)));
  const bool has_register = i.op == Op::csrrw || i.op == Op::csrrs || i.op == Op::csrrc;
  out.add(has_register ? x_names[i.rs1] : std::to_string(i.rs1));
}

void frep_operands(Operands& out, const Instruction& i) {
  out.add(x_names[i.rs1]);
  out.add(std::to_string(i.imm + 1));
  const uint32_t stagger = (i.word >> 12) & 7;
  const uint32_t mask = (i.word >> 8) & 15;
  if (!stagger && !mask) return;
  out.add(std::to_string(stagger));
  out.add(hex(mask));
}

}  // namespace

const char* mnemonic(const Instruction& i) {
  return i.row ? i.row->name.c_str() : "illegal";
}

std::string disassemble(const Instruction& i, uint32_t pc) {
  if (i.op == Op::illegal) return ".word " + hex(i.word);
  Operands out;
  switch (i.unit) {
    case Unit::load:
      out.add(x_names[i.rd]);
      out.add(memory(i));
      break;
    case Unit::store:
      out.add(x_names[i.rs2]);
      out.add(memory(i));
      break;
    case Unit::fp_load:
      out.add(f_names[i.rd]);
      out.add(memory(i));
      break;
    case Unit::fp_store:
      out.add(f_names[i.rs2]);
      out.add(memory(i));
      break;
    case Unit::amo:
      out.add(x_names[i.rd]);
      if (i.op != Op::lr) out.add(x_names[i.rs2]);
      out.add(std::string("(") + x_names[i.rs1] + ")");
      break;
    case Unit::branch:
      registers(out, i);
      out.add(hex(pc + static_cast<uint32_t>(i.imm)));
      break;
    case Unit::csr:
    case Unit::stream_csr:
      csr_operands(out, i);
      break;
    case Unit::frep:
      frep_operands(out, i);
      break;
    case Unit::stream_config:
      registers(out, i);
      if (i.op == Op::scfgwi || i.op == Op::scfgri) {
        out.add("dm" + std::to_string(i.imm & 31));
        out.add("word " + std::to_string(i.imm >> 5));
      }
      break;
    case Unit::dma:
      registers(out, i);
      if (i.op == Op::dmcpyi || i.op == Op::dmstati) out.add(std::to_string(i.rs2));
      break;
    case Unit::fence:
    case Unit::system:
      break;
    default:
      registers(out, i);
      if (i.op == Op::jal) out.add(hex(pc + static_cast<uint32_t>(i.imm)));
      if (i.op == Op::jalr || (i.op >= Op::addi && i.op <= Op::srai))
        out.add(std::to_string(i.imm));
      if (i.op == Op::lui || i.op == Op::auipc) out.add(hex(static_cast<uint32_t>(i.imm) >> 12));
      break;
  }
  return mnemonic(i) + out.text();
}

}  // namespace snitch
