// Programs for tests. The macros give the Snitch extensions names, since the stock assembler knows
// them only by encoding.
#include "support.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "decoder.h"

namespace snitch::test {
namespace {

const char* prologue = R"(
    .macro scfg mover, word, reg
      .insn i 0x2b, 2, x0, \reg, (\word << 5) | \mover
    .endm
    .macro scfgr rd, address
      .insn r 0x2b, 1, 0, \rd, x1, \address
    .endm
    .macro frep count, length, stagger=0, outer=x1
      .insn i 0x0b, \stagger, \outer, \count, \length - 1
    .endm
    .macro ssr_on
      csrsi 0x7c0, 1
    .endm
    .macro ssr_off
      csrci 0x7c0, 1
    .endm
    .macro fpu_fence
      fmv.x.w t6, fs11
      mv t6, t6
    .endm
    .macro barrier
      csrr x0, 0x7c2
    .endm
    # one-dimensional job: mover, number of elements, stride in bytes, launch word, pointer
    .macro job mover, count, stride, word, pointer
      li t5, \count - 1
      scfg \mover, 2, t5
      li t5, \stride
      scfg \mover, 6, t5
      li t5, 0
      scfg \mover, 1, t5
      scfg \mover, \word, \pointer
    .endm
    # thirty-two doubles 0, 1, 2... at 0x10000000; a0 = their address
    .macro numbers
      li a0, 0x10000000
      li a1, 0
      li a2, 32
    9: fcvt.d.w fa0, a1
      slli a3, a1, 3
      add a3, a3, a0
      fsd fa0, 0(a3)
      addi a1, a1, 1
      bne a1, a2, 9b
      fpu_fence
      fence
    .endm
    .macro exit code
      li t5, 0xf0000000
      li t6, \code
      sw t6, 0(t5)
    0: j 0b
    .endm
    .macro print_hex reg
      li t5, 0xf0000000
      sw \reg, 16(t5)
      sw zero, 32(t5)
    .endm
    .text
    .globl _start
    _start:
)";

const char* only_hart_0 = R"(
      csrr t0, mhartid
      beqz t0, main
      csrw mie, zero
    park: wfi
      j park
    main:
)";

void put(std::vector<uint8_t>& bytes, size_t at, uint32_t value, int size) {
  std::memcpy(bytes.data() + at, &value, static_cast<size_t>(size));
}

}  // namespace

std::vector<uint8_t> elf_of(const std::vector<uint32_t>& words) {
  constexpr uint32_t base = 0x80000000, header = 52, segment = 32;
  const auto size = static_cast<uint32_t>(4 * words.size());
  std::vector<uint8_t> file(header + segment + size);
  put(file, 0, 0x464c457f, 4);
  put(file, 4, 0x00010101, 4);  // 32-bit, little-endian, version 1
  put(file, 16, 2, 2);
  put(file, 18, 243, 2);
  put(file, 20, 1, 4);
  put(file, 24, base, 4);
  put(file, 28, header, 4);
  put(file, 40, header, 2);
  put(file, 42, segment, 2);
  put(file, 44, 1, 2);
  const uint32_t fields[8] = {1, header + segment, base, base, size, size, 5, 4};
  for (size_t i = 0; i < 8; i++) put(file, header + 4 * i, fields[i], 4);
  std::memcpy(file.data() + header + segment, words.data(), size);
  return file;
}

std::string run_command(const std::string& command, int& status) {
  std::string text;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) {
    status = -1;
    return text;
  }
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe)) text += buffer;
  status = pclose(pipe);
  return text;
}

uint32_t encode(const std::string& name, int rd, int rs1, int rs2, int rs3) {
  for (const Row& row : decoder_rows()) {
    if (row.name != name) continue;
    const uint32_t fields = (static_cast<uint32_t>(rd) << 7) | (static_cast<uint32_t>(rs1) << 15) |
                            (static_cast<uint32_t>(rs2) << 20) | (static_cast<uint32_t>(rs3) << 27);
    return row.match | (fields & ~row.mask);
  }
  throw std::runtime_error("no instruction " + name);
}

uint32_t encode_immediate(const std::string& name, int rd, int rs1, int32_t immediate) {
  const auto value = static_cast<uint32_t>(immediate);
  const uint32_t base = encode(name, 0, rs1, 0);
  const Unit unit = decode(base).unit;
  const auto reg = static_cast<uint32_t>(rd);
  if (unit == Unit::store || unit == Unit::fp_store)  // rd is the register to store
    return base | (reg << 20) | ((value >> 5) << 25) | ((value & 31) << 7);
  if (unit == Unit::branch)  // rd is the second operand
    return base | (reg << 20) | (((value >> 12) & 1) << 31) | (((value >> 5) & 63) << 25) |
           (((value >> 1) & 15) << 8) | (((value >> 11) & 1) << 7);
  return base | (reg << 7) | (value << 20);
}

Code& Code::op(const std::string& name, int rd, int rs1, int rs2, int rs3) {
  return word(encode(name, rd, rs1, rs2, rs3));
}

Code& Code::imm(const std::string& name, int rd, int rs1, int32_t immediate) {
  return word(encode_immediate(name, rd, rs1, immediate));
}

Code& Code::word(uint32_t value) {
  words_.push_back(value);
  return *this;
}

Code& Code::li(int rd, uint32_t value) {
  const uint32_t high = (value + 0x800) & 0xfffff000u;
  word(encode("lui", rd, 0, 0) | high);
  return imm("addi", rd, rd, static_cast<int32_t>(value - high));
}

Code& Code::exit(int code) {
  li(30, BenchConsole::base).li(31, static_cast<uint32_t>(code)).imm("sw", 31, 30, 0);
  return word(0x0000006f);  // jump to itself
}

Code& Code::park_others() {
  imm("csrrs", 5, 0, 0xf14).imm("beq", 0, 5, 16);
  imm("csrrw", 0, 0, 0x304);
  word(encode("wfi", 0, 0, 0));
  return word(0x0000006f);
}

bool has_toolchain() {
  static const bool present = [] {
    int status = 0;
    run_command("riscv64-unknown-elf-gcc --version", status);
    return status == 0;
  }();
  return present;
}

std::vector<uint8_t> assemble_raw(const std::string& text, const std::string& flags,
                                  std::string path) {
  const bool keep = !path.empty();
  char folder[] = "/tmp/snitch-test-XXXXXX";
  if (!mkdtemp(folder)) throw std::runtime_error("no temporary folder");
  const std::string source = std::string(folder) + "/p.S";
  if (!keep) path = std::string(folder) + "/p.elf";
  std::ofstream(source) << text;
  int status = 0;
  const std::string message = run_command(
      "riscv64-unknown-elf-gcc -march=rv32imafd_zifencei -mabi=ilp32d -nostdlib -static "
      "-Wl,--omagic -Wl,-Ttext=0x80000000 -Wl,--no-warn-rwx-segments " +
          flags + " -o " + path + " " + source,
      status);
  std::vector<uint8_t> elf;
  if (status == 0) elf = read_file(path);
  std::remove(source.c_str());
  if (!keep) std::remove(path.c_str());
  rmdir(folder);
  if (status != 0) throw std::runtime_error(message);
  return elf;
}

std::vector<uint8_t> assemble(const std::string& text, bool all_harts) {
  return assemble_raw(prologue + std::string(all_harts ? "" : only_hart_0) + text + "\n", "", "");
}

RunResult run_program(const std::vector<uint8_t>& elf, const RunOptions& options) {
  RunResult result;
  Options settings;
  settings.functional = options.functional;
  settings.strictness.as_hardware = options.as_hardware;
  settings.strictness.strict = options.strict;
  settings.cycle_limit = options.cycle_limit;
  settings.print = [&](const std::string& text) { result.output += text; };
  Cluster cluster(load_machine(options.machine), settings);
  try {
    cluster.load(elf);
    const Outcome outcome = cluster.run();
    result.exited = outcome.exited;
    result.exit_code = outcome.exit_code;
    result.cycles = outcome.cycles;
    result.instructions = outcome.instructions;
  } catch (const Violation& violation) {
    result.violation = violation.what();
    result.rule = rule_name(violation.rule());
  }
  result.warnings = cluster.warnings();
  return result;
}

}  // namespace snitch::test
