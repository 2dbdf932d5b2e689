// A loader that trusts nothing: every offset and count of the file is checked before it is used.
#include "loader.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace snitch {
namespace {

class Reader {
 public:
  explicit Reader(const std::vector<uint8_t>& bytes) : bytes_(bytes) {}
  uint32_t word(uint64_t at) const { return get(at, 4); }
  uint32_t half(uint64_t at) const { return get(at, 2); }
  uint32_t byte(uint64_t at) const { return get(at, 1); }
  bool has(uint64_t at, uint64_t count) const {
    return at <= bytes_.size() && count <= bytes_.size() - at;
  }
  std::string text(uint64_t at) const {
    std::string result;
    for (; has(at, 1) && bytes_[at]; at++) result += static_cast<char>(bytes_[at]);
    return result;
  }
  const uint8_t* at(uint64_t offset) const { return bytes_.data() + offset; }

 private:
  uint32_t get(uint64_t at, int size) const {
    if (!has(at, size)) throw std::runtime_error("not a valid ELF file: it ends too early");
    uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + at, size);
    return value;
  }
  const std::vector<uint8_t>& bytes_;
};

constexpr uint32_t elf_magic = 0x464c457f, machine_riscv = 243;
constexpr uint32_t segment_load = 1, section_symbols = 2, symbol_function = 2;

void check_header(const Reader& file) {
  const auto reject = [](const char* why) {
    throw std::runtime_error(std::string("not a program for this machine: ") + why);
  };
  if (file.word(0) != elf_magic) reject("no ELF file");
  if (file.byte(4) != 1 || file.byte(5) != 1) reject("not 32-bit little-endian");
  if (file.half(18) != machine_riscv) reject("not RISC-V");
  if (file.word(36) & 1) reject("compressed instructions; compile with -march=rv32imafd");
}

void load_segment(const Reader& file, uint64_t header, Memory& memory) {
  if (file.word(header) != segment_load) return;
  const uint32_t offset = file.word(header + 4);
  const uint32_t address = file.word(header + 12);
  const uint32_t file_size = file.word(header + 16);
  const uint32_t memory_size = file.word(header + 20);
  if (memory_size == 0) return;
  if (!file.has(offset, file_size) || file_size > memory_size)
    throw std::runtime_error("not a valid ELF file: a segment lies outside the file");
  if (!memory.is_memory(address, memory_size))
    throw std::runtime_error("a segment of the program lies outside the machine's memory");
  // The rest of the segment is zero, as all memory is at the start.
  if (!memory.write_bytes(address, file.at(offset), file_size))
    throw std::runtime_error("a segment of the program lies outside the machine's memory");
}

void read_symbols(const Reader& file, uint64_t section, uint64_t sections, uint32_t section_size,
                  Program& program) {
  const uint32_t offset = file.word(section + 16);
  const uint32_t size = file.word(section + 20);
  const uint32_t link = file.word(section + 24);
  if (!file.has(offset, size)) return;
  const uint64_t names_header = sections + uint64_t{link} * section_size;
  if (!file.has(names_header, 40)) return;
  const uint32_t names = file.word(names_header + 16);
  for (uint64_t at = offset; at + 16 <= uint64_t{offset} + size; at += 16) {
    const std::string name = file.text(uint64_t{names} + file.word(at));
    if (name.empty()) continue;
    program.symbols[name] = file.word(at + 4);
    if ((file.byte(at + 12) & 15) == symbol_function) program.functions[file.word(at + 4)] = name;
  }
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Program load_elf(const std::vector<uint8_t>& bytes, Memory& memory) {
  const Reader file(bytes);
  check_header(file);
  Program program;
  program.entry = file.word(24);
  const uint64_t segments = file.word(28);
  const uint64_t sections = file.word(32);
  const uint32_t segment_size = file.half(42);
  const uint32_t segment_count = file.half(44);
  const uint32_t section_size = file.half(46);
  const uint32_t section_count = file.half(48);
  for (uint32_t i = 0; i < segment_count; i++)
    load_segment(file, segments + uint64_t{i} * segment_size, memory);
  for (uint32_t i = 0; i < section_count; i++) {
    const uint64_t header = sections + uint64_t{i} * section_size;
    if (!file.has(header, 40)) break;
    if (file.word(header + 4) == section_symbols)
      read_symbols(file, header, sections, section_size, program);
  }
  return program;
}

}  // namespace snitch
