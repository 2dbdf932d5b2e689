// Memory is kept in 64 KiB pages behind one table, so that an access is a look-up and a copy. Main
// memory pages appear when they are first touched; TCDM and alias are pages of the same storage.
#include "memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace snitch {
namespace {

constexpr uint32_t no_reservation = 1;  // never a word address

bool inside(uint32_t address, uint32_t base, uint32_t size) {
  return address - base < size;
}

}  // namespace

void Memory::FreeTable::operator()(CodePage** table) const {
  std::free(table);
}

Memory::Memory(const Machine& machine)
    : machine_(machine),
      tcdm_(machine.tcdm_size),
      pages_(size_t{1} << (32 - page_bits)),
      code_(
          static_cast<CodePage**>(std::calloc(size_t{1} << (32 - code_bits), sizeof(CodePage*)))) {
  if (!code_) throw std::bad_alloc();
  reservation_.fill(no_reservation);
  for (uint32_t at = 0; at < machine.tcdm_size; at += 1u << page_bits) {
    pages_[(machine.tcdm_base + at) >> page_bits] = tcdm_.data() + at;
    if (machine.alias_base) pages_[(machine.alias_base + at) >> page_bits] = tcdm_.data() + at;
  }
}

void Memory::add_device(uint32_t base, uint32_t size, Device& device) {
  devices_.push_back({base, size, &device});
}

void Memory::watch(uint32_t address, Device& device) {
  watched_ = {address, 8, &device};
}

Device* Memory::device_at(uint32_t address) const {
  for (const Window& window : devices_)
    if (inside(address, window.base, window.size)) return window.device;
  return nullptr;
}

uint8_t* Memory::page(uint32_t address) {
  uint8_t*& entry = pages_[address >> page_bits];
  if (entry) return entry;
  if (!inside(address, machine_.dram_base, machine_.dram_size) || device_at(address))
    return nullptr;
  storage_.push_back(std::make_unique<uint8_t[]>(size_t{1} << page_bits));
  return entry = storage_.back().get();
}

bool Memory::read(uint32_t address, int size, uint64_t& value) {
  value = 0;
  if (const uint8_t* at = page(address)) {
    std::memcpy(&value, at + (address & ((1u << page_bits) - 1)), size);
    return true;
  }
  if (Device* device = device_at(address)) {
    value = device->read(address, size);
    return true;
  }
  return inside(address, machine_.zero_base, machine_.zero_size);
}

bool Memory::write(uint32_t address, int size, uint64_t value) {
  if (uint8_t* at = page(address)) {
    std::memcpy(at + (address & ((1u << page_bits) - 1)), &value, size);
    if (code_[address >> code_bits]) forget_code(address);
    break_reservations(address);
    if (watched_.device && inside(address, watched_.base, watched_.size))
      watched_.device->write(address, size, value);
    return true;
  }
  if (Device* device = device_at(address)) {
    device->write(address, size, value);
    return true;
  }
  return inside(address, machine_.zero_base, machine_.zero_size);
}

bool Memory::is_memory(uint32_t address, uint64_t count) const {
  const uint64_t end = uint64_t{address} + count;
  const auto covers = [&](uint32_t base, uint32_t size) {
    return address >= base && end <= uint64_t{base} + size;
  };
  return covers(machine_.tcdm_base, machine_.tcdm_size) ||
         (machine_.alias_base && covers(machine_.alias_base, machine_.tcdm_size)) ||
         covers(machine_.dram_base, machine_.dram_size) ||
         covers(machine_.zero_base, machine_.zero_size);
}

bool Memory::read_bytes(uint32_t address, uint8_t* to, uint32_t count) {
  while (count) {
    const uint32_t offset = address & ((1u << page_bits) - 1);
    const uint32_t piece = std::min(count, (1u << page_bits) - offset);
    if (const uint8_t* at = page(address)) {
      std::memcpy(to, at + offset, piece);
    } else if (inside(address, machine_.zero_base, machine_.zero_size)) {
      std::memset(to, 0, piece);
    } else {
      return false;
    }
    address += piece;
    to += piece;
    count -= piece;
  }
  return true;
}

bool Memory::write_bytes(uint32_t address, const uint8_t* from, uint32_t count) {
  while (count) {
    const uint32_t offset = address & ((1u << code_bits) - 1);
    const uint32_t piece = std::min(count, (1u << code_bits) - offset);
    if (uint8_t* at = page(address)) {
      std::memcpy(at + (address & ((1u << page_bits) - 1)), from, piece);
      if (code_[address >> code_bits]) forget_code(address);
    } else if (!inside(address, machine_.zero_base, machine_.zero_size)) {
      return false;
    }
    address += piece;
    from += piece;
    count -= piece;
  }
  return true;
}

bool Memory::is_tcdm(uint32_t address) const {
  return inside(address, machine_.tcdm_base, machine_.tcdm_size) ||
         (machine_.alias_base && inside(address, machine_.alias_base, machine_.tcdm_size));
}

uint64_t Memory::read_tcdm(uint32_t offset) const {
  uint64_t value = 0;
  std::memcpy(&value, tcdm_.data() + (offset & (machine_.tcdm_size - 1) & ~7u), 8);
  return value;
}

void Memory::write_tcdm(uint32_t offset, uint64_t value) {
  std::memcpy(tcdm_.data() + (offset & (machine_.tcdm_size - 1) & ~7u), &value, 8);
}

const Instruction* Memory::fetch(uint32_t address) {
  CodePage*& entry = code_[address >> code_bits];
  if (!entry) {
    if (!page(address)) return nullptr;
    code_pages_.push_back(std::make_unique<CodePage>());
    entry = code_pages_.back().get();
  }
  Instruction& instruction = (*entry)[(address & ((1u << code_bits) - 1)) >> 2];
  // A word of zeros is illegal too, so an undecoded entry costs at most a repeated decode.
  if (instruction.word == 0) {
    uint64_t word = 0;
    read(address, 4, word);
    instruction = decode(static_cast<uint32_t>(word));
  }
  return &instruction;
}

void Memory::forget_code(uint32_t address) {
  code_[address >> code_bits] = nullptr;
}

void Memory::break_reservations(uint32_t address) {
  for (uint32_t& reserved : reservation_)
    if ((reserved & ~7u) == (address & ~7u)) reserved = no_reservation;
}

bool Memory::atomic(Op op, uint32_t address, uint32_t operand, int hart, uint32_t& old_value) {
  uint64_t raw = 0;
  if (!read(address, 4, raw)) return false;
  old_value = static_cast<uint32_t>(raw);
  const auto a = static_cast<int32_t>(old_value);
  const auto b = static_cast<int32_t>(operand);
  uint32_t value = 0;
  switch (op) {
    case Op::lr:
      reservation_[hart] = address;
      return true;
    case Op::sc:
      old_value = reservation_[hart] == address ? 0 : 1;
      reservation_[hart] = no_reservation;
      return old_value ? true : write(address, 4, operand);
    case Op::amoswap:
      value = operand;
      break;
    case Op::amoadd:
      value = old_value + operand;
      break;
    case Op::amoxor:
      value = old_value ^ operand;
      break;
    case Op::amoand:
      value = old_value & operand;
      break;
    case Op::amoor:
      value = old_value | operand;
      break;
    case Op::amomin:
      value = a < b ? old_value : operand;
      break;
    case Op::amomax:
      value = a > b ? old_value : operand;
      break;
    case Op::amominu:
      value = old_value < operand ? old_value : operand;
      break;
    default:
      value = old_value > operand ? old_value : operand;
      break;
  }
  return write(address, 4, value);
}

}  // namespace snitch
