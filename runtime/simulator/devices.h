// Everything behind the cluster that is no memory: the cluster's peripheral registers with the
// performance counters, the CLINT, the host interface of ELF files with tohost/fromhost, and the
// print addresses of the calibration bench.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "machine.h"
#include "memory.h"

namespace snitch {

// How devices act on the rest of the simulation.
struct Wiring {
  std::function<uint64_t(uint32_t metric, uint32_t hart)> metric;  // running total of an event
  std::function<void(uint32_t harts, bool on)> cluster_interrupt;  // a bit for every hart
  std::function<void(uint32_t hart, bool on)> software_interrupt;
  std::function<void(bool on)> prefetch;  // of instructions, by all harts
  std::function<void(uint32_t code)> exit;
  std::function<void(const std::string& text)> print;
};

class Peripherals : public Device {
 public:
  Peripherals(const Machine& machine, Wiring wiring);
  uint64_t read(uint32_t address, int size) override;
  void write(uint32_t address, int size, uint64_t value) override;
  // Where the boot ROM finds the program.
  void set_entry(uint32_t entry) { scratch_[1] = entry; }

 private:
  static constexpr int counters = 16;
  struct Counter {
    uint32_t metric = 0;
    uint32_t hart = 0;
    bool enabled = true;
    uint64_t value = 0;  // when it was last looked at
    uint64_t total = 0;  // of the event, at that time
  };
  uint64_t total(const Counter& counter) const;
  void update(Counter& counter);
  void enable(Counter& counter, uint32_t word);
  void select(Counter& counter, uint32_t word);
  uint32_t enabled(const Counter& counter) const;
  uint32_t selected(const Counter& counter) const;

  Machine machine_;
  Wiring wiring_;
  std::array<Counter, counters> counters_{};
  std::array<uint32_t, 4> scratch_{};
  uint32_t prefetch_ = 1;
};

class Clint : public Device {
 public:
  Clint(const Machine& machine, Wiring wiring) : machine_(machine), wiring_(std::move(wiring)) {}
  uint64_t read(uint32_t address, int size) override;
  void write(uint32_t address, int size, uint64_t value) override;

 private:
  Machine machine_;
  Wiring wiring_;
  std::array<bool, 16> pending_{};
};

// Exit and sys_write through the tohost word.
class HostInterface : public Device {
 public:
  HostInterface(uint32_t tohost, uint32_t fromhost, Memory& memory, Wiring wiring)
      : tohost_(tohost), fromhost_(fromhost), memory_(memory), wiring_(std::move(wiring)) {}
  uint64_t read(uint32_t address, int size) override;
  void write(uint32_t address, int size, uint64_t value) override;

 private:
  uint32_t tohost_;
  uint32_t fromhost_;
  Memory& memory_;
  Wiring wiring_;
};

// Stores at 0xf0000000 end the run, stores behind it print.
class BenchConsole : public Device {
 public:
  static constexpr uint32_t base = 0xf0000000;
  explicit BenchConsole(Wiring wiring) : wiring_(std::move(wiring)) {}
  uint64_t read(uint32_t, int) override { return 0; }
  void write(uint32_t address, int size, uint64_t value) override;

 private:
  Wiring wiring_;
};

}  // namespace snitch
