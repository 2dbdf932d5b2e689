// Nothing a file or an instruction word contains may crash the simulator: damaged ELF files are
// rejected or run, random words are executed or end the run with a broken rule. Most useful in a
// build with sanitizers. Seeds are fixed, so a failure can be repeated.
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "decoder.h"
#include "support.h"

namespace snitch::test {
namespace {

// Runs whatever it is; every way of ending is fine except a crash.
void survive(const std::vector<uint8_t>& elf, bool functional, bool as_hardware) {
  RunOptions options;
  options.machine = "1+1";
  options.functional = functional;
  options.as_hardware = as_hardware;
  options.cycle_limit = 20000;
  try {
    run_program(elf, options);
  } catch (const std::runtime_error&) {
  }
}

std::vector<uint32_t> small_program() {
  Code code;
  code.park_others().li(6, 0x10000000).li(7, 5);
  for (int i = 0; i < 20; i++) code.op("add", 8, 6, 7).imm("sw", 8, 6, 4 * i);
  return code.exit().words();
}

TEST(Fuzz, DamagedFiles) {
  std::mt19937 random(1);
  const std::vector<uint8_t> good = elf_of(small_program());
  for (int n = 0; n < 1000; n++) {
    std::vector<uint8_t> bad = good;
    const int hits = 1 + static_cast<int>(random() % 6);
    for (int i = 0; i < hits; i++) {
      // Mostly headers: that is where the loader can be misled.
      const size_t range = random() % 4 ? 84 : bad.size();
      bad[random() % range] = static_cast<uint8_t>(random() % 3 ? random() : 0xff);
    }
    if (n % 5 == 0) bad.resize(random() % bad.size());
    survive(bad, n & 1, n & 2);
  }
  survive({}, false, false);
}

TEST(Fuzz, DamagedSymbolTables) {
  // A section header with a symbol table that points anywhere.
  std::mt19937 random(2);
  const std::vector<uint8_t> good = elf_of(small_program());
  for (int n = 0; n < 1000; n++) {
    std::vector<uint8_t> file = good;
    const auto sections = static_cast<uint32_t>(file.size());
    file.resize(file.size() + 80);
    const auto put = [&](size_t at, uint32_t value, int size) {
      for (int i = 0; i < size; i++)
        file[at + static_cast<size_t>(i)] = static_cast<uint8_t>(value >> (8 * i));
    };
    put(32, sections, 4);
    put(46, 40, 2);
    put(48, 2, 2);
    put(sections + 4, 2, 4);
    for (const int field : {16, 20, 24})
      put(sections + static_cast<size_t>(field), random() % 3 ? random() % 400 : random(), 4);
    put(sections + 40 + 16, random() % 3 ? random() % 400 : random(), 4);
    survive(file, true, false);
  }
}

TEST(Fuzz, RandomWordsDecode) {
  std::mt19937 random(3);
  for (int n = 0; n < 300000; n++) {
    const uint32_t word = random();
    const Instruction i = decode(word);
    EXPECT_FALSE(disassemble(i, 0x80000000).empty());
    if (i.op != Op::illegal) {
      EXPECT_EQ(word & i.row->mask, i.row->match);
    }
  }
}

TEST(Fuzz, RandomInstructionsExecute) {
  std::mt19937 random(4);
  const std::vector<Row>& rows = decoder_rows();
  for (int n = 0; n < 1200; n++) {
    Code code;
    if (n % 3) code.park_others();
    // Registers with addresses, counts and small numbers, so that accesses often succeed.
    const uint32_t values[] = {0x10000000, 0x80002000, 3, 0x10000ff8,
                               0xffffffff, 64,         0, 0x10021100};
    for (int r = 8; r < 24; r++) code.li(r, values[random() % 8]);
    for (int i = 0; i < 40; i++) {
      uint32_t word = random();
      if (random() % 8) {  // a valid instruction with random operands
        const Row& row = rows[random() % rows.size()];
        word = (word & ~row.mask) | row.match;
        if (random() % 2) word = (word & ~(31u << 15)) | ((8 + random() % 16) << 15);
        if (row.unit == Unit::jump || row.unit == Unit::branch) word &= 0x01ffffff;
      }
      code.word(word);
    }
    code.exit();
    survive(elf_of(code.words()), n & 1, (n & 2) != 0);
  }
}

TEST(Fuzz, RandomStreamJobs) {
  std::mt19937 random(5);
  for (int n = 0; n < 600; n++) {
    Code code;
    code.park_others();
    for (int i = 0; i < 12; i++) {
      const uint32_t word = random() % 32, mover = random() % 4 ? random() % 3 : random() % 32;
      const uint32_t small = random() % 5;
      code.li(8, random() % 3 ? small * 8 : random() % 2 ? 0x10000000 + 8 * small : random());
      code.word((((word << 5) | mover) << 20) | (8u << 15) | (2u << 12) | 0x2b);
    }
    code.word(0x7c00e073);
    code.li(9, random() % 4);
    code.word(((random() % 3) << 20) | (9u << 15) | (1u << 7) | 0x0b);
    for (int i = 0; i < 4; i++)
      code.op("fadd.d", static_cast<int>(random() % 4), static_cast<int>(random() % 4),
              static_cast<int>(random() % 4));
    code.word(0x7c00f073).exit();
    survive(elf_of(code.words()), n & 1, (n & 2) != 0);
  }
}

}  // namespace
}  // namespace snitch::test
