// Integer arithmetic of the core and of the shared multiply-divide unit, without time.
#include "hart.h"

namespace snitch {

uint32_t execute_alu(const Instruction& i, uint32_t a, uint32_t b, uint32_t pc) {
  const auto sa = static_cast<int32_t>(a);
  const auto sb = static_cast<int32_t>(b);
  const auto imm = static_cast<uint32_t>(i.imm);
  switch (i.op) {
    case Op::lui:
      return imm;
    case Op::auipc:
      return pc + imm;
    case Op::addi:
      return a + imm;
    case Op::slti:
      return sa < i.imm;
    case Op::sltiu:
      return a < imm;
    case Op::xori:
      return a ^ imm;
    case Op::ori:
      return a | imm;
    case Op::andi:
      return a & imm;
    case Op::slli:
      return a << (imm & 31);
    case Op::srli:
      return a >> (imm & 31);
    case Op::srai:
      return static_cast<uint32_t>(sa >> (imm & 31));
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::sll:
      return a << (b & 31);
    case Op::slt:
      return sa < sb;
    case Op::sltu:
      return a < b;
    case Op::xor_:
      return a ^ b;
    case Op::srl:
      return a >> (b & 31);
    case Op::sra:
      return static_cast<uint32_t>(sa >> (b & 31));
    case Op::or_:
      return a | b;
    default:
      return a & b;
  }
}

uint32_t execute_muldiv(Op op, uint32_t a, uint32_t b) {
  const auto sa = static_cast<int32_t>(a);
  const auto sb = static_cast<int32_t>(b);
  const bool overflows = a == 0x80000000u && sb == -1;
  switch (op) {
    case Op::mul:
      return a * b;
    case Op::mulh:
      return static_cast<uint32_t>((int64_t{sa} * sb) >> 32);
    case Op::mulhsu:
      return static_cast<uint32_t>((int64_t{sa} * static_cast<int64_t>(b)) >> 32);
    case Op::mulhu:
      return static_cast<uint32_t>((uint64_t{a} * b) >> 32);
    case Op::div:
      if (b == 0) return ~0u;
      return overflows ? a : static_cast<uint32_t>(sa / sb);
    case Op::divu:
      return b == 0 ? ~0u : a / b;
    case Op::rem:
      if (b == 0) return a;
      return overflows ? 0 : static_cast<uint32_t>(sa % sb);
    default:
      return b == 0 ? a : a % b;
  }
}

bool branch_taken(Op op, uint32_t a, uint32_t b) {
  const auto sa = static_cast<int32_t>(a);
  const auto sb = static_cast<int32_t>(b);
  switch (op) {
    case Op::beq:
      return a == b;
    case Op::bne:
      return a != b;
    case Op::blt:
      return sa < sb;
    case Op::bge:
      return sa >= sb;
    case Op::bltu:
      return a < b;
    default:
      return a >= b;
  }
}

int access_size(const Instruction& i) {
  switch (i.op) {
    case Op::lb:
    case Op::lbu:
    case Op::sb:
      return 1;
    case Op::lh:
    case Op::lhu:
    case Op::sh:
      return 2;
    case Op::fload:
    case Op::fstore:
      return info(i.source).width / 8;
    default:
      return 4;
  }
}

uint32_t extend_load(Op op, uint64_t value) {
  switch (op) {
    case Op::lb:
      return static_cast<uint32_t>(static_cast<int8_t>(value));
    case Op::lh:
      return static_cast<uint32_t>(static_cast<int16_t>(value));
    case Op::lbu:
      return static_cast<uint8_t>(value);
    case Op::lhu:
      return static_cast<uint16_t>(value);
    default:
      return static_cast<uint32_t>(value);
  }
}

}  // namespace snitch
