// What the performance counters of the peripherals count, in terms of what the units count. The
// numbers are the hardware's.
#include "counters.h"

namespace snitch {
namespace {

constexpr uint64_t beat_bytes = 64;

uint64_t stalls(const Counters& hart, CoreStall why) {
  return hart.core_stall[static_cast<size_t>(why)];
}

// The private instruction cache is asked in every cycle in which the core is not asleep.
uint64_t cache_hits(const Counters& hart, uint64_t now) {
  const uint64_t without = stalls(hart, CoreStall::sleep) + stalls(hart, CoreStall::fetch);
  return now > without ? now - without : 0;
}

// Events 10 to 24: the channels of the DMA engine. Addresses are never refused in this model, so
// the stalls of the address channels (10, 11) stay zero.
uint64_t dma_event(uint32_t metric, const ClusterCounters& c) {
  switch (metric) {
    case 12:
    case 14:
      return c.dma_waits_for_data;
    case 13:
    case 15:
      return c.dma_waits_for_sink;
    case 16:
      return c.dma_write.bursts;
    case 17:
      return c.dma_write.requested;
    case 18:
      return c.dma_read.bursts;
    case 19:
      return c.dma_read.requested;
    case 20:
      return c.dma_read.beats;
    case 21:
      return c.dma_read.beats * beat_bytes;
    case 22:
      return c.dma_write.beats;
    case 23:
      return c.dma_bytes;
    case 24:
      return c.dma_written_bursts;
    default:
      return 0;
  }
}

}  // namespace

uint64_t event_total(uint32_t metric, const Counters& hart, const ClusterCounters& cluster,
                     uint64_t now) {
  switch (metric) {
    case 0:
      return now;
    case 1:
      return cluster.tcdm_accessed;
    case 2:
      return cluster.tcdm_congested;
    case 3:
      return hart.fpu_issued;
    case 4:
      return hart.fp_issued;
    case 5:
      return hart.core_to_fpu;
    case 6:
      return hart.retired;
    case 7:
      return hart.retired_load;
    case 8:
      return hart.retired_alu;
    case 9:
      return hart.retired_offload;
    case 25:
      return cluster.dma_busy;
    case 26:
      return hart.l0_misses;
    case 27:
      return cache_hits(hart, now);
    case 28:
      return hart.l0_prefetches;
    case 30:
      return stalls(hart, CoreStall::fetch);
    default:
      return dma_event(metric, cluster);
  }
}

}  // namespace snitch
