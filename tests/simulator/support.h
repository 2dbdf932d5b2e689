// What the simulator's tests share: building small programs, from assembly text with the RISC-V
// toolchain or from instruction words without it, and running them on a cluster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster.h"

namespace snitch::test {

// An ELF file with one segment of the given words at the start of main memory, which is the entry.
std::vector<uint8_t> elf_of(const std::vector<uint32_t>& words);

// Builds a program from the decoder's own rows, so that it needs no assembler. Operands are
// register numbers; immediates are given as values.
class Code {
 public:
  Code& op(const std::string& name, int rd = 0, int rs1 = 0, int rs2 = 0, int rs3 = 0);
  Code& imm(const std::string& name, int rd, int rs1, int32_t immediate);  // I, S and B formats
  Code& word(uint32_t value);
  Code& li(int rd, uint32_t value);
  // Ends the program with an exit code; only hart 0 gets past `park_others`.
  Code& exit(int code = 0);
  Code& park_others();
  const std::vector<uint32_t>& words() const { return words_; }
  int32_t position() const { return static_cast<int32_t>(4 * words_.size()); }

 private:
  std::vector<uint32_t> words_;
};

// The encoding of one instruction, by the name the disassembler gives it.
uint32_t encode(const std::string& name, int rd, int rs1, int rs2, int rs3 = 0);
uint32_t encode_immediate(const std::string& name, int rd, int rs1, int32_t immediate);

// Whether the RISC-V toolchain is installed.
bool has_toolchain();
// Assembles text (with a few macros for the extensions, see support.cpp) behind a start-up that
// lets only hart 0 go on, unless `all_harts`. Throws std::runtime_error with the assembler's
// message.
std::vector<uint8_t> assemble(const std::string& text, bool all_harts = false);

// Compiles assembly text that brings its own start-up. Throws like assemble().
std::vector<uint8_t> assemble_raw(const std::string& text, const std::string& flags,
                                  std::string path);
// Runs a shell command; its output with errors, and its exit status.
std::string run_command(const std::string& command, int& status);

struct RunResult {
  bool exited = false;
  uint32_t exit_code = 0;
  uint64_t cycles = 0;
  uint64_t instructions = 0;
  std::string output;
  std::string violation;  // the message, empty if no rule was broken
  std::string rule;       // its name
  std::vector<std::string> warnings;
};

struct RunOptions {
  std::string machine = "default";
  bool functional = false;
  bool as_hardware = false;
  bool strict = false;
  uint64_t cycle_limit = 200000;
};

RunResult run_program(const std::vector<uint8_t>& elf, const RunOptions& options = {});

}  // namespace snitch::test
