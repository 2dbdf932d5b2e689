// Programs for the units that instructions only start: streams, FREP, DMA, barrier, interrupts,
// devices. Each runs timed and functional and must print the same; a few check times the hardware
// was measured at.
#include <gtest/gtest.h>

#include "support.h"

namespace snitch::test {
namespace {

struct Case {
  const char* name;
  const char* program;
  const char* output;
  const char* machine = "default";
  bool all_harts = false;
};

const Case cases[] = {
    {"StreamFourDimensions", R"(
      numbers
      # 2 x 2 x 2 x 2 elements at strides 8, 24, 56, 120: relative strides 8, 16, 24, 32
      li t0, 1
      scfg 0, 2, t0
      scfg 0, 3, t0
      scfg 0, 4, t0
      scfg 0, 5, t0
      li t0, 8
      scfg 0, 6, t0
      li t0, 16
      scfg 0, 7, t0
      li t0, 24
      scfg 0, 8, t0
      li t0, 32
      scfg 0, 9, t0
      scfg 0, 1, x0
      scfg 0, 27, a0
      ssr_on
      fcvt.d.w fa0, x0
      li t0, 15
      frep t0, 1
      fadd.d fa0, fa0, ft0
      fmv.x.w t6, fa0
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "000000d0\n"},  // elements 0 1 3 4 7 8 10 11 15 16 18 19 22 23 25 26
    {"StreamRepeat", R"(
      numbers
      job 0, 4, 8, 24, a0
      ssr_on
      fcvt.d.w fa0, x0
      li t0, 3             # the first job has no repeats
      frep t0, 1
      fadd.d fa0, fa0, ft0
      fmv.x.w t6, fa0      # it has to be over before the repeat count changes
      mv t6, t6
      li t0, 2
      scfg 0, 1, t0
      scfg 0, 24, a0
      li t0, 11
      frep t0, 1
      fadd.d fa0, fa0, ft0
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000018\n"},  // 6 + 3 * 6
    {"StreamIndirectReadBytes", R"(
      numbers
      li a1, 0x10000800
      li a2, 0x05030201
      sw a2, 0(a1)
      li a2, 0x1f0b0707
      sw a2, 4(a1)
      li a2, 0x00000004
      sw a2, 8(a1)
      fence
      li t0, 8
      scfg 0, 2, t0
      scfg 0, 10, x0
      scfg 0, 11, a0
      scfg 0, 1, x0
      scfg 0, 16, a1
      ssr_on
      fcvt.d.w fa0, x0
      li t0, 8
      frep t0, 1
      fadd.d fa0, fa0, ft0
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000047\n"},  // 1+2+3+5+7+7+11+31+4 = 71
    {"StreamIndirectHalvesShifted", R"(
      numbers
      li a1, 0x10000802
      li a2, 3
      sh a2, 0(a1)
      li a2, 5
      sh a2, 2(a1)
      li a2, 1
      sh a2, 4(a1)
      sh x0, 6(a1)
      fence
      li t0, 3
      scfg 1, 2, t0
      li t0, 0x101         # two-byte indices, shifted by one more
      scfg 1, 10, t0
      scfg 1, 11, a0
      scfg 1, 1, x0
      scfg 1, 16, a1
      ssr_on
      fcvt.d.w fa0, x0
      li t0, 3
      frep t0, 1
      fadd.d fa0, fa0, ft1
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000012\n"},  // elements 6, 10, 2, 0
    {"StreamIndirectWriteWords", R"(
      numbers
      li a1, 0x10000800
      li a2, 9
      sw a2, 0(a1)
      li a2, 4
      sw a2, 4(a1)
      fence
      li t0, 1
      scfg 0, 2, t0
      li t0, 2
      scfg 0, 10, t0
      scfg 0, 11, a0
      scfg 0, 20, a1
      li t0, 100
      fcvt.d.w fa1, t0
      ssr_on
      fmv.d ft0, fa1
      fadd.d ft0, fa1, fa1
      fpu_fence
      ssr_off
      li t0, 40
    1: addi t0, t0, -1
      bnez t0, 1b
      fld fa0, 72(a0)
      fld fa1, 32(a0)
      fcvt.w.d a1, fa0
      fcvt.w.d a2, fa1
      print_hex a1
      print_hex a2
      exit 0)",
     "00000064\n000000c8\n"},
    {"StreamShadowJobs", R"(
      numbers
      job 0, 4, 8, 24, a0
      addi a1, a0, 64
      scfg 0, 24, a1       # queued behind the running job
      job 2, 8, 8, 28, a0
      ssr_on
      li t0, 7
      frep t0, 1
      fadd.d ft2, ft0, ft0
      fpu_fence
      ssr_off
      li t0, 40
    1: addi t0, t0, -1
      bnez t0, 1b
      fld fa0, 24(a0)
      fld fa1, 32(a0)
      fld fa2, 56(a0)
      fcvt.w.d a1, fa0
      fcvt.w.d a2, fa1
      fcvt.w.d a3, fa2
      print_hex a1
      print_hex a2
      print_hex a3
      exit 0)",
     "00000006\n00000010\n00000016\n"},
    {"StreamStatusAndBroadcast", R"(
      numbers
      li t0, 5
      scfg 31, 2, t0       # bound of all movers
      li t1, (2 << 5) | 1
      scfgr a1, t1
      print_hex a1
      li t1, (2 << 5) | 2
      li t0, 7
      .insn r 0x2b, 2, 0, x1, t0, t1   # scfgw
      scfgr a1, t1
      print_hex a1
      li t1, 0
      scfgr a1, t1
      print_hex a1
      exit 0)",
     "00000005\n00000007\n80000000\n"},
    {"NestedFrepWithStagger", R"(
      li a1, 1
      fcvt.d.w fa1, a1
      fcvt.d.w fa0, x0
      fcvt.d.w fa3, x0
      fcvt.d.w fa4, x0
      li a1, 2
      li a2, 3
      frep a1, 3
      fadd.d fa0, fa0, fa1
      frep a2, 1, 1, x7    # rd and rs1 step through fa3, fa4
      fadd.d fa3, fa3, fa1
      fadd.d fa0, fa0, fa1
      fcvt.w.d a0, fa0
      fcvt.w.d a1, fa3
      fcvt.w.d a2, fa4
      print_hex a0
      print_hex a1
      print_hex a2
      exit 0)",
     "00000006\n00000006\n00000006\n"},
    {"FrepInner", R"(
      li a1, 1
      fcvt.d.w fa1, a1
      fcvt.d.w fa0, x0
      li a1, 4
      .insn i 0x0b, 0, x0, a1, 1
      fadd.d fa0, fa0, fa1
      fadd.d fa0, fa0, fa0
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "000000a0\n", "2024"},  // (1 five times), doubled five times
    {"FrepOfLoadsAndStores", R"(
      li a0, 0x10000000
      li a1, 3
      fcvt.d.w fa1, a1
      fsd fa1, 0(a0)
      li a1, 4
      fcvt.d.w fa0, x0
      frep a1, 3
      fld fa2, 0(a0)
      fadd.d fa0, fa0, fa2
      fsd fa0, 8(a0)
      fpu_fence
      fence
      fld fa3, 8(a0)
      fcvt.w.d a0, fa3
      print_hex a0
      exit 0)",
     "0000000f\n"},
    {"DmaOneAndTwoDimensions", R"(
      csrr t0, mhartid
      li t1, 1
      beq t0, t1, dm
      barrier
      barrier
      li a0, 0x10000000
      lw a1, 12(a0)
      lw a2, 68(a0)
      lw a3, 196(a0)
      print_hex a1
      print_hex a2
      print_hex a3
      exit 0
    dm:
      barrier
      la a0, data
      li a1, 0x10000000
      li a2, 16
      .insn r 0x2b,0,0,x0,a0,x0      # dmsrc
      .insn r 0x2b,0,1,x0,a1,x0      # dmdst
      .insn r 0x2b,0,2,a3,a2,x0      # dmcpyi
      li a1, 0x10000040
      .insn r 0x2b,0,1,x0,a1,x0
      li a4, 8
      li a5, 64
      .insn r 0x2b,0,6,x0,a4,a5      # dmstr
      li a4, 3
      .insn r 0x2b,0,7,x0,a4,x0      # dmrep
      li a2, 8
      li a6, 2
      .insn r 0x2b,0,3,a3,a2,a6      # dmcpy, two-dimensional
      li a0, 0x10030000
      .insn r 0x2b,0,0,x0,a0,x0
      li a1, 0x10000100
      .insn r 0x2b,0,1,x0,a1,x0
      li a2, 64
      .insn r 0x2b,0,2,a3,a2,x0      # zeros
    1: .insn r 0x2b,0,4,a3,x0,x2     # dmstati busy
      bnez a3, 1b
      .insn r 0x2b,0,5,a3,x0,a6      # dmstat busy
      barrier
    2: wfi
      j 2b
      .align 3
    data: .word 1, 2, 3, 4, 5, 6, 7, 8)",
     "00000004\n00000002\n00000006\n", "1+1", true},
    {"DmaStatus", R"(
      csrr t0, mhartid
      bnez t0, dm
    0: j 0b
    dm:
      .insn r 0x2b,0,4,a0,x0,x0      # dmstati: completed, next
      .insn r 0x2b,0,4,a1,x0,x1
      print_hex a0
      print_hex a1
      .insn r 0x2b,0,8,x0,a0,a0      # dmuser
      li a2, 0x80000000
      .insn r 0x2b,0,0,x0,a2,x0
      li a2, 0x10000000
      .insn r 0x2b,0,1,x0,a2,x0
      li a2, 64
      .insn r 0x2b,0,2,a3,a2,x0
      print_hex a3
      li a4, 2
    1: .insn r 0x2b,0,5,a5,x0,a4     # dmstat busy
      bnez a5, 1b
      li a4, 3
      .insn r 0x2b,0,5,a5,x0,a4      # would block
      .insn r 0x2b,0,4,a0,x0,x0
      .insn r 0x2b,0,4,a1,x0,x1
      print_hex a5
      print_hex a0
      print_hex a1
      li a2, 0
      .insn r 0x2b,0,2,a3,a2,x0      # nothing moves nothing
      .insn r 0x2b,0,4,a0,x0,x0
      print_hex a0
      exit 0)",
     "00000001\n00000002\n00000002\n00000000\n00000002\n00000003\n00000002\n", "1+1", true},
    {"ScfgriOfTheOlderHardware", R"(
      li a0, 5
      scfg 1, 2, a0
      .insn i 0x2b, 1, a1, x0, (2 << 5) | 1
      mv a1, a1
      print_hex a1
      exit 0)",
     "00000005\n", "2024"},
    {"DmaUnaligned", R"(
      csrr t0, mhartid
      li t1, 1
      beq t0, t1, dm
      barrier
      li a0, 0x10000000
      lbu a1, 3(a0)
      lbu a2, 4(a0)
      lbu a3, 102(a0)
      lbu a4, 103(a0)
      print_hex a1
      print_hex a2
      print_hex a3
      print_hex a4
      exit 0
    dm:
      li a0, 0x10001000
      li a1, 0
    1: add a2, a0, a1
      sb a1, 0(a2)
      addi a1, a1, 1
      li a2, 120
      bne a1, a2, 1b
      fence
      addi a0, a0, 1
      .insn r 0x2b,0,0,x0,a0,x0
      li a1, 0x10000003
      .insn r 0x2b,0,1,x0,a1,x0
      li a2, 100
      .insn r 0x2b,0,2,a3,a2,x0
    1: .insn r 0x2b,0,4,a3,x0,x2
      bnez a3, 1b
      barrier
    2: wfi
      j 2b)",
     "00000001\n00000002\n00000064\n00000000\n", "1+1", true},
    {"ClusterInterruptWakes", R"(
      csrr t0, mhartid
      li t1, 0x100211a8
      li t2, 1
      sll t2, t2, t0
      sw t2, 0(t1)         # clear mine
      fence
      lw t3, 0(t1)
      mv t3, t3
      barrier
      beqz t0, waker
    1: wfi
      csrr t1, mip
      beqz t1, 1b
      li t5, 0xf0000000
      sw t1, 16(t5)
      sw zero, 32(t5)
      exit 0
    waker:
      li t3, 300
    2: addi t3, t3, -1
      bnez t3, 2b
      li t1, 0x100211a0
      li t2, 2
      sw t2, 0(t1)
    3: wfi
      j 3b)",
     "00080000\n", "1+1", true},
    {"SoftwareInterruptTraps", R"(
      la t0, handler
      csrw mtvec, t0
      li t0, 0x100211a8
      li t1, 1
      sw t1, 0(t0)
      li t0, 8
      csrw mie, t0
      csrsi mstatus, 8
      li t0, 0xffff0000
      sw t1, 0(t0)
    1: j 1b
    handler:
      csrr a0, mcause
      print_hex a0
      exit 0)",
     "80000003\n"},
    {"HostInterface", R"(
      la a0, call
      la a1, tohost
      sw a0, 0(a1)
      sw zero, 4(a1)
      la a1, fromhost
    1: lw a0, 0(a1)
      beqz a0, 1b
      sw zero, 0(a1)
      la a1, tohost
      li a0, (0 << 1) | 1
      sw a0, 0(a1)
    2: j 2b
      .align 3
    text: .ascii "hello\n"
      .align 3
    call: .word 64, 0, 1, 0, text, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0
      .align 6
      .globl tohost
    tohost: .word 0, 0
      .globl fromhost
    fromhost: .word 0, 0)",
     "hello\n"},
    {"AliasOfTheTcdm", R"(
      li a0, 0x10000100
      li a1, 0x18000100
      li a2, 0x1234
      sw a2, 0(a0)
      fence
      lw a3, 0(a1)
      print_hex a3
      exit 0)",
     "00001234\n"},
    {"ZeroMemory", R"(
      li a0, 0x10030000
      li a2, 0x1234
      sw a2, 0(a0)
      fence
      lw a3, 0(a0)
      print_hex a3
      exit 0)",
     "00000000\n"},
    {"AtomicCounterOfAllHarts", R"(
      csrr t0, mhartid
      li a0, 0x10000000
      li a1, 100
      li a2, 1
    1: amoadd.w zero, a2, (a0)
      addi a1, a1, -1
      bnez a1, 1b
      fence
      barrier
      bnez t0, park
      lw a1, 0(a0)
      print_hex a1
      exit 0
    park: wfi
      j park)",
     "00000384\n", "default", true},
};

class Units : public testing::TestWithParam<Case> {};

TEST_P(Units, DoTheirWorkTimedAndFunctional) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const Case& c = GetParam();
  const std::vector<uint8_t> elf = assemble(c.program, c.all_harts);
  for (const bool functional : {false, true}) {
    RunOptions options;
    options.machine = c.machine;
    options.functional = functional;
    const RunResult result = run_program(elf, options);
    EXPECT_EQ(result.violation, "");
    EXPECT_EQ(result.output, c.output) << (functional ? "functional" : "timed");
  }
}

INSTANTIATE_TEST_SUITE_P(All, Units, testing::ValuesIn(cases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace snitch::test
