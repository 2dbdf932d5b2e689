// The numbers of a cluster: how many cores, where memories lie, what the cores can do and how long
// things take. Nothing else in the simulator knows a configuration by name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace snitch {

struct Machine {
  std::string name = "default";
  int compute_cores = 8;
  bool dm_core = true;  // the last hart

  // Memory map
  uint32_t tcdm_base = 0x10000000;
  uint32_t tcdm_size = 0x20000;
  int tcdm_banks = 32;
  uint32_t alias_base = 0x18000000;  // 0: no alias window
  uint32_t peripheral_base = 0x10021000;
  uint32_t peripheral_size = 0xf000;
  bool old_peripherals = false;  // register layout of the 2024 hardware
  uint32_t zero_base = 0x10030000;
  uint32_t zero_size = 0x10000;
  uint32_t dram_base = 0x80000000;
  uint32_t dram_size = 0x7fff0000;
  uint32_t clint_base = 0xffff0000;

  // Instruction set
  bool div_sqrt = false;
  bool scfgri = false;
  bool frep_inner = false;
  int frep_depth = 32;
  int frep_levels = 2;

  // Core
  int int_outstanding_loads = 4;
  int int_outstanding_memory = 4;
  int fp_outstanding = 4;
  int caq_depth = 8;

  // FPU pipeline registers by group
  int latency_addmul = 3;
  int latency_noncomp = 1;
  int latency_conv = 2;
  int latency_dotp = 3;
  int latency_div_f64 = 21;
  int latency_div_f32 = 11;
  int latency_div_f16 = 7;

  // Streams
  int stream_credits = 4;
  int index_credits = 3;

  // Behind the cluster: cycles from a request leaving the core's cut to its response
  int soc_latency = 8;

  // Instruction cache: lines of the private level, size of the shared one, cycles to refill
  int l0_lines = 8;
  int icache_line = 64;
  int l1_size = 16384;
  int l1_ways = 2;
  int l1_latency = 3;
  int refill_latency = 11;

  // DMA: cycles from the accepted command to completion beyond one cycle per 64-byte beat
  int dma_queue = 8;
  int dma_latency_in = 11;           // from behind the cluster into the TCDM
  int dma_latency_local = 8;         // inside the cluster
  int dma_latency_out = 2;           // out of the cluster
  int dma_half_cycles_row = 3;       // least cost of a row, in half cycles
  int dma_half_cycles_beat_out = 3;  // a beat to main memory, in half cycles
  int dma_half_cycles_row_out = 6;   // least cost of a row to main memory

  bool operator==(const Machine&) const = default;
  int harts() const { return compute_cores + (dm_core ? 1 : 0); }
  bool is_dm(int hart) const { return dm_core && hart == compute_cores; }
};

// A bundled description (see the folder machines): default, 4+1, 1+1, fdiv, 2024.
bool find_machine(const std::string& name, Machine& machine);
std::vector<std::string> machine_names();

// A name, or the path of a JSON file that gives "base" and the fields that differ. Throws
// std::runtime_error with a message for the user.
Machine load_machine(const std::string& name_or_path);

}  // namespace snitch
