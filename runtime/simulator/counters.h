// Everything that is counted, by hart and for the cluster: the source of the performance counters,
// of profiles and of the final summary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace snitch {

// Why the integer core did not issue in a cycle.
enum class CoreStall : uint8_t {
  fetch,
  operand,
  offload,
  memory,
  consistency,
  fence,
  barrier,
  sleep,
  count
};
inline constexpr std::array<const char*, 8> core_stall_names = {
    "fetch", "operand", "offload", "memory", "consistency", "fence", "barrier", "sleep"};

// Why the FP subsystem had an instruction and did not issue it.
enum class FpStall : uint8_t { operand, stream_read, stream_write, unit, memory, count };
inline constexpr std::array<const char*, 5> fp_stall_names = {"operand", "stream-read",
                                                              "stream-write", "unit", "memory"};

struct Counters {
  uint64_t retired = 0;  // instructions issued by the core
  uint64_t retired_alu = 0;
  uint64_t retired_load = 0;
  uint64_t retired_offload = 0;  // results of other units written back
  uint64_t fpu_issued = 0;
  uint64_t fp_issued = 0;  // with loads and stores
  uint64_t core_to_fpu = 0;
  uint64_t flops = 0;
  uint64_t stream_accesses = 0;
  uint64_t stream_conflicts = 0;
  uint64_t core_conflicts = 0;
  uint64_t l0_misses = 0;
  uint64_t l0_prefetches = 0;
  std::array<uint64_t, static_cast<size_t>(CoreStall::count)> core_stall{};
  std::array<uint64_t, static_cast<size_t>(FpStall::count)> fp_stall{};

  void stall(CoreStall why) { core_stall[static_cast<size_t>(why)]++; }
  void stall(FpStall why) { fp_stall[static_cast<size_t>(why)]++; }
};

// One side of the DMA engine: what went over its address and data channels.
struct DmaSide {
  uint64_t bursts = 0;     // addresses handed over
  uint64_t requested = 0;  // bytes they ask for, in whole beats
  uint64_t beats = 0;      // of 64 bytes
};

struct ClusterCounters {
  uint64_t tcdm_accessed = 0;   // requests, refused ones included
  uint64_t tcdm_congested = 0;  // refused requests
  uint64_t dma_bytes = 0;
  uint64_t dma_busy = 0;
  DmaSide dma_read;
  DmaSide dma_write;
  uint64_t dma_written_bursts = 0;  // acknowledged
  uint64_t dma_waits_for_data = 0;  // cycles in which the writing side has nothing to write
  uint64_t dma_waits_for_sink = 0;  // cycles in which the writing side is held up
};

// The running total of one of the events the performance counters can select. `hart` is the
// selected hart's counters, `now` the cycles since the start.
uint64_t event_total(uint32_t metric, const Counters& hart, const ClusterCounters& cluster,
                     uint64_t now);

}  // namespace snitch
