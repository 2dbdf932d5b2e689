// The cluster as a whole: times the hardware was measured at, machines, determinism, trace and
// profile.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "profile.h"
#include "support.h"

namespace snitch::test {
namespace {

// --- Times the hardware was measured at: cycles between two reads of mcycle around a snippet, less
// the one cycle the second read takes.
struct Timing {
  const char* name;
  const char* setup;
  const char* snippet;
  int cycles;
};

const Timing timings[] = {
    {"LoadUse", "li a0, 0x10000000", "lw a1, 0(a0)\n mv a1, a1", 5},
    {"LoadUseFromMainMemory", "li a0, 0x80001000", "lw a1, 0(a0)\n mv a1, a1", 12},
    {"Multiply", "li a0, 3", "mul a1, a0, a0\n mv a1, a1", 5},
    {"Divide", "li a0, 300\n li a1, 3", "divu a2, a0, a1\n mv a2, a2", 13},
    {"Fence", "", "fmv.x.w a0, fa0\n mv a0, a0", 6},
    {"RoundTrip", "li a0, 1", "fmv.w.x fa0, a0\n fmv.x.w a0, fa0\n mv a0, a0", 8},
    {"ConvertRoundTrip", "li a0, 1", "fcvt.s.w fa0, a0\n fcvt.w.s a0, fa0\n mv a0, a0", 9},
    {"StreamSwitch", "", "ssr_on\n ssr_off", 2},
    {"ScfgwiFourTimes", "li a0, 8", ".rept 4\n scfg 0, 6, a0\n .endr", 4},
};

class Times : public testing::TestWithParam<Timing> {};

TEST_P(Times, AreThoseOfTheHardware) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const Timing& t = GetParam();
  // Twice, so that the instructions are cached the second time.
  const std::string program = std::string(t.setup) + R"(
      li s2, 2
    again:
      .align 6
      mv s3, s3
      csrr s0, mcycle
)" + t.snippet + R"(
      csrr s1, mcycle
      .rept 40
      nop
      .endr
      addi s2, s2, -1
      bnez s2, again
      sub s1, s1, s0
      addi s1, s1, -1
      print_hex s1
      exit 0)";
  const RunResult result = run_program(assemble(program));
  EXPECT_EQ(result.violation, "");
  EXPECT_EQ(result.output, format_text("%08x\n", static_cast<unsigned>(t.cycles)));
}

INSTANTIATE_TEST_SUITE_P(All, Times, testing::ValuesIn(timings),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Barrier, ReleasesThreeCyclesAfterTheLastArrival) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const RunResult result = run_program(assemble(R"(
      csrr t0, mhartid
      li a2, 3
    1: barrier
      csrr a0, mcycle
      barrier
      csrr a1, mcycle
      barrier
      addi a2, a2, -1
      bnez a2, 1b
      bnez t0, park
      sub a1, a1, a0
      print_hex a1
      exit 0
    park: wfi
      j park)",
                                                true));
  EXPECT_EQ(result.output, "00000003\n");
}

TEST(Runs, AreDeterministic) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  // All harts fight for one bank and for the multiplier.
  const std::vector<uint8_t> elf = assemble(R"(
      csrr t0, mhartid
      li a0, 0x10000000
      li a1, 100
    1: amoadd.w a2, a1, (a0)
      mul a3, a2, a1
      sw a3, 0(a0)
      addi a1, a1, -1
      bnez a1, 1b
      barrier
      bnez t0, park
      exit 0
    park: wfi
      j park)",
                                            true);
  const RunResult first = run_program(elf), second = run_program(elf);
  EXPECT_EQ(first.cycles, second.cycles);
  EXPECT_EQ(first.instructions, second.instructions);
  EXPECT_GT(first.cycles, 0u);
}

TEST(Machines, BundledAndFromFiles) {
  for (const std::string& name : machine_names()) EXPECT_EQ(load_machine(name).name, name);
  EXPECT_EQ(load_machine("4+1").harts(), 5);
  EXPECT_EQ(load_machine("1+1").harts(), 2);
  EXPECT_TRUE(load_machine("fdiv").div_sqrt);
  EXPECT_EQ(load_machine("2024").frep_depth, 16);
  EXPECT_EQ(load_machine("2024").frep_levels, 1);
  // The files themselves mean the same; `default` gives every field its default.
  for (const std::string& name : machine_names())
    EXPECT_TRUE(load_machine(SIMULATOR_MACHINES "/" + name + ".json") == load_machine(name))
        << name;
  EXPECT_TRUE(load_machine("default") == Machine{});
  EXPECT_EQ(load_machine("2024").peripheral_base, 0x10020000u);
  const std::string path = testing::TempDir() + "machine.json";
  std::ofstream(path)
      << R"({"base": "4+1", "name": "mine", "frep_depth": 64, "tcdm_base": "0x11000000"})";
  const Machine mine = load_machine(path);
  EXPECT_EQ(mine.compute_cores, 4);
  EXPECT_EQ(mine.frep_depth, 64);
  EXPECT_EQ(mine.tcdm_base, 0x11000000u);
  for (const char* wrong :
       {R"({"no_such_field": 1})", R"({"compute_cores": 99})", "{", R"({"base": "x"})",
        R"({"tcdm_banks": 7})", R"({"frep_depth": "many"})"}) {
    std::ofstream(path) << wrong;
    EXPECT_THROW(load_machine(path), std::runtime_error) << wrong;
  }
  std::remove(path.c_str());
  EXPECT_THROW(load_machine("/no/such/file"), std::runtime_error);
}

TEST(Machines, WithADividerDivide) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  RunOptions options;
  options.machine = "fdiv";
  const RunResult result = run_program(assemble(R"(
      li a0, 12
      li a1, 4
      fcvt.d.w fa0, a0
      fcvt.d.w fa1, a1
      fdiv.d fa2, fa0, fa1
      fsqrt.d fa3, fa1
      fcvt.w.d a0, fa2
      fcvt.w.d a1, fa3
      print_hex a0
      print_hex a1
      exit 0)"),
                                       options);
  EXPECT_EQ(result.output, "00000003\n00000002\n") << result.violation;
}

// A trace's lines without the times, those of the core and those of the FP subsystem apart, since
// only within each the order is the same with and without timing.
std::pair<std::string, std::string> trace_of(const std::vector<uint8_t>& elf, bool functional) {
  const std::string path = testing::TempDir() + "snitch.trace";
  {
    Options options;
    options.trace_file = path;
    options.functional = functional;
    Cluster cluster(load_machine("default"), options);
    cluster.load(elf);
    cluster.run();
  }
  std::pair<std::string, std::string> result;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.find(" 0 0x8") == std::string::npos) continue;  // hart 0 only
    line.erase(0, line.find("0x8"));
    const size_t core = line.find("core=");
    if (core != std::string::npos) line.erase(core, line.find_first_of(" \n", core) - core);
    (core == std::string::npos ? result.first : result.second) += line + "\n";
  }
  std::remove(path.c_str());
  return result;
}

TEST(Seeing, TracesAgreeWithAndWithoutTiming) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const std::vector<uint8_t> elf = assemble(R"(
      numbers
      job 0, 8, 8, 24, a0
      job 2, 4, 8, 28, a0
      ssr_on
      li a1, 3
      frep a1, 2
      fadd.d fa1, ft0, fa1
      fmul.d ft2, fa1, ft0
      ssr_off
      fpu_fence
      fld fa2, 24(a0)
      fcvt.w.d a1, fa2
      sw a1, 0(a0)
      exit 0)");
  const auto timed = trace_of(elf, false), functional = trace_of(elf, true);
  EXPECT_EQ(timed.second, functional.second);
  // The last lines of the core are those of the endless loop behind the exit.
  const size_t length = std::min(timed.first.size(), functional.first.size());
  EXPECT_GT(length, 1000u);
  EXPECT_EQ(timed.first.substr(0, length), functional.first.substr(0, length));
  // Values popped from a stream, and what is pushed to one.
  EXPECT_NE(timed.second.find("rs1=4000000000000000 rs2=4008000000000000 rd=4018000000000000"),
            std::string::npos)
      << timed.second;
  EXPECT_NE(timed.second.find("repeated"), std::string::npos);
}

TEST(Seeing, TraceAndProfile) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const std::string path = testing::TempDir() + "snitch.trace";
  const std::vector<uint8_t> elf = assemble(R"(
      csrr t0, mcycle
      li a0, 99
      frep a0, 4
      fadd.d fa0, fa4, fa5
      fadd.d fa1, fa4, fa5
      fadd.d fa2, fa4, fa5
      fadd.d fa3, fa4, fa5
      fpu_fence
      csrr t0, mcycle
      exit 0)");
  {
    Options options;
    options.trace_file = path;
    Cluster cluster(load_machine("default"), options);
    Profile profile(Profile::By::region);
    cluster.set_profile(&profile);
    cluster.load(elf);
    cluster.run();
    profile.finish(cluster);
    const std::string json = profile.json();
    EXPECT_NE(json.find("\"flops\":400"), std::string::npos) << json;
    EXPECT_NE(json.find("\"fpu_issued\":401"), std::string::npos) << json;
    EXPECT_NE(profile.text().find("FLOP/cycle"), std::string::npos);
  }
  std::ifstream file(path);
  std::string line;
  int repeated = 0, offloads = 0;
  while (std::getline(file, line)) {
    repeated +=
        line.find("fadd.d") != std::string::npos && line.find("repeated") != std::string::npos;
    offloads += line.find("fp core=") != std::string::npos;
  }
  EXPECT_EQ(repeated, 4 * 99);
  EXPECT_GE(offloads, 400);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace snitch::test
