// RV32IMAFD against QEMU: random programs are run by both, and all registers, flags and the memory
// they worked on must be the same at the end. Skipped without toolchain or QEMU.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <sstream>

#include "support.h"

namespace snitch::test {
namespace {

constexpr int files = 10;
constexpr int programs = 20;  // in a file, one after the other
constexpr int length = 80;    // instructions of a program
constexpr int scratch_words = 32;
constexpr int dump_words = 31 + 64 + 1 + scratch_words;
constexpr uint32_t dump = 0x80200000;

// Writes random programs. x3 points to the dump, x4 to the scratch memory, x5 is a temporary.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string file() {
    out_ << ".text\n.globl _start\n_start:\n  csrr t0, mhartid\n  bnez t0, park\n"
         << "  li t0, 0x6000\n  csrs mstatus, t0\n  li x3, 0x80200000\n";
    for (int p = 0; p < programs; p++) program(p);
    out_ << "  j finish\npark: wfi\n  j park\n";
    for (int p = 0; p < programs; p++) data(p);
    out_ << ".align 6\nscratch: .space " << 4 * scratch_words << "\n";
    return out_.str();
  }

 private:
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
  int x() { return 6 + static_cast<int>(pick(26)); }
  int x_or_zero() { return pick(8) ? x() : 0; }
  int f() { return static_cast<int>(pick(32)); }
  template <size_t n>
  const char* one(const char* const (&list)[n]) {
    return list[pick(n)];
  }
  std::string rounding() {
    static const char* const modes[] = {"rne", "rtz", "rdn", "rup", "rmm", "dyn"};
    return one(modes);
  }

  void data(int p) {
    out_ << ".align 3\ninit" << p << ":\n";
    for (int i = 0; i < 32; i++) out_ << "  .word " << interesting() << "\n";
    for (int i = 0; i < 32; i++) {
      // Half of the FP registers hold boxed floats, the others doubles.
      if (i & 1)
        out_ << "  .word " << interesting_float() << ", 0xffffffff\n";
      else
        out_ << "  .word " << random_() << ", " << interesting_high() << "\n";
    }
    for (int i = 0; i < scratch_words; i++) out_ << "  .word " << interesting() << "\n";
  }
  uint32_t interesting() {
    static const uint32_t values[] = {0, 1, 0xffffffff, 0x80000000, 0x7fffffff, 0x3f800000, 31};
    return pick(3) ? static_cast<uint32_t>(random_()) : values[pick(7)];
  }
  uint32_t interesting_float() {
    static const uint32_t values[] = {0,          0x80000000, 0x3f800000, 0xbf800000,
                                      0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001,
                                      1,          0x007fffff, 0x7f7fffff, 0x4b000000};
    const uint32_t middle =
        (static_cast<uint32_t>(random_()) & 0x807fffff) | ((120 + pick(16)) << 23);
    return pick(3) ? middle : values[pick(12)];
  }
  uint32_t interesting_high() {
    static const uint32_t values[] = {0,          0x80000000, 0x3ff00000, 0xbff00000, 0x7ff00000,
                                      0xfff00000, 0x7ff80000, 0x7ff00000, 0x000fffff, 0x41dfffff};
    const uint32_t middle =
        (static_cast<uint32_t>(random_()) & 0x800fffff) | ((1015 + pick(20)) << 20);
    return pick(3) ? middle : values[pick(10)];
  }

  void program(int p) {
    const int words = 32 + 64;
    out_ << "  la x4, scratch\n  la x5, init" << p << "\n";
    for (int i = 0; i < scratch_words; i++)
      out_ << "  lw x6, " << 4 * (words + i) << "(x5)\n  sw x6, " << 4 * i << "(x4)\n";
    for (int i = 0; i < 32; i++) out_ << "  fld f" << i << ", " << 128 + 8 * i << "(x5)\n";
    for (int i = 6; i < 32; i++) out_ << "  lw x" << i << ", " << 4 * i << "(x5)\n";
    out_ << "  csrw fcsr, zero\n  fence\n  li x5, 0\n";
    for (int i = 0; i < length; i++) instruction(p, i);
    out_ << "skip" << p << "_" << length << ": nop\nskip" << p << "_" << length + 1 << ": nop\n"
         << "skip" << p << "_" << length + 2 << ": nop\n";
    // State: x1 to x31, f0 to f31, fcsr, scratch.
    for (int i = 1; i < 32; i++)
      out_ << "  sw x" << (i == 3 || i == 4 || i == 1 ? 0 : i) << ", " << 4 * (i - 1) << "(x3)\n";
    out_ << "  csrr x5, fcsr\n  sw x5, " << 4 * (31 + 64) << "(x3)\n";
    for (int i = 0; i < 32; i++) out_ << "  fsd f" << i << ", " << 4 * (31 + 2 * i) + 4 << "(x3)\n";
    out_ << "  fence\n";
    for (int i = 0; i < scratch_words; i++)
      out_ << "  lw x5, " << 4 * i << "(x4)\n  sw x5, " << 4 * (31 + 64 + 1 + i) + 4 << "(x3)\n";
    out_ << "  addi x3, x3, " << 4 * (dump_words + 1) + 4 << "\n  andi x3, x3, -8\n";
  }

  void instruction(int p, int i) {
    out_ << "skip" << p << "_" << i << ": ";
    switch (pick(12)) {
      case 0:
      case 1: {
        static const char* const ops[] = {"add",    "sub",   "sll", "slt",  "sltu", "xor",
                                          "srl",    "sra",   "or",  "and",  "mul",  "mulh",
                                          "mulhsu", "mulhu", "div", "divu", "rem",  "remu"};
        out_ << one(ops) << " x" << x_or_zero() << ", x" << x_or_zero() << ", x" << x_or_zero();
        break;
      }
      case 2: {
        static const char* const ops[] = {"addi", "slti", "sltiu", "xori", "ori", "andi"};
        out_ << one(ops) << " x" << x() << ", x" << x() << ", "
             << static_cast<int>(pick(4096)) - 2048;
        break;
      }
      case 3: {
        static const char* const ops[] = {"slli", "srli", "srai"};
        if (pick(3)) {
          out_ << one(ops) << " x" << x() << ", x" << x() << ", " << pick(32);
        } else {
          out_ << (pick(2) ? "lui x" : "auipc x") << x() << ", " << pick(1u << 20);
        }
        break;
      }
      case 4: {
        static const char* const ops[] = {"beq", "bne", "blt", "bge", "bltu", "bgeu"};
        if (pick(5))
          out_ << one(ops) << " x" << x() << ", x" << x() << ", skip" << p << "_"
               << i + 1 + pick(3);
        else
          out_ << "jal x" << x() << ", skip" << p << "_" << i + 1 + pick(3);
        break;
      }
      case 5:
        memory();
        break;
      case 6:
        atomic();
        break;
      case 7:
        control();
        break;
      default:
        floating(pick(2) ? "s" : "d");
        break;
    }
    out_ << "\n";
  }

  void memory() {
    static const char* const words[] = {"lw", "sw"};
    static const char* const halves[] = {"lh", "lhu", "sh"};
    static const char* const bytes[] = {"lb", "lbu", "sb"};
    switch (pick(5)) {
      case 0:
        out_ << one(words) << " x" << x() << ", " << 4 * pick(scratch_words) << "(x4)";
        break;
      case 1:
        out_ << one(halves) << " x" << x() << ", " << 2 * pick(2 * scratch_words) << "(x4)";
        break;
      case 2:
        out_ << one(bytes) << " x" << x() << ", " << pick(4 * scratch_words) << "(x4)";
        break;
      case 3:
        out_ << (pick(2) ? "flw f" : "fsw f") << f() << ", " << 4 * pick(scratch_words) << "(x4)";
        break;
      default:
        out_ << (pick(2) ? "fld f" : "fsd f") << f() << ", " << 8 * pick(scratch_words / 2)
             << "(x4)";
        break;
    }
  }

  void atomic() {
    static const char* const ops[] = {"amoswap.w", "amoadd.w", "amoxor.w",  "amoand.w", "amoor.w",
                                      "amomin.w",  "amomax.w", "amominu.w", "amomaxu.w"};
    out_ << "addi x5, x4, " << 4 * pick(scratch_words) << "\n  ";
    if (pick(4))
      out_ << one(ops) << " x" << x() << ", x" << x() << ", (x5)";
    else
      out_ << "lr.w x" << x() << ", (x5)\n  sc.w x" << x() << ", x" << x() << ", (x5)";
    out_ << "\n  li x5, 0";
  }

  // The cores do not order fcsr against the FPU's queue, so a program has to wait for the FPU.
  void control() {
    out_ << "fmv.x.w x5, f0\n  mv x5, x5\n  li x5, 0\n  ";
    switch (pick(4)) {
      case 0:
        out_ << "csrrwi x" << x() << ", frm, " << pick(5);
        break;
      case 1:
        out_ << "csrr x" << x() << ", fflags";
        break;
      case 2:
        out_ << "csrrci x" << x() << ", fflags, " << pick(32);
        break;
      default:
        out_ << "csrrw x" << x() << ", mscratch, x" << x();
        break;
    }
  }

  void floating(const std::string& t) {
    static const char* const two[] = {"fadd", "fsub", "fmul", "fdiv"};
    static const char* const three[] = {"fmadd", "fmsub", "fnmsub", "fnmadd"};
    static const char* const plain[] = {"fsgnj", "fsgnjn", "fsgnjx", "fmin", "fmax"};
    static const char* const compare[] = {"feq", "flt", "fle"};
    const auto regs = [&](int count) {
      std::ostringstream list;
      for (int i = 0; i < count; i++) list << (i ? ", f" : " f") << f();
      return list.str();
    };
    switch (pick(9)) {
      case 0:
      case 1:
        out_ << one(two) << "." << t << regs(3) << ", " << rounding();
        break;
      case 2:
      case 3:
        out_ << one(three) << "." << t << regs(4) << ", " << rounding();
        break;
      case 4:
        out_ << one(plain) << "." << t << regs(3);
        break;
      case 5:
        out_ << one(compare) << "." << t << " x" << x() << "," << regs(2);
        break;
      case 6:
        out_ << (pick(2) ? "fcvt.w." : "fcvt.wu.") << t << " x" << x() << "," << regs(1) << ", "
             << rounding();
        break;
      case 7:
        conversion(t);
        break;
      default:
        if (pick(2))
          out_ << "fsqrt." << t << regs(2) << ", " << rounding();
        else
          out_ << "fclass." << t << " x" << x() << "," << regs(1);
        break;
    }
  }

  void conversion(const std::string& t) {
    switch (pick(4)) {
      case 0:
        out_ << "fcvt." << t << (pick(2) ? ".w f" : ".wu f") << f() << ", x" << x();
        if (t == "s") out_ << ", " << rounding();
        break;
      case 1:
        out_ << (t == "s" ? "fcvt.s.d f" : "fcvt.d.s f") << f() << ", f" << f();
        break;
      case 2:
        out_ << "fmv.w.x f" << f() << ", x" << x();
        break;
      default:
        out_ << "fmv.x.w x" << x() << ", f" << f();
        break;
    }
  }

  std::mt19937 random_;
  std::ostringstream out_;
};

// Ends a run: the simulator's memory is read from outside, QEMU prints it on the serial line.
const char* epilogue = R"(
finish:
#ifndef QEMU
  li t0, 0xf0000000
  sw zero, 0(t0)
1: j 1b
#else
  li t0, 0x80200000
  li t1, 0x10000000
1: lw t2, 0(t0)
  li t3, 28
2: srl t4, t2, t3
  andi t4, t4, 15
  li t5, 10
  blt t4, t5, 3f
  addi t4, t4, 39
3: addi t4, t4, 48
4: lbu t5, 5(t1)
  andi t5, t5, 0x20
  beqz t5, 4b
  sb t4, 0(t1)
  addi t3, t3, -4
  bgez t3, 2b
  li t4, 10
5: lbu t5, 5(t1)
  andi t5, t5, 0x20
  beqz t5, 5b
  sb t4, 0(t1)
  addi t0, t0, 4
  bne t0, x3, 1b
  li t0, 0x100000
  li t1, 0x5555
  sw t1, 0(t0)
6: j 6b
#endif
)";

std::vector<uint32_t> simulate(const std::vector<uint8_t>& elf, bool functional, size_t words) {
  Options options;
  options.functional = functional;
  options.cycle_limit = 2000000;
  Cluster cluster(load_machine("fdiv"), options);
  cluster.load(elf);
  cluster.run();
  std::vector<uint32_t> result;
  for (size_t i = 0; i < words; i++) {
    uint64_t value = 0;
    cluster.memory().read(dump + static_cast<uint32_t>(4 * i), 4, value);
    result.push_back(static_cast<uint32_t>(value));
  }
  return result;
}

TEST(Qemu, RandomProgramsEndInTheSameState) {
  int status = 0;
  run_command("qemu-system-riscv32 --version", status);
  if (!has_toolchain() || status != 0) GTEST_SKIP() << "no RISC-V toolchain or no QEMU";
  for (unsigned seed = 1; seed <= files; seed++) {
    const std::string source = Generator(seed).file() + epilogue;
    const std::string path = testing::TempDir() + "snitch-qemu.elf";
    assemble_raw(source, "-DQEMU", path);
    const std::string text = run_command(
        "timeout 60 qemu-system-riscv32 -M virt -cpu rv32,c=false -bios none -nographic "
        "-monitor none -serial stdio -kernel " +
            path + " </dev/null",
        status);
    std::remove(path.c_str());
    ASSERT_EQ(status, 0) << text;
    std::vector<uint32_t> expected;
    std::istringstream lines(text);
    std::string line;
    while (lines >> line) expected.push_back(static_cast<uint32_t>(std::stoul(line, nullptr, 16)));
    ASSERT_GT(expected.size(), static_cast<size_t>(programs * dump_words)) << text.substr(0, 300);
    const std::vector<uint8_t> elf = assemble_raw(source, "", "");
    for (const bool functional : {false, true}) {
      const std::vector<uint32_t> got = simulate(elf, functional, expected.size());
      for (size_t i = 0; i < expected.size(); i++)
        ASSERT_EQ(got[i], expected[i])
            << "seed " << seed << ", program " << i / (dump_words + 2) << ", word "
            << i % (dump_words + 2) << (functional ? " (functional)" : " (timed)");
    }
  }
}

}  // namespace
}  // namespace snitch::test
