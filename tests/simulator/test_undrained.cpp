// Reads of what a write stream has yet to store, by everybody who can read, and reads that only
// look like it and must be let through.
#include <gtest/gtest.h>

#include "support.h"

namespace snitch::test {
namespace {

struct Case {
  const char* name;
  const char* says;  // part of the message
  const char* program;
  bool timed_only = false;
  const char* machine = "default";
  bool all_harts = false;
};

const Case cases[] = {
    {"ReadWithoutFence", "lw a2, 248(a0)", R"(
      li a0, 0x10000000
      job 2, 32, 8, 28, a0
      ssr_on
      li a1, 31
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      lw a2, 248(a0)
      mv a2, a2
      exit 0)"},
    {"AtomicWithoutFence", "amoadd.w", R"(
      li a0, 0x10000000
      job 2, 32, 8, 28, a0
      ssr_on
      li a1, 31
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      addi a0, a0, 248
      amoadd.w a2, a1, (a0)
      mv a2, a2
      exit 0)"},
    {"ReadOfQueuedJob", "0x10000208 is read before the write stream of ft2", R"(
      li a0, 0x10000000
      job 2, 32, 8, 28, a0
      addi a1, a0, 0x200
      scfg 2, 28, a1         # the next job, behind the first
      ssr_on
      li a2, 63
      frep a2, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      lw a2, 8(a1)
      mv a2, a2
      exit 0)",
     true},
    {"ReadOfNestedJob", "0x10000118 is read", R"(
      li a0, 0x10000000
      li t0, 3
      scfg 2, 2, t0
      scfg 2, 3, t0
      li t0, 8
      scfg 2, 6, t0          # four neighbours, four rows of 64 bytes
      li t0, 64 - 24
      scfg 2, 7, t0
      addi a1, a0, 0x100
      scfg 2, 29, a1
      ssr_on
      li a2, 15
      frep a2, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      lw a2, 0x120(a0)       # between the rows
      lw a2, 0x118(a0)
      mv a2, a2
      exit 0)",
     true},
    {"ReadOfScatteredResult", "write stream of ft1", R"(
      li a0, 0x10000000
      li a1, 0x00050002      # the elements 2 and 5 of the table at 0x10000100
      sw a1, 0(a0)
      fence
      li t0, 1
      scfg 1, 2, t0
      scfg 1, 10, t0         # two-byte indices
      addi t0, a0, 0x100
      scfg 1, 11, t0
      scfg 1, 20, a0
      ssr_on
      fadd.d ft1, fa0, fa0
      fadd.d ft1, fa0, fa0
      ssr_off
      lw a2, 0x128(a0)
      mv a2, a2
      exit 0)",
     true},
    {"FpLoadBehindStream", "fld fa1, 24(a0)", R"(
      li a0, 0x10000000
      job 2, 4, 8, 28, a0
      ssr_on
      fadd.d ft2, fa0, fa0
      fadd.d ft2, fa0, fa0
      fadd.d ft2, fa0, fa0
      fadd.d ft2, fa0, fa0
      fld fa1, 24(a0)
      fmv.d fa1, fa1
      ssr_off
      fpu_fence
      exit 0)",
     true},
    {"ReadByAnotherHart", "write stream of ft2 of hart 0", R"(
      csrr t0, mhartid
      li a0, 0x10000000
      bnez t0, other
      job 2, 100, 8, 28, a0
      ssr_on
      li a1, 99
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      barrier                # too early: nobody waited for the FPU
      exit 0
    other:
      barrier
      lw a2, 792(a0)
      mv a2, a2
    1: j 1b)",
     true, "1+1", true},
    {"ReadByAnotherHartWithoutFence", "of hart 0", R"(
      csrr t0, mhartid
      li a0, 0x10000000
      bnez t0, other
      job 2, 100, 8, 28, a0
      ssr_on
      li a1, 99
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      barrier
    1: j 1b
    other:
      barrier
      lw a2, 792(a0)
      mv a2, a2
      exit 0)",
     false, "1+1", true},
    {"StreamReadsAnotherHartsResult", "of hart 0", R"(
      csrr t0, mhartid
      li a0, 0x10000000
      li a1, 49
      beqz t0, first
      li a2, 1
      bne t0, a2, rest
      job 0, 50, 8, 24, a0   # starts to read at once
      ssr_on
      frep a1, 1
      fadd.d fa1, fa1, ft0
      ssr_off
      fpu_fence
      barrier
      exit 0
    first:
      job 2, 50, 8, 28, a0
      ssr_on
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
    rest:
      barrier
    1: j 1b)",
     false, "4+1", true},
    {"DmaReadsResult", "dmcpyi", R"(
      csrr t0, mhartid
      li a0, 0x10000000
      bnez t0, mover
      job 2, 100, 8, 28, a0
      ssr_on
      li a1, 99
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      barrier
    1: j 1b
    mover:
      li a1, 0x80010000
      li a2, 800
      .insn r 0x2b,0,0,x0,a0,x0
      .insn r 0x2b,0,1,x0,a1,x0
      barrier
      .insn r 0x2b,0,2,a3,a2,x0
    1: .insn r 0x2b,0,4,a0,x0,x2
      bnez a0, 1b
      exit 0)",
     false, "1+1", true},
};

class Undrained : public testing::TestWithParam<Case> {};

TEST_P(Undrained, ReadsStopTheRun) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const Case& c = GetParam();
  const std::vector<uint8_t> elf = assemble(c.program, c.all_harts);
  for (const bool functional : {false, true}) {
    if (functional && c.timed_only) continue;
    RunOptions options;
    options.machine = c.machine;
    options.functional = functional;
    const RunResult result = run_program(elf, options);
    EXPECT_EQ(result.rule, "undrained-read") << result.violation;
    EXPECT_NE(result.violation.find(c.says), std::string::npos) << result.violation;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Undrained, testing::ValuesIn(cases),
                         [](const auto& info) { return std::string(info.param.name); });

// Reads that are in order although a write stream is under way must not be taken for mistakes.
struct Allowed {
  const char* name;
  const char* program;
  bool all_harts = false;
};

const Allowed allowed[] = {
    {"OldValuesBeforeTheRegion", R"(
      li a0, 0x10000000
      job 2, 8, 8, 28, a0    # the job is ready, nothing uses it yet
      lw a1, 8(a0)
      mv a1, a1
      ssr_on
      li a2, 7
      frep a2, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      fpu_fence
      li a2, 20
    1: addi a2, a2, -1
      bnez a2, 1b
      lw a1, 56(a0)
      mv a1, a1
      exit 0)"},
    {"AccumulationByFpLoads", R"(
      li a0, 0x10000000
      job 2, 4, 8, 28, a0
      ssr_on
      .irp at, 0, 8, 16, 24
      fld fa1, \at(a0)
      fadd.d ft2, fa1, fa0
      .endr
      ssr_off
      fpu_fence
      exit 0)"},
    {"StreamsInPlace", R"(
      li a0, 0x10000000
      job 0, 32, 8, 24, a0
      job 2, 32, 8, 28, a0
      ssr_on
      li a1, 31
      frep a1, 1
      fadd.d ft2, ft0, fa0
      ssr_off
      fpu_fence
      exit 0)"},
    {"WordsBesideTheStream", R"(
      li a0, 0x10000000
      job 2, 32, 16, 28, a0  # every other word
      ssr_on
      li a1, 31
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      lw a2, 8(a0)
      lw a2, 488(a0)
      lw a2, 504(a0)
      mv a2, a2
      fpu_fence
      exit 0)"},
    {"HandOverAtABarrier", R"(
      csrr t0, mhartid
      li a0, 0x10000000
      bnez t0, other
      job 2, 100, 8, 28, a0
      ssr_on
      li a1, 99
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      fpu_fence
      li a2, 2
    1: scfgr a1, a2          # until the job is done
      bgez a1, 1b
      barrier
    2: j 2b
    other:
      barrier
      lw a2, 792(a0)
      mv a2, a2
      li a3, 8
      bne t0, a3, rest
      exit 0
    rest: j rest)",
     true},
};

class Permitted : public testing::TestWithParam<Allowed> {};

TEST_P(Permitted, RunsToItsEnd) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  RunOptions options;
  options.strict = true;
  for (const bool functional : {false, true}) {
    options.functional = functional;
    const RunResult result =
        run_program(assemble(GetParam().program, GetParam().all_harts), options);
    EXPECT_EQ(result.violation, "");
    EXPECT_TRUE(result.exited);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Permitted, testing::ValuesIn(allowed),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace snitch::test
