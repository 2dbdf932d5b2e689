// One program for every rule: it breaks the rule, the run must end with the rule's name, the hart,
// the address and the instruction in the message. Rules the hardware breaks silently are also run
// as on hardware, where the program has to go on with what the hardware would do.
#include <gtest/gtest.h>

#include "support.h"

namespace snitch::test {
namespace {

struct Case {
  const char* name;
  const char* rule;
  const char* says;  // part of the message
  const char* program;
  bool timed_only = false;
  const char* machine = "default";
  bool strict = false;
  bool all_harts = false;
};

const Case cases[] = {
    {"IllegalInstruction", "illegal-instruction", "0xffffffff is no instruction",
     ".word 0xffffffff"},
    {"MissingDivider", "missing-divider", "fdiv.s", "fdiv.s fa0, fa1, fa2"},
    {"MissingSquareRoot", "missing-divider", "fsqrt.d", "fsqrt.d fa0, fa1"},
    {"SimdOnDmCore", "missing-extension", "hart 1, pc", R"(
      csrr t0, mhartid
      beqz t0, park
      .insn r 0x33, 0, 0x41, fa0, fa1, fa2
    park: wfi
      j park)",
     false, "1+1", false, true},
    {"StreamsOnDmCore", "missing-extension", "DM core", R"(
      csrr t0, mhartid
      beqz t0, park
      ssr_on
    park: wfi
      j park)",
     false, "1+1", false, true},
    {"DmaOnComputeCore", "missing-extension", "only the DM core", ".insn r 0x2b,0,0,x0,a0,x0"},
    {"FrepInnerOnNewMachine", "missing-extension", "does not have this instruction",
     ".insn i 0x0b, 0, x0, a0, 0"},
    {"MisalignedLoad", "misaligned-access", "0x10000002 is no multiple of 4",
     "li a0, 0x10000002\n lw a1, 0(a0)"},
    {"MisalignedDouble", "misaligned-access", "is no multiple of 8",
     "li a0, 0x10000004\n fld fa1, 0(a0)"},
    {"MisalignedStore", "misaligned-access", "sh", "li a0, 0x10000001\n sh a1, 0(a0)"},
    {"UnmappedAccess", "unmapped-access", "nothing answers at 0x20000000",
     "li a0, 0x20000000\n lw a1, 0(a0)\n mv a1, a1\n exit 0"},
    {"UnmappedFetch", "unmapped-fetch", "pc 0x20000000", "li a0, 0x20000000\n jr a0"},
    {"UnhandledTrap", "unhandled-trap", "mtvec is not set", "ecall"},
    {"UnboxedOperand", "unboxed-operand", "no boxed value",
     "fcvt.d.w fa1, x0\n fadd.s fa0, fa1, fa1\n fpu_fence\n exit 0", false, "default", true},
    {"StreamStride", "stream-stride", "stride 4 is no multiple of 8; the hardware would use 0",
     "li a0, 4\n scfg 0, 6, a0\n exit 0"},
    {"StreamAlignment", "stream-alignment", "0x10000004 is no multiple of 8",
     "li a0, 0x10000004\n job 0, 1, 8, 24, a0\n exit 0"},
    {"StreamOutsideTcdm", "stream-range", "0x80000000 outside the TCDM",
     "li a0, 0x80000000\n job 0, 1, 8, 24, a0\n exit 0"},
    {"StreamWalksOutOfTcdm", "stream-range",
     "0x10020000 outside the TCDM; the hardware would "
     "access 0x10000000",
     R"(li a0, 0x1001fff8
      job 0, 2, 8, 24, a0
      ssr_on
      fadd.d fa0, ft0, ft0
      fadd.d fa0, ft0, ft0
      ssr_off
      fpu_fence
      exit 0)"},
    {"StreamCount", "stream-count", "does not fit 17 bits",
     "li a0, 0x20000\n scfg 0, 2, a0\n exit 0"},
    {"StreamRepeat", "stream-repeat", "17 repetitions do not fit 4 bits",
     "li a0, 16\n scfg 0, 1, a0\n exit 0"},
    {"StreamRace", "stream-race", "repeat count changes", R"(
      li a0, 0x10000000
      job 0, 2, 8, 24, a0
      li a1, 50
    1: addi a1, a1, -1
      bnez a1, 1b
      li a1, 3
      scfg 0, 1, a1
      exit 0)",
     true},
    {"StreamOverRead", "stream-overrun", "reads ft0, but its stream has delivered all", R"(
      li a0, 0x10000000
      job 0, 2, 8, 24, a0
      ssr_on
      li a1, 2
      frep a1, 1
      fadd.d fa0, fa0, ft0
      ssr_off
      fpu_fence
      exit 0)"},
    {"StreamUnderRead", "stream-underrun", "ft0 has 3 accesses left to make", R"(
      li a0, 0x10000000
      job 0, 5, 8, 24, a0
      ssr_on
      fadd.d fa0, fa0, ft0
      fadd.d fa0, fa0, ft0
      ssr_off
      fpu_fence
      exit 0)"},
    {"StreamUnderWrite", "stream-underrun", "ft2 has 1 accesses left to make", R"(
      li a0, 0x10000000
      job 2, 2, 8, 28, a0
      ssr_on
      fadd.d ft2, fa0, fa0
      ssr_off
      fpu_fence
      exit 0)"},
    {"StreamOverWrite", "stream-overrun", "ft2", R"(
      li a0, 0x10000000
      job 2, 1, 8, 28, a0
      ssr_on
      fadd.d ft2, fa0, fa0
      fadd.d ft2, fa0, fa0
      ssr_off
      fpu_fence
      exit 0)"},
    {"ReadOfWriteStream", "stream-direction", "is read while its stream writes", R"(
      li a0, 0x10000000
      job 2, 2, 8, 28, a0
      ssr_on
      fadd.d ft2, fa0, fa0
      fadd.d fa1, ft2, fa0
      ssr_off
      fpu_fence
      exit 0)"},
    {"IndirectionWithoutIndexPort", "stream-unsupported", "mover 2 has no index port",
     "li a0, 0x10000000\n job 2, 1, 8, 16, a0\n exit 0"},
    {"FrepUntilStreamEnds", "stream-unsupported", "bit 31", R"(
      li a1, 3
      .insn i 0x0b, 0, x1, a1, -2048
      fadd.d fa0, fa1, fa2
      exit 0)"},
    {"FrepUntilStreamEndsOnOldMachine", "stream-unsupported", "bit 31", R"(
      li a1, 3
      .insn i 0x0b, 0, x1, a1, -2048
      fadd.d fa0, fa1, fa2
      exit 0)",
     false, "2024"},
    {"NoSuchMover", "stream-unsupported", "no data mover 5", "scfg 5, 1, x0\n exit 0"},
    {"FrepBodyWithIntegerResult", "frep-body", "cannot be repeated by FREP", R"(
      li a1, 3
      frep a1, 2
      fadd.d fa0, fa1, fa2
      feq.d a0, fa0, fa0
      exit 0)"},
    {"FrepBodyWithIntegerOperand", "frep-body", "may not touch integer registers", R"(
      li a1, 3
      frep a1, 1
      fcvt.d.w fa0, a1
      fpu_fence
      exit 0)"},
    {"FrepTooLong", "frep-length", "33 instructions does not fit the buffer of 32", R"(
      li a1, 3
      frep a1, 33
      .rept 33
      fadd.d fa0, fa1, fa2
      .endr
      exit 0)"},
    {"FrepTooOften", "frep-count",
     "70000 iterations do not fit 16 bits; the hardware would do 4464",
     "li a1, 69999\n frep a1, 1\n fadd.d fa0, fa1, fa2\n fpu_fence\n exit 0"},
    {"FrepNestedTooDeep", "frep-nesting", "nests 2 FREP loop(s)", R"(
      li a1, 1
      frep a1, 3
      frep a1, 2
      frep a1, 1
      fadd.d fa0, fa1, fa2
      fadd.d fa0, fa1, fa2
      fadd.d fa0, fa1, fa2
      exit 0)"},
    {"FrepNestedOnOldMachine", "frep-nesting", "nests 1 FREP loop(s)", R"(
      li a1, 1
      frep a1, 2
      frep a1, 1
      fadd.d fa0, fa1, fa2
      fadd.d fa0, fa1, fa2
      exit 0)",
     false, "2024"},
    {"FrepInnerBodyTooLong", "frep-nesting", "ends behind the outer one's", R"(
      li a1, 1
      frep a1, 2
      frep a1, 3
      fadd.d fa0, fa1, fa2
      exit 0)"},
    {"DmaOutsideMemory", "dma-range", "target", R"(
      csrr t0, mhartid
      beqz t0, park
      li a0, 0x80000000
      li a1, 0x40000000
      li a2, 64
      .insn r 0x2b,0,0,x0,a0,x0
      .insn r 0x2b,0,1,x0,a1,x0
      .insn r 0x2b,0,2,a3,a2,x0
    park: wfi
      j park)",
     false, "1+1", false, true},
    {"ReadBeforeDrained", "undrained-read", "before the write stream of ft2 has stored it", R"(
      li a0, 0x10000000
      job 2, 32, 8, 28, a0
      ssr_on
      li a1, 31
      frep a1, 1
      fadd.d ft2, fa0, fa0
      ssr_off
      lw a2, 248(a0)
      mv a2, a2
      exit 0)",
     true},
    {"ScfgriOnNewMachine", "config-read", "use scfgr", ".insn i 0x2b, 1, a0, x0, 0\n exit 0"},
    {"DeadlockAtBarrier", "deadlock", "hart 0 at 0x", "barrier\n exit 0", true},
    {"DeadlockFunctional", "deadlock", "waits at the barrier", "barrier\n exit 0"},
    {"CycleLimit", "cycle-limit", "raise --cycles", "1: j 1b"},
    {"StreamsByPlainCsrWrite", "illegal-instruction", "csrsi and csrci only", "csrw 0x7c0, x0"},
    {"ChainingIsNotModelled", "missing-extension", "not modelled", "li a0, 1\n csrs 0x7c3, a0"},
};

class Rules : public testing::TestWithParam<Case> {};

TEST_P(Rules, StopTheRunWithAMessage) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const Case& c = GetParam();
  const std::vector<uint8_t> elf = assemble(c.program, c.all_harts);
  for (const bool functional : {false, true}) {
    if (functional && c.timed_only) continue;
    RunOptions options;
    options.machine = c.machine;
    options.functional = functional;
    options.strict = c.strict;
    const RunResult result = run_program(elf, options);
    EXPECT_EQ(result.rule, c.rule) << result.violation;
    EXPECT_NE(result.violation.find(c.says), std::string::npos)
        << "message was: " << result.violation;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Rules, testing::ValuesIn(cases),
                         [](const auto& info) { return std::string(info.param.name); });

// Every rule of the simulator must have a case above.
TEST(RuleTable, IsCompletelyTested) {
  for (int r = 0; r <= static_cast<int>(Rule::cycle_limit); r++) {
    const std::string name = rule_name(static_cast<Rule>(r));
    bool found = false;
    for (const Case& c : cases) found = found || name == c.rule;
    EXPECT_TRUE(found) << name << " has no test";
  }
}

TEST(Messages, NameHartAddressAndInstruction) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const RunResult result = run_program(assemble("li a0, 0x10000002\n lw a1, 4(a0)"));
  EXPECT_NE(result.violation.find("hart 0, pc 0x800000"), std::string::npos) << result.violation;
  EXPECT_NE(result.violation.find("lw a1, 4(a0)"), std::string::npos) << result.violation;
  EXPECT_NE(result.violation.find("rule misaligned-access"), std::string::npos) << result.violation;
}

struct Silent {
  const char* name;
  const char* program;
  const char* output;  // what the hardware's behaviour makes the program print
  const char* warning;
};

const Silent silent_cases[] = {
    {"MaskedStride", R"(
      li a0, 0x10000000
      li a1, 0x3ff00000   # 1.0, then 2.0
      sw a1, 4(a0)
      li a1, 0x40000000
      sw a1, 12(a0)
      fence
      job 0, 2, 4, 24, a0
      ssr_on
      fmv.d fa1, ft0
      fadd.d fa0, fa1, ft0
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000002\n", "stream-stride"},
    {"WrappedPointer", R"(
      li a0, 0x10000010
      li a1, 0x40080000   # 3.0
      sw a1, 4(a0)
      fence
      li a0, 0x80000010
      job 0, 1, 8, 24, a0
      ssr_on
      fmv.d fa0, ft0
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000003\n", "stream-range"},
    {"WrappedCount", R"(
      li a1, 1
      fcvt.d.w fa1, a1
      fcvt.d.w fa0, x0
      li a1, 0x10002
      frep a1, 1
      fadd.d fa0, fa0, fa1
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000003\n", "frep-count"},
    {"WrappedRepeat", R"(
      li a0, 0x10000000
      li a1, 1
      scfg 0, 2, a1
      scfg 0, 6, x0
      li a1, 17              # 18 times become 2 times
      scfg 0, 1, a1
      scfg 0, 24, a0
      ssr_on
      fadd.d fa0, ft0, ft0   # both name one word
      fadd.d fa0, ft0, ft0
      fadd.d fa0, ft0, ft0
      fadd.d fa0, ft0, ft0
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000000\n", "stream-repeat"},
    {"IgnoredPointerBits", R"(
      li a0, 0x10000000
      li a1, 0x40080000   # 3.0
      sw a1, 4(a0)
      fence
      addi a0, a0, 4
      job 0, 1, 8, 24, a0
      ssr_on
      fmv.d fa0, ft0
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000003\n", "stream-alignment"},
    {"WrappedBound", R"(
      li a0, 0x10000000
      job 0, 1, 8, 24, a0
      li a1, 0x20001      # 131074 elements would be 2
      scfg 1, 2, a1
      scfg 1, 6, x0
      scfg 1, 24, a0
      ssr_on
      fadd.d fa0, ft0, ft1
      fadd.d fa0, fa0, ft1
      ssr_off
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000000\n", "stream-count"},
    {"LongBodyLosesItsHead", R"(
      li a1, 1
      fcvt.d.w fa1, a1
      fcvt.d.w fa0, x0
      li a1, 1
      frep a1, 33         # only one instruction of 33 is repeated
      .rept 33
      fadd.d fa0, fa0, fa1
      .endr
      fcvt.w.d a0, fa0
      print_hex a0
      exit 0)",
     "00000022\n", "frep-length"},
    {"UnboxedIsNan", R"(
      fcvt.d.w fa1, x0
      fadd.s fa0, fa1, fa1
      fmv.x.w a0, fa0
      print_hex a0
      exit 0)",
     "7fc00000\n", "unboxed-operand"},
    {"TrapIsTaken", R"(
      la a0, handler
      csrw mtvec, a0
      li a0, 0x10000002
      lw a1, 0(a0)
    handler:
      csrr a0, mcause
      print_hex a0
      exit 0)",
     "00000004\n", "misaligned-access"},
};

class AsHardware : public testing::TestWithParam<Silent> {};

TEST_P(AsHardware, GoesOnWithAWarning) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const Silent& c = GetParam();
  RunOptions options;
  options.as_hardware = true;
  for (const bool functional : {false, true}) {
    options.functional = functional;
    const RunResult result = run_program(assemble(c.program), options);
    EXPECT_EQ(result.output, c.output) << result.violation;
    ASSERT_FALSE(result.warnings.empty());
    EXPECT_NE(result.warnings[0].find(c.warning), std::string::npos) << result.warnings[0];
  }
}

INSTANTIATE_TEST_SUITE_P(All, AsHardware, testing::ValuesIn(silent_cases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace snitch::test
