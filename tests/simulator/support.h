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

// Whether the RISC-V toolchain is installed.
bool has_toolchain();
// Assembles text (with a few macros for the extensions, see support.cpp) behind a start-up that
// lets only hart 0 go on, unless `all_harts`. Throws std::runtime_error with the assembler's
// message.
std::vector<uint8_t> assemble(const std::string& text, bool all_harts = false);

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
