// The performance counters of the peripherals: every event a program can select, the registers'
// behaviour, and both layouts.
#include <gtest/gtest.h>

#include <sstream>

#include "support.h"

namespace snitch::test {
namespace {

// Numbers the program printed in hexadecimal, one a line.
std::vector<uint32_t> numbers_of(const RunResult& result) {
  std::istringstream text(result.output);
  std::vector<uint32_t> numbers;
  for (uint32_t number = 0; text >> std::hex >> number;) numbers.push_back(number);
  return numbers;
}

std::vector<uint32_t> run(const std::string& program, bool functional = false,
                          const char* machine = "1+1", bool all_harts = false) {
  RunOptions options;
  options.machine = machine;
  options.functional = functional;
  const RunResult result = run_program(assemble(program, all_harts), options);
  EXPECT_EQ(result.violation, "");
  return numbers_of(result);
}

// Copies of the DM core between two settings of the counters: 256 bytes that cross a page after the
// first 64, and three rows of 100 bytes whose target lies across one more beat than needed. Prints
// the events from `first` to `last`.
std::string dma_program(int first, int last, const char* copies) {
  return format_text(R"(
      csrr t0, mhartid
      bnez t0, dm
    0: j 0b
    dm:
      li s0, 0x10021080
      li s1, %d
      li s2, %d
    1: slli a0, s1, 16
      sw a0, 0(s0)
      sw zero, 0x80(s0)
      addi s0, s0, 8
      addi s1, s1, 1
      ble s1, s2, 1b
    )",
                     first, last) +
         copies +
         format_text(R"(
    2: .insn r 0x2b,0,4,a3,x0,x2
      bnez a3, 2b
      li s0, 0x10021100
      li s1, %d
    3: lw a0, 0(s0)
      print_hex a0
      addi s0, s0, 8
      addi s1, s1, -1
      bnez s1, 3b
      exit 0)",
                     last - first + 1);
}

const char* const inward = R"(
      li a0, 0x80000fc0
      .insn r 0x2b,0,0,x0,a0,x0
      li a0, 0x10000000
      .insn r 0x2b,0,1,x0,a0,x0
      li a1, 256
      .insn r 0x2b,0,2,a3,a1,x0
      li a0, 0x80002000
      .insn r 0x2b,0,0,x0,a0,x0
      li a0, 0x10001004
      .insn r 0x2b,0,1,x0,a0,x0
      li a0, 128
      .insn r 0x2b,0,6,x0,a0,a0
      li a0, 3
      .insn r 0x2b,0,7,x0,a0,x0
      li a1, 100
      .insn r 0x2b,0,2,a3,a1,x2
)";

TEST(DmaCounters, CountBurstsBeatsAndBytes) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  for (const bool functional : {false, true}) {
    const std::vector<uint32_t> events = run(dma_program(16, 24, inward), functional, "1+1", true);
    const std::vector<uint32_t> expected = {2 + 3,  // AW: the page's border cuts the writes too
                                            256 + 3 * 128,  // bytes asked for, in whole beats
                                            2 + 3,          // AR
                                            256 + 3 * 128,
                                            4 + 3 * 2,  // R beats
                                            640,        // and their bytes
                                            4 + 3 * 2,  // W beats
                                            256 + 300,  // bytes written
                                            2 + 3};     // B
    EXPECT_EQ(events, expected) << (functional ? "functional" : "timed");
  }
}

TEST(DmaCounters, DecoupledSidesCutTheirOwnBursts) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const std::vector<uint32_t> events = run(dma_program(16, 18, R"(
      li a0, 0x80000fc0
      .insn r 0x2b,0,0,x0,a0,x0
      li a0, 0x10000000
      .insn r 0x2b,0,1,x0,a0,x0
      li a1, 256
      .insn r 0x2b,0,2,a3,a1,x1      # bit 0: decoupled
  )"),
                                           false, "1+1", true);
  EXPECT_EQ(events, (std::vector<uint32_t>{1, 256, 2}));
}

TEST(DmaCounters, TellWhatTheEngineWaitsFor) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const auto events_of = [](const char* source, const char* target) {
    return run(dma_program(10, 15,
                           format_text(R"(
      li a0, %s
      .insn r 0x2b,0,0,x0,a0,x0
      li a0, %s
      .insn r 0x2b,0,1,x0,a0,x0
      li a1, 4096
      .insn r 0x2b,0,2,a3,a1,x0
  )",
                                       source, target)
                               .c_str()),
               false, "1+1", true);
  };
  // 64 beats of a cycle each: inwards only the latency is waited for, outwards every second beat
  // waits for main memory.
  const std::vector<uint32_t> in = events_of("0x80001000", "0x10000000");
  EXPECT_EQ(in[0] + in[1] + in[3] + in[5], 0u);
  EXPECT_GT(in[2], 5u);
  EXPECT_LT(in[2], 20u);
  EXPECT_EQ(in[4], in[2]);
  const std::vector<uint32_t> out = events_of("0x10000000", "0x80001000");
  EXPECT_GT(out[3], 25u);
  EXPECT_LT(out[3], 40u);
  EXPECT_EQ(out[5], out[3]);
}

// Events 26 to 30 and cycles of hart 0, as the counters hold them after reset or as selected.
const char* const cache_events = R"(
    .macro events
      .irp at, 0x100, 0x108, 0x110, 0x118, 0x120, 0x128
      lw a1, \at(s0)
      print_hex a1
      .endr
    .endm
      li s0, 0x10021000
      li s1, 26 << 16
      li s2, 1 << 16
      .irp at, 0x80, 0x88, 0x90, 0x98, 0xa0
      sw s1, \at(s0)
      add s1, s1, s2
      .endr
      sw zero, 0xa8(s0)
)";

TEST(CacheCounters, FollowTheFetches) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  // New code all the way, then a loop that stays in its line.
  const std::vector<uint32_t> e = run(std::string(cache_events) + R"(
      .irp at, 0x100, 0x108, 0x110, 0x118, 0x120, 0x128
      sw zero, \at(s0)
      .endr
      .rept 400
      nop
      .endr
      events
      .align 6
      li a0, 500
    1: addi a0, a0, -1
      bnez a0, 1b
      fence
      events
      exit 0)");
  ASSERT_EQ(e.size(), 12u);
  const uint32_t lines = 400 / 16;
  EXPECT_GE(e[0] + e[2], lines);  // every line is missed or prefetched
  EXPECT_GT(e[2], 0u);
  EXPECT_EQ(e[3], 0u);
  EXPECT_GE(e[1], 400u);
  EXPECT_NEAR(e[1] + e[4], e[5], 60);  // every cycle hits or stalls; reads lie some cycles apart
  // The loop's 1000 cycles hit, whatever the code around it does.
  EXPECT_GE(e[7] - e[1], 1000u);
  EXPECT_LT(e[10] - e[4], 400u);
}

TEST(CacheCounters, PrefetchingCanBeSwitchedOff) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const std::vector<uint32_t> e = run(std::string(cache_events) + R"(
      sw zero, 0x1b0(s0)
      fence
      .rept 40
      nop
      .endr
      events
      .rept 400
      nop
      .endr
      events
      exit 0)");
  ASSERT_EQ(e.size(), 12u);
  EXPECT_EQ(e[8], e[2]);
  EXPECT_GE(e[6] - e[0], 400u / 16);          // every line is missed now
  EXPECT_GT(e[10] - e[4], 10 * (400u / 16));  // and waited for
}

TEST(Counters, CountFromResetOn) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const std::vector<uint32_t> e = run(R"(
      li s0, 0x10021000
      lw a0, 0x80(s0)        # cycles
      lw a1, 0x88(s0)        # retired instructions
      lw a2, 0xb0(s0)        # stalls of the instruction cache
      lw a3, 0x00(s0)        # enabled
      lw a4, 0x108(s0)
      csrr a5, minstret
      sub a4, a5, a4
      print_hex a0
      print_hex a1
      print_hex a2
      print_hex a3
      print_hex a4
      exit 0)");
  ASSERT_EQ(e.size(), 5u);
  EXPECT_EQ(e[0], 0u);
  EXPECT_EQ(e[1], 6u << 16);
  EXPECT_EQ(e[2], 30u << 16);
  EXPECT_EQ(e[3], 1u);
  EXPECT_LT(e[4], 6u);
}

TEST(Counters, GoOnWhenTheirEventChangesAndStandWhenDisabled) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const char* const program = R"(
      li s0, 0x10021000
      sw zero, 0x180(s0)
      li a0, 3 << 16         # instructions of the FPU
      sw a0, 0x80(s0)
      sw zero, 0x100(s0)
      .rept 10
      fadd.d fa0, fa1, fa2
      .endr
      fpu_fence
      fence
      lw a1, 0x100(s0)       # 11
      li a0, 7 << 16         # loads
      sw a0, 0x80(s0)
      lw a2, 0x100(s0)       # goes on
      mv a2, a2
      .rept 5
      lw a3, 0x100(s0)
      mv a3, a3
      .endr
      sw zero, 0(s0)
      lw a4, 0x100(s0)
      lw a5, 0x100(s0)
      sub a5, a5, a4
      sw a0, 0x100(s0)       # any write clears
      lw a6, 0x100(s0)
      mv a6, a6
      print_hex a1
      print_hex a3
      print_hex a5
      print_hex a6
      exit 0)";
  for (const bool functional : {false, true}) {
    const std::vector<uint32_t> e = run(program, functional);
    ASSERT_EQ(e.size(), 4u);
    EXPECT_EQ(e[0], 11u);
    EXPECT_GE(e[1], 11u + 5);
    EXPECT_LE(e[1], 11u + 7);
    EXPECT_EQ(e[2], 0u);
    EXPECT_EQ(e[3], 0u);
  }
}

TEST(Counters, OfTheOlderHardwareAreEnabledByEvent) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const std::vector<uint32_t> e = run(R"(
      li s0, 0x10020000
      lw a0, 0x100(s0)       # off after reset
      li a1, 1 << 3
      sw zero, 0x80(s0)
      sw a1, 0(s0)           # instructions of hart 0's FPU
      .rept 10
      fadd.d fa0, fa1, fa2
      .endr
      fpu_fence
      fence
      lw a1, 0x100(s0)
      lw a2, 0(s0)
      li a3, 100
      sw zero, 0(s0)
      sw a3, 0x100(s0)       # writes set it
      lw a3, 0x100(s0)
      mv a3, a3
      print_hex a0
      print_hex a1
      print_hex a2
      print_hex a3
      exit 0)",
                                      false, "2024");
  EXPECT_EQ(e, (std::vector<uint32_t>{0, 11, 8, 100}));
}

}  // namespace
}  // namespace snitch::test
