// Kernels with published cycles, written down from their description: streams carry all operands,
// FREP the innermost loop, as many accumulators as the description's instruction counts say. Inputs
// are ones, so the last result is known. The published figures are from a single core with a
// 64-entry sequencer; ten percent is what different set-up code can make.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "support.h"

namespace snitch::test {
namespace {

struct Kernel {
  const char* name;
  int cycles;        // published
  bool doubles;      // inputs are doubles, else pairs of floats
  const char* code;  // a0, a1 inputs, a2 output
  int last;          // offset of the last result from a2
  int value;         // what it must be
  bool result_double;
};

// The macros below keep the kernels readable: `arm` programs one loop level of a mover.
const char* macros = R"(
    .macro arm mover, level, count, stride
      li t5, \count - 1
      scfg \mover, (2+\level), t5
      li t5, \stride
      scfg \mover, (6+\level), t5
    .endm
    .macro again mover, times
      li t5, \times - 1
      scfg \mover, 1, t5
    .endm
    .macro vop funct, rd, rs1, rs2
      .insn r 0x33, 0, \funct, \rd, \rs1, \rs2
    .endm
)";

#define RELU(columns, published)                                                                   \
  {                                                                                                \
    "relu 40x" #columns " f32", published, false,                                                  \
        "arm 0, 0, 20 * " #columns ", 8\n arm 2, 0, 20 * " #columns                                \
        ", 8\n again 0, 1\n scfg 0, 24, a0\n scfg 2, 28, a2\n fcvt.d.w ft3, x0\n ssr_on\n li t0, " \
        "20 * " #columns " - 1\n frep t0, 1\n vop 0x46, ft2, ft0, ft3\n",                          \
        160 * columns - 4, 1, false                                                                \
  }

#define SUM(columns, published)                                                               \
  {                                                                                           \
    "sum 40x" #columns " f32", published, false,                                              \
        "arm 0, 0, 20 * " #columns ", 8\n arm 1, 0, 20 * " #columns                           \
        ", 8\n arm 2, 0, 20 * " #columns                                                      \
        ", 8\n again 0, 1\n again 1, 1\n scfg 0, 24, a0\n scfg 1, 24, a1\n scfg 2, 28, a2\n " \
        "ssr_on\n "                                                                           \
        "li t0, 20 * " #columns " - 1\n frep t0, 1\n vop 0x41, ft2, ft0, ft1\n",              \
        160 * columns - 4, 2, false                                                           \
  }

const Kernel kernels[] = {
    RELU(8, 195),
    RELU(16, 354),
    RELU(24, 514),
    RELU(32, 674),
    RELU(40, 834),
    SUM(8, 195),
    SUM(16, 354),
    SUM(24, 523),
    SUM(32, 674),
    SUM(40, 834),
    {"ddot 128 f64, one accumulator", 546, true, R"(
      arm 0, 0, 128, 8
      arm 1, 0, 128, 8
      again 0, 1
      again 1, 1
      scfg 0, 24, a0
      scfg 1, 24, a1
      fcvt.d.w fa0, x0
      ssr_on
      li t0, 127
      frep t0, 1
      fmadd.d fa0, ft0, ft1, fa0
      fsd fa0, 0(a2))",
     0, 128, true},
    {"ddot 128 f64, four accumulators", 177, true, R"(
      arm 0, 0, 128, 8
      arm 1, 0, 128, 8
      again 0, 1
      again 1, 1
      scfg 0, 24, a0
      scfg 1, 24, a1
      fcvt.d.w fa0, x0
      fmv.d fa1, fa0
      fmv.d fa2, fa0
      fmv.d fa3, fa0
      ssr_on
      li t0, 31
      frep t0, 4
      fmadd.d fa0, ft0, ft1, fa0
      fmadd.d fa1, ft0, ft1, fa1
      fmadd.d fa2, ft0, ft1, fa2
      fmadd.d fa3, ft0, ft1, fa3
      fadd.d fa0, fa0, fa1
      fadd.d fa2, fa2, fa3
      fadd.d fa0, fa0, fa2
      fsd fa0, 0(a2))",
     0, 128, true},
    // A row of A stays for 8 columns of B: A 4 x 16, B 16 x 8, C 4 x 8.
    {"matmul 4x16x8 f64", 668, true, R"(
      arm 0, 0, 16, 8
      arm 0, 1, 4, 8
      again 0, 8
      arm 1, 0, 8, 8
      arm 1, 1, 16, 8
      arm 1, 2, 4, (0 - 127 * 8)
      again 1, 1
      arm 2, 0, 32, 8
      scfg 0, 25, a0
      scfg 1, 26, a1
      scfg 2, 28, a2
      fcvt.d.w ft3, x0
      ssr_on
      li t1, 4
      li t0, 15
    1:
      .irp r, 0, 1, 2, 3, 4, 5, 6, 7
      fmv.d fa\r, ft3
      .endr
      frep t0, 8
      .irp r, 0, 1, 2, 3, 4, 5, 6, 7
      fmadd.d fa\r, ft0, ft1, fa\r
      .endr
      .irp r, 0, 1, 2, 3, 4, 5, 6, 7
      fmv.d ft2, fa\r
      .endr
      addi t1, t1, -1
      bnez t1, 1b)",
     31 * 8, 16, true},
    {"matmul 1x200x5 f64, frep only", 4088, true, R"(
      arm 0, 0, 200, 8
      arm 0, 1, 5, (0 - 199 * 8)
      again 0, 1
      arm 1, 0, 200, 40
      arm 1, 1, 5, (8 - 199 * 40)
      again 1, 1
      arm 2, 0, 5, 8
      scfg 0, 25, a0
      scfg 1, 25, a1
      scfg 2, 28, a2
      fcvt.d.w ft3, x0
      ssr_on
      li t1, 5
      li t0, 199
    1: fmv.d fa0, ft3
      frep t0, 1
      fmadd.d fa0, ft0, ft1, fa0
      fmv.d ft2, fa0
      addi t1, t1, -1
      bnez t1, 1b)",
     4 * 8, 200, true},
    {"matmul 1x200x5 f64, unroll and jam", 1056, true, R"(
      arm 0, 0, 200, 8
      again 0, 5
      arm 1, 0, 1000, 8
      again 1, 1
      arm 2, 0, 5, 8
      scfg 0, 24, a0
      scfg 1, 24, a1
      scfg 2, 28, a2
      fcvt.d.w ft3, x0
      ssr_on
      .irp r, 0, 1, 2, 3, 4
      fmv.d fa\r, ft3
      .endr
      li t0, 199
      frep t0, 5
      .irp r, 0, 1, 2, 3, 4
      fmadd.d fa\r, ft0, ft1, fa\r
      .endr
      .irp r, 0, 1, 2, 3, 4
      fmv.d ft2, fa\r
      .endr)",
     4 * 8, 200, true},
    // Pairs of floats: 8 steps for 16 elements; B is stored by columns, 8 of them at a time.
    {"matmul_transb 4x16x16 f32", 755, false, R"(
      arm 0, 0, 8, 8
      arm 0, 1, 2, (0 - 56)
      arm 0, 2, 4, 8
      again 0, 8
      arm 1, 0, 8, 64
      arm 1, 1, 8, (8 - 448)
      arm 1, 2, 2, 8
      arm 1, 3, 4, (0 - 127 * 8)
      again 1, 1
      arm 2, 0, 32, 8
      scfg 0, 26, a0
      scfg 1, 27, a1
      scfg 2, 28, a2
      fcvt.d.w fs0, x0
      ssr_on
      li t1, 8
      li t0, 6
    1:
      .irp r, 0, 1, 2, 3, 4, 5, 6, 7
      vop 0x43, fa\r, ft0, ft1
      .endr
      frep t0, 8
      .irp r, 0, 1, 2, 3, 4, 5, 6, 7
      vop 0x48, fa\r, ft0, ft1
      .endr
      .irp r, 3, 4, 5, 6, 7, 8, 9, 10
      fmv.d ft\r, fs0
      .endr
      vop 0x47, ft3, fa0, f28
      vop 0x47, ft4, fa1, f28
      vop 0x47, ft5, fa2, f28
      vop 0x47, ft6, fa3, f28
      vop 0x47, ft7, fa4, f28
      vop 0x47, ft8, fa5, f28
      vop 0x47, ft9, fa6, f28
      vop 0x47, ft10, fa7, f28
      vop 0x58, ft2, ft3, ft4
      vop 0x58, ft2, ft5, ft6
      vop 0x58, ft2, ft7, ft8
      vop 0x58, ft2, ft9, ft10
      addi t1, t1, -1
      bnez t1, 1b)",
     63 * 4, 16, false},
    // A row of four outputs at a time over a 6 x 6 input: windows (4 outputs, kx, ky, rows).
    {"conv2d 3x3 4x4 f64", 248, true, R"(
      arm 0, 0, 4, 8
      arm 0, 1, 3, (8 - 24)
      arm 0, 2, 3, (48 - 40)
      arm 0, 3, 4, (48 - 136)
      again 0, 1
      arm 1, 0, 9, 8
      arm 1, 1, 4, (0 - 64)
      again 1, 4
      arm 2, 0, 16, 8
      scfg 0, 27, a0
      scfg 1, 25, a1
      scfg 2, 28, a2
      fcvt.d.w ft3, x0
      ssr_on
      li t1, 4
      li t0, 8
    1:
      .irp r, 0, 1, 2, 3
      fmv.d fa\r, ft3
      .endr
      frep t0, 4
      .irp r, 0, 1, 2, 3
      fmadd.d fa\r, ft0, ft1, fa\r
      .endr
      .irp r, 0, 1, 2, 3
      fmv.d ft2, fa\r
      .endr
      addi t1, t1, -1
      bnez t1, 1b)",
     15 * 8, 9, true},
    // Stride 2 over a 9 x 9 input.
    {"maxpool 3x3 s2 4x4 f64", 224, true, R"(
      arm 0, 0, 4, 16
      arm 0, 1, 3, (8 - 48)
      arm 0, 2, 3, (72 - 64)
      arm 0, 3, 4, (144 - 208)
      again 0, 1
      arm 2, 0, 16, 8
      scfg 0, 27, a0
      scfg 2, 28, a2
      fcvt.d.w ft3, x0
      ssr_on
      li t1, 4
      li t0, 8
    1:
      .irp r, 0, 1, 2, 3
      fmv.d fa\r, ft3
      .endr
      frep t0, 4
      .irp r, 0, 1, 2, 3
      fmax.d fa\r, ft0, fa\r
      .endr
      .irp r, 0, 1, 2, 3
      fmv.d ft2, fa\r
      .endr
      addi t1, t1, -1
      bnez t1, 1b)",
     15 * 8, 1, true},
};

std::string program(const Kernel& kernel) {
  std::ostringstream text;
  text << macros
       << (kernel.doubles ? R"(
      li t0, 1
      fcvt.d.w fa0, t0)"
                          : R"(
      li t0, 1
      fcvt.s.w fa1, t0
      vop 0x58, fa0, fa1, fa1)")
       << R"(
      li a0, 0x10000000
      li a1, 0x10004000
      li a2, 0x10008000
      mv t1, a0
    fill: fsd fa0, 0(t1)
      addi t1, t1, 8
      bne t1, a2, fill
      fpu_fence
      fence
      li s2, 2             # the second time everything is cached
    repeat:
      csrr s0, mcycle
      call kernel
      csrr s1, mcycle
      addi s2, s2, -1
      bnez s2, repeat
      li t0, 100           # let write streams drain
    wait: addi t0, t0, -1
      bnez t0, wait
      sub s1, s1, s0
      print_hex s1
      li t0, )"
       << kernel.last << "\n      add t0, t0, a2\n"
       << (kernel.result_double ? "      fld fa0, 0(t0)\n      fcvt.w.d a0, fa0\n"
                                : "      flw fa0, 0(t0)\n      fcvt.w.s a0, fa0\n")
       << "      print_hex a0\n      exit 0\n    kernel:\n"
       << kernel.code << "\n      fpu_fence\n      ssr_off\n      ret\n";
  return text.str();
}

// The published cluster has a sequencer of 64 entries.
std::string machine_file() {
  const std::string path = testing::TempDir() + "snitch-kernels.json";
  std::ofstream(path) << R"({"base": "1+1", "name": "published", "frep_depth": 64})";
  return path;
}

class Published : public testing::TestWithParam<Kernel> {};

TEST_P(Published, CyclesAreWithinTenPercent) {
  if (!has_toolchain()) GTEST_SKIP() << "no RISC-V toolchain";
  const Kernel& kernel = GetParam();
  RunOptions options;
  options.machine = machine_file();
  const RunResult result = run_program(assemble(program(kernel)), options);
  ASSERT_EQ(result.violation, "");
  unsigned cycles = 0;
  unsigned value = 0;
  ASSERT_EQ(std::sscanf(result.output.c_str(), "%x %x", &cycles, &value), 2) << result.output;
  EXPECT_EQ(value, static_cast<unsigned>(kernel.value));
  const double error = 100.0 * (static_cast<double>(cycles) - kernel.cycles) / kernel.cycles;
  std::printf("| %s | %d | %u (%+.1f %%) |\n", kernel.name, kernel.cycles, cycles, error);
  EXPECT_LE(std::fabs(error), 10.0) << cycles << " cycles instead of " << kernel.cycles;
}

INSTANTIATE_TEST_SUITE_P(All, Published, testing::ValuesIn(kernels), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

}  // namespace
}  // namespace snitch::test
