// The address space as a program sees it: TCDM and its alias, main memory, the zero memory and the
// devices, without any notion of time. Instructions are decoded once and kept per page.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "instruction.h"
#include "machine.h"

namespace snitch {

// Registers behind an address range. Accesses are 1, 2, 4 or 8 bytes and aligned.
class Device {
 public:
  virtual ~Device() = default;
  virtual uint64_t read(uint32_t address, int size) = 0;
  virtual void write(uint32_t address, int size, uint64_t value) = 0;
};

class Memory {
 public:
  explicit Memory(const Machine& machine);

  // A device takes precedence over whatever lies in its range of whole 4 KiB pages.
  void add_device(uint32_t base, uint32_t size, Device& device);
  // A device that watches eight bytes of main memory: written words are stored and passed on.
  void watch(uint32_t address, Device& device);

  // False if nothing answers at this address.
  bool read(uint32_t address, int size, uint64_t& value);
  bool write(uint32_t address, int size, uint64_t value);
  // Copies without touching devices; false if a byte lies outside memory. For loader and DMA.
  bool read_bytes(uint32_t address, uint8_t* to, uint32_t count);
  bool write_bytes(uint32_t address, const uint8_t* from, uint32_t count);
  // Whether a range lies in memory a DMA can reach.
  bool is_memory(uint32_t address, uint64_t count) const;

  bool is_tcdm(uint32_t address) const;
  // Position in the TCDM of an address for which is_tcdm holds.
  uint32_t tcdm_offset(uint32_t address) const { return address & (machine_.tcdm_size - 1); }
  uint32_t tcdm_address(uint32_t offset) const { return machine_.tcdm_base + offset; }
  uint64_t read_tcdm(uint32_t offset) const;  // the aligned 64-bit word
  void write_tcdm(uint32_t offset, uint64_t value);

  // The decoded instruction at a word-aligned address, or null where there is no memory.
  const Instruction* fetch(uint32_t address);

  // Atomic read-modify-write of a word; returns the old value (or sc's result).
  bool atomic(Op op, uint32_t address, uint32_t operand, int hart, uint32_t& old_value);

 private:
  static constexpr int page_bits = 16;
  static constexpr int code_bits = 12;
  using CodePage = std::array<Instruction, (1u << code_bits) / 4>;
  struct Window {
    uint32_t base = 0;
    uint32_t size = 0;
    Device* device = nullptr;
  };

  uint8_t* page(uint32_t address);
  Device* device_at(uint32_t address) const;
  void forget_code(uint32_t address);
  void break_reservations(uint32_t address);

  Machine machine_;
  std::vector<uint8_t> tcdm_;
  std::vector<uint8_t*> pages_;
  std::vector<std::unique_ptr<uint8_t[]>> storage_;
  // A table of a million entries of which few are used: left to the operating system to fill with
  // zeros when touched, so that building a cluster costs nothing.
  struct FreeTable {
    void operator()(CodePage** table) const;
  };
  std::unique_ptr<CodePage*[], FreeTable> code_;
  std::vector<std::unique_ptr<CodePage>> code_pages_;  // also stale ones: instructions in flight
                                                       // may still point into them
  std::vector<Window> devices_;
  Window watched_;
  std::array<uint32_t, 16> reservation_{};
};

}  // namespace snitch
