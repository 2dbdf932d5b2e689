// Every row of the decoder's table is executed with corner values. Expectations are written down
// here by name (integer instructions) or computed with exact integers (floating point), never by
// the code under test; a row without an expectation fails.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "decoder.h"
#include "self_checking.h"

namespace snitch::test {
namespace {

using Binary = std::function<uint32_t(uint32_t, uint32_t)>;

int32_t s(uint32_t v) {
  return static_cast<int32_t>(v);
}

const std::map<std::string, Binary> binary = {
    {"add", [](uint32_t a, uint32_t b) { return a + b; }},
    {"sub", [](uint32_t a, uint32_t b) { return a - b; }},
    {"sll", [](uint32_t a, uint32_t b) { return a << (b % 32); }},
    {"slt", [](uint32_t a, uint32_t b) { return s(a) < s(b) ? 1u : 0u; }},
    {"sltu", [](uint32_t a, uint32_t b) { return a < b ? 1u : 0u; }},
    {"xor", [](uint32_t a, uint32_t b) { return a ^ b; }},
    {"srl", [](uint32_t a, uint32_t b) { return a >> (b % 32); }},
    {"sra",
     [](uint32_t a, uint32_t b) { return static_cast<uint32_t>(int64_t{s(a)} >> (b % 32)); }},
    {"or", [](uint32_t a, uint32_t b) { return a | b; }},
    {"and", [](uint32_t a, uint32_t b) { return a & b; }},
    {"mul", [](uint32_t a, uint32_t b) { return static_cast<uint32_t>(uint64_t{a} * b); }},
    {"mulh",
     [](uint32_t a, uint32_t b) { return static_cast<uint32_t>((int64_t{s(a)} * s(b)) >> 32); }},
    {"mulhsu",
     [](uint32_t a, uint32_t b) {
       return static_cast<uint32_t>((int64_t{s(a)} * int64_t{b}) >> 32);
     }},
    {"mulhu",
     [](uint32_t a, uint32_t b) { return static_cast<uint32_t>((uint64_t{a} * b) >> 32); }},
    {"div",
     [](uint32_t a, uint32_t b) {
       return b ? static_cast<uint32_t>(int64_t{s(a)} / s(b)) : 0xffffffffu;
     }},
    {"divu", [](uint32_t a, uint32_t b) { return b ? a / b : 0xffffffffu; }},
    {"rem",
     [](uint32_t a, uint32_t b) { return b ? static_cast<uint32_t>(int64_t{s(a)} % s(b)) : a; }},
    {"remu", [](uint32_t a, uint32_t b) { return b ? a % b : a; }},
};

const std::map<std::string, Binary> immediate = {
    {"addi", binary.at("add")}, {"slti", binary.at("slt")}, {"sltiu", binary.at("sltu")},
    {"xori", binary.at("xor")}, {"ori", binary.at("or")},   {"andi", binary.at("and")},
    {"slli", binary.at("sll")}, {"srli", binary.at("srl")}, {"srai", binary.at("sra")},
};

const std::map<std::string, Binary> branches = {
    {"beq", [](uint32_t a, uint32_t b) { return a == b; }},
    {"bne", [](uint32_t a, uint32_t b) { return a != b; }},
    {"blt", [](uint32_t a, uint32_t b) { return s(a) < s(b); }},
    {"bge", [](uint32_t a, uint32_t b) { return s(a) >= s(b); }},
    {"bltu", [](uint32_t a, uint32_t b) { return a < b; }},
    {"bgeu", [](uint32_t a, uint32_t b) { return a >= b; }},
};

// {old memory, operand} -> new memory
const std::map<std::string, Binary> atomics = {
    {"amoswap.w", [](uint32_t, uint32_t b) { return b; }},
    {"amoadd.w", [](uint32_t a, uint32_t b) { return a + b; }},
    {"amoxor.w", [](uint32_t a, uint32_t b) { return a ^ b; }},
    {"amoand.w", [](uint32_t a, uint32_t b) { return a & b; }},
    {"amoor.w", [](uint32_t a, uint32_t b) { return a | b; }},
    {"amomin.w", [](uint32_t a, uint32_t b) { return s(a) < s(b) ? a : b; }},
    {"amomax.w", [](uint32_t a, uint32_t b) { return s(a) > s(b) ? a : b; }},
    {"amominu.w", [](uint32_t a, uint32_t b) { return a < b ? a : b; }},
    {"amomaxu.w", [](uint32_t a, uint32_t b) { return a > b ? a : b; }},
};

bool is_branch_free_alu(const Row& row) {
  return row.unit == Unit::alu || row.unit == Unit::muldiv;
}

TEST(Integer, RegisterAndImmediateArithmetic) {
  for (const Row& row : decoder_rows()) {
    if (!is_branch_free_alu(row)) continue;
    Program p;
    if (binary.count(row.name)) {
      for (const uint32_t a : corners)
        for (const uint32_t b : corners) {
          p.code.li(6, a).li(7, b).op(row.name, 8, 6, 7);
          p.store(8, binary.at(row.name)(a, b));
        }
    } else if (immediate.count(row.name)) {
      const bool shift = row.op == Op::slli || row.op == Op::srli || row.op == Op::srai;
      for (const uint32_t a : corners)
        for (const int32_t b : {0, 1, 5, 31, -1, 2047, -2048}) {
          if (shift && (b < 0 || b > 31)) continue;
          const uint32_t word =
              shift ? encode(row.name, 8, 6, b) : encode_immediate(row.name, 8, 6, b);
          p.code.li(6, a).word(word);
          p.store(8, immediate.at(row.name)(a, static_cast<uint32_t>(b)));
        }
    } else if (row.op == Op::lui) {
      p.code.word(encode("lui", 8, 0, 0) | 0xfffff000u);
      p.store(8, 0xfffff000u);
    } else if (row.op == Op::auipc) {
      const auto at = static_cast<uint32_t>(p.code.position());
      p.code.word(encode("auipc", 8, 0, 0) | 0x7ffff000u);
      p.store(8, 0x80000000u + at + 0x7ffff000u);
    } else {
      ADD_FAILURE() << row.name << " has no expectation";
    }
    // x0 stays zero.
    p.code.word(row.match | (0u << 7));
    p.store(0, 0);
    p.finish(row.name);
  }
}

TEST(Integer, BranchesAndJumps) {
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::branch && row.unit != Unit::jump) continue;
    Program p;
    if (row.unit == Unit::branch) {
      ASSERT_TRUE(branches.count(row.name)) << row.name;
      for (const uint32_t a : corners)
        for (const uint32_t b : corners) {
          p.code.li(6, a).li(7, b).imm("addi", 8, 0, 1).imm(row.name, 7, 6, 8).imm("addi", 8, 0, 0);
          p.store(8, branches.at(row.name)(a, b));
        }
      // Backwards: counts to five.
      p.code.imm("addi", 8, 0, 0).imm("addi", 9, 0, 5).imm("addi", 8, 8, 1).imm("bne", 9, 8, -4);
      p.store(8, 5);
    } else if (row.op == Op::jal) {
      const auto link = 0x80000000u + static_cast<uint32_t>(p.code.position()) + 4;
      p.code.word(encode("jal", 8, 0, 0) | (8u << 20)).imm("addi", 8, 0, 0);
      p.store(8, link);
    } else {
      p.code.word(encode("auipc", 9, 0, 0));
      const auto link = 0x80000000u + static_cast<uint32_t>(p.code.position()) + 4;
      p.code.imm("jalr", 8, 9, 13).imm("addi", 8, 0, 0);  // the lowest bit is dropped
      p.store(8, link);
    }
    p.finish(row.name);
  }
}

TEST(Integer, LoadsAndStores) {
  const std::map<std::string, std::function<uint32_t(uint32_t)>> loads = {
      {"lb", [](uint32_t v) { return static_cast<uint32_t>(static_cast<int8_t>(v)); }},
      {"lbu", [](uint32_t v) { return v & 0xff; }},
      {"lh", [](uint32_t v) { return static_cast<uint32_t>(static_cast<int16_t>(v)); }},
      {"lhu", [](uint32_t v) { return v & 0xffff; }},
      {"lw", [](uint32_t v) { return v; }}};
  const std::map<std::string, uint32_t> stores = {{"sb", 0xff}, {"sh", 0xffff}, {"sw", 0xffffffff}};
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::load && row.unit != Unit::store) continue;
    for (const uint32_t base : {0x10000100u, 0x80010000u, 0x18000200u}) {
      Program p;
      for (const uint32_t v : corners) {
        p.code.li(6, base).li(7, v).li(9, 0x55aa55aa);
        if (row.unit == Unit::load) {
          ASSERT_TRUE(loads.count(row.name)) << row.name;
          p.code.imm("sw", 7, 6, 8).imm(row.name, 8, 6, 8);
          p.store(8, loads.at(row.name)(v));
        } else {
          ASSERT_TRUE(stores.count(row.name)) << row.name;
          const uint32_t mask = stores.at(row.name);
          p.code.imm("sw", 9, 6, -4).imm(row.name, 7, 6, -4).imm("lw", 8, 6, -4);
          p.store(8, (0x55aa55aa & ~mask) | (v & mask));
        }
      }
      p.finish(row.name);
    }
  }
}

TEST(Integer, Atomics) {
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::amo) continue;
    for (const uint32_t base : {0x10000100u, 0x80010000u}) {
      Program p;
      p.code.li(6, base);
      if (row.op == Op::lr || row.op == Op::sc) {
        p.code.li(7, 77).imm("sw", 7, 6, 0).op("lr.w", 8, 6).li(9, 5).op("sc.w", 10, 6, 9);
        p.code.imm("lw", 11, 6, 0).op("sc.w", 12, 6, 0).imm("lw", 13, 6, 0);
        p.store(8, 77);
        p.store(10, 0);
        p.store(11, 5);
        p.store(12, 1);  // no reservation any more
        p.store(13, 5);
        // A store in between breaks the reservation.
        p.code.op("lr.w", 8, 6).imm("sw", 7, 6, 0).op("sc.w", 10, 6, 9);
        p.store(10, 1);
      } else {
        ASSERT_TRUE(atomics.count(row.name)) << row.name;
        for (const uint32_t a : corners)
          for (const uint32_t b : {0u, 1u, 0x80000000u, 0xffffffffu}) {
            p.code.li(7, a).imm("sw", 7, 6, 0).li(9, b).op(row.name, 8, 6, 9).imm("lw", 10, 6, 0);
            p.store(8, a);
            p.store(10, atomics.at(row.name)(a, b));
          }
      }
      p.finish(row.name);
    }
  }
}

TEST(Control, TrapsReturn) {
  for (const auto& [name, cause] : {std::pair{"ecall", 11u}, std::pair{"ebreak", 3u}}) {
    Program p;
    constexpr int mtvec = 0x305, mepc = 0x341, mcause = 0x342;
    // x9 = handler, which lies behind a jump over it
    p.code.word(encode("auipc", 9, 0, 0)).imm("addi", 9, 9, 12);
    p.code.word(encode("jal", 0, 0, 0) | ((4 + 5 * 4) << 20));
    p.code.imm("csrrs", 8, 0, mcause).imm("csrrs", 10, 0, mepc).imm("addi", 10, 10, 4);
    p.code.imm("csrrw", 0, 10, mepc).op("mret");
    p.code.imm("csrrw", 0, 9, mtvec).op(name);
    p.store(8, cause);
    // wfi goes on at once, because the wake-up interrupt is still pending and enabled.
    p.code.op("wfi").imm("addi", 8, 0, 7);
    p.store(8, 7);
    p.finish(name);
  }
}

TEST(Control, CsrInstructions) {
  Program p;
  constexpr int mscratch = 0x340;
  p.code.li(6, 0xf0f0).imm("csrrw", 8, 6, mscratch);
  p.store(8, 0);
  p.code.li(6, 0x000f).imm("csrrs", 8, 6, mscratch);
  p.store(8, 0xf0f0);
  p.code.li(6, 0xf000).imm("csrrc", 8, 6, mscratch);
  p.store(8, 0xf0ff);
  p.code.imm("csrrwi", 8, 21, mscratch);  // the register field is the operand
  p.store(8, 0x00ff);
  // The disassembler's name csrrsi belongs to two rows, of which the stream switch comes first.
  p.code.word((0x340u << 20) | (10u << 15) | (6u << 12) | (8u << 7) | 0x73);
  p.store(8, 21);
  p.code.word((0x340u << 20) | (1u << 15) | (7u << 12) | (8u << 7) | 0x73);
  p.store(8, 31);
  p.code.imm("csrrs", 8, 0, mscratch);
  p.store(8, 30);
  p.code.imm("csrrs", 8, 0, 0x123);  // unknown registers read as zero
  p.store(8, 0);
  p.code.op("fence").op("fence.i");
  p.finish("csr");
}

// --- Extensions whose effect is on other units: frep, streams and DMA are run in test_units.cpp;
// here it is only made sure that no row is forgotten.
TEST(Extensions, AreAllNamed) {
  const char* known[] = {"frep.o", "frep.i", "scfgwi", "scfgri", "scfgw",   "scfgr",
                         "dmsrc",  "dmdst",  "dmcpyi", "dmcpy",  "dmstati", "dmstat",
                         "dmstr",  "dmrep",  "dmuser", "csrrsi", "csrrci"};
  for (const Row& row : decoder_rows()) {
    const bool extension = row.unit == Unit::frep || row.unit == Unit::stream_config ||
                           row.unit == Unit::dma || row.unit == Unit::stream_csr;
    if (!extension) continue;
    bool found = false;
    for (const char* name : known) found = found || row.name == name;
    EXPECT_TRUE(found) << row.name;
  }
}

// Encodings that were executed on the hardware, with what they are.
TEST(Encodings, AreThoseOfTheHardware) {
  const std::pair<uint32_t, const char*> words[] = {
      {0x0405202b, "scfgwi a0, dm0, word 2"},
      {0x3825202b, "scfgwi a0, dm2, word 28"},
      {0x7c00e073, "csrrsi 0x7c0, 1"},
      {0x7c00f073, "csrrci 0x7c0, 1"},
      {0x7c202073, "csrrs zero, 0x7c2, zero"},
      {0x0072808b, "frep.o t0, 8"},
      {0x0002b18b, "frep.o t0, 1, 3, 0x1"},
      {0x0005002b, "dmsrc a0, zero"},
      {0x0205002b, "dmdst a0, zero"},
      {0x0405852b, "dmcpyi a0, a1, 0"},
      {0x0425852b, "dmcpyi a0, a1, 2"},
      {0x0820052b, "dmstati a0, 2"},
      {0x0cb5002b, "dmstr a0, a1"},
      {0x0e05002b, "dmrep a0"},
      {0x82c58533, "vfadd.s fa0, fa1, fa2"},
      {0x84c58533, "vfsub.s fa0, fa1, fa2"},
      {0x86c58533, "vfmul.s fa0, fa1, fa2"},
      {0x86c5c533, "vfmul.r.s fa0, fa1, fa2"},
      {0x8ac58533, "vfmin.s fa0, fa1, fa2"},
      {0x8cc58533, "vfmax.s fa0, fa1, fa2"},
      {0x90c58533, "vfmac.s fa0, fa1, fa2"},
      {0x90c5c533, "vfmac.r.s fa0, fa1, fa2"},
      {0xb0c58533, "vfcpka.s.s fa0, fa1, fa2"},
      {0x8fc58533, "vfsum.s fa0, fa1"},
      {0x96c58533, "vfdotpex.s.h fa0, fa1, fa2"},
      {0xbac58533, "vfndotpex.s.h fa0, fa1, fa2"},
      {0x00158513, "addi a0, a1, 1"},
      {0x0085a503, "lw a0, 8(a1)"},
      {0x00a5b427, "fsd fa0, 8(a1)"},
      {0xfe0598e3, "bne a1, zero, 0xfffffff0"},
  };
  for (const auto& [word, text] : words) EXPECT_EQ(disassemble(decode(word), 0), text);
}

TEST(Encodings, DoNotOverlap) {
  const std::vector<Row>& rows = decoder_rows();
  for (size_t i = 0; i < rows.size(); i++) {
    // A row must win for its own pattern; earlier rows may only be more special ones.
    const Instruction found = decode(rows[i].match);
    EXPECT_TRUE(found.row == &rows[i] || found.row->name == rows[i].name)
        << rows[i].name << " is decoded as " << found.row->name;
  }
}

}  // namespace
}  // namespace snitch::test
