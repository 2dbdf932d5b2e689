// Register maps of the devices. Registers are 64 bits apart and read as 32-bit halves by the cores.
#include "devices.h"

#include <bit>

#include "rules.h"

namespace snitch {
namespace {

struct Layout {
  uint32_t enable, select, count, scratch, interrupt_set, interrupt_clear, prefetch;
};
constexpr Layout new_layout = {0x000, 0x080, 0x100, 0x180, 0x1a0, 0x1a8, 0x1b0};
constexpr Layout old_layout = {0x000, 0x080, 0x100, 0xffff, 0x180, 0x188, 0x198};
constexpr uint64_t counter_mask = (uint64_t{1} << 48) - 1;
// What the first counters count after reset: cycles, retired instructions, TCDM accesses, misses,
// hits, prefetches and stalls of the instruction cache. The others count cycles.
constexpr std::array<uint32_t, 7> first_metrics = {0, 6, 1, 26, 27, 28, 30};

uint64_t half(uint64_t value, uint32_t address) {
  return (address & 4) ? value >> 32 : value;
}

}  // namespace

Peripherals::Peripherals(const Machine& machine, Wiring wiring)
    : machine_(machine), wiring_(std::move(wiring)) {
  for (Counter& counter : counters_) counter.enabled = !machine.old_peripherals;
  if (machine.old_peripherals) return;
  for (size_t i = 0; i < first_metrics.size(); i++) counters_[i].metric = first_metrics[i];
}

uint64_t Peripherals::total(const Counter& counter) const {
  return wiring_.metric(counter.metric, counter.hart);
}

// Brings a counter up to date. It goes on from its value when its event is changed.
void Peripherals::update(Counter& counter) {
  const uint64_t now = total(counter);
  if (counter.enabled) counter.value = (counter.value + now - counter.total) & counter_mask;
  counter.total = now;
}

// The older layout has one enable bit an event, of which the lowest counts, and selects the hart
// by itself.
void Peripherals::enable(Counter& counter, uint32_t word) {
  update(counter);
  counter.enabled = machine_.old_peripherals ? word != 0 : (word & 1) != 0;
  if (!machine_.old_peripherals || word == 0) return;
  counter.metric = static_cast<uint32_t>(std::countr_zero(word));
  counter.total = total(counter);
}

void Peripherals::select(Counter& counter, uint32_t word) {
  update(counter);
  counter.hart = word & 0xffff;
  if (!machine_.old_peripherals) counter.metric = word >> 16;
  counter.total = total(counter);
}

uint32_t Peripherals::enabled(const Counter& counter) const {
  if (!counter.enabled) return 0;
  return machine_.old_peripherals ? 1u << counter.metric : 1;
}

uint32_t Peripherals::selected(const Counter& counter) const {
  return counter.hart | (machine_.old_peripherals ? 0 : counter.metric << 16);
}

uint64_t Peripherals::read(uint32_t address, int) {
  const Layout& map = machine_.old_peripherals ? old_layout : new_layout;
  const uint32_t at = (address - machine_.peripheral_base) & ~7u;
  const auto within = [&](uint32_t base, uint32_t n) { return at >= base && at < base + 8 * n; };
  const auto counter = [&](uint32_t base) -> Counter& { return counters_[(at - base) / 8]; };
  if (within(map.enable, counters)) return half(enabled(counter(map.enable)), address);
  if (within(map.select, counters)) return half(selected(counter(map.select)), address);
  if (within(map.count, counters)) {
    update(counter(map.count));
    return half(counter(map.count).value, address);
  }
  if (within(map.scratch, 4)) return half(scratch_[(at - map.scratch) / 8], address);
  return at == map.prefetch ? half(prefetch_, address) : 0;
}

void Peripherals::write(uint32_t address, int, uint64_t value) {
  if (address & 4) return;  // nothing writable lies in the upper halves
  const Layout& map = machine_.old_peripherals ? old_layout : new_layout;
  const uint32_t at = (address - machine_.peripheral_base) & ~7u;
  const auto word = static_cast<uint32_t>(value);
  const auto within = [&](uint32_t base, uint32_t n) { return at >= base && at < base + 8 * n; };
  const auto counter = [&](uint32_t base) -> Counter& { return counters_[(at - base) / 8]; };
  if (within(map.enable, counters)) {
    enable(counter(map.enable), word);
  } else if (within(map.select, counters)) {
    select(counter(map.select), word);
  } else if (within(map.count, counters)) {
    update(counter(map.count));
    counter(map.count).value = machine_.old_peripherals ? word : 0;
  } else if (within(map.scratch, 4)) {
    scratch_[(at - map.scratch) / 8] = word;
  } else if (at == map.interrupt_set || at == map.interrupt_clear) {
    wiring_.cluster_interrupt(word, at == map.interrupt_set);
  } else if (at == map.prefetch) {
    prefetch_ = word & 1;
    wiring_.prefetch(prefetch_ != 0);
  }
}

uint64_t Clint::read(uint32_t address, int) {
  const uint32_t hart = (address - machine_.clint_base) / 4;
  return hart < pending_.size() && pending_[hart];
}

void Clint::write(uint32_t address, int, uint64_t value) {
  const uint32_t hart = (address - machine_.clint_base) / 4;
  if (hart >= pending_.size()) return;
  pending_[hart] = value & 1;
  wiring_.software_interrupt(hart, pending_[hart]);
}

uint64_t HostInterface::read(uint32_t, int) {
  return 0;
}

void HostInterface::write(uint32_t address, int, uint64_t value) {
  if (address != tohost_ || value == 0) return;
  if (value & 1) {
    wiring_.exit(static_cast<uint32_t>(value) >> 1);
    return;
  }
  // A system call: eight 64-bit words {number, file, address, length, ...}; only sys_write exists.
  constexpr uint64_t sys_write = 64;
  constexpr uint64_t longest = 1 << 20;
  const auto block = static_cast<uint32_t>(value);
  std::array<uint64_t, 4> call{};
  if (memory_.read_bytes(block, reinterpret_cast<uint8_t*>(call.data()), sizeof call) &&
      call[0] == sys_write && call[3] <= longest) {
    std::string text(call[3], '\0');
    if (memory_.read_bytes(static_cast<uint32_t>(call[2]), reinterpret_cast<uint8_t*>(text.data()),
                           static_cast<uint32_t>(call[3])))
      wiring_.print(text);
  }
  memory_.write(fromhost_, 4, 1);
}

void BenchConsole::write(uint32_t address, int, uint64_t value) {
  const auto word = static_cast<uint32_t>(value);
  switch (address - base) {
    case 0:
      wiring_.exit(word);
      break;
    case 8:
      wiring_.print(std::string(1, static_cast<char>(word)));
      break;
    case 16:
      wiring_.print(format_text("%08x", word));
      break;
    case 24:
      wiring_.print(format_text("%u", word));
      break;
    case 32:
      wiring_.print("\n");
      break;
    case 40:
      wiring_.print(format_text("%d", static_cast<int32_t>(word)));
      break;
    case 48:
      wiring_.print(format_text("%.8g", static_cast<double>(std::bit_cast<float>(word))));
      break;
    default:
      break;
  }
}

}  // namespace snitch
