// Reads a 32-bit RISC-V ELF file: its loadable segments into memory, its entry and its symbols.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "memory.h"

namespace snitch {

struct Program {
  uint32_t entry = 0;
  std::map<std::string, uint32_t> symbols;    // all named symbols
  std::map<uint32_t, std::string> functions;  // start address -> name, for profiles and traces
};

// Both throw std::runtime_error with a message for the user; damaged files never do worse.
std::vector<uint8_t> read_file(const std::string& path);
Program load_elf(const std::vector<uint8_t>& file, Memory& memory);

}  // namespace snitch
