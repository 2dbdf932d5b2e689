// The interconnect between the cores' ports and the TCDM's banks: one access a bank and cycle, fair
// round-robin among the ports, and a DMA that takes eight neighbouring banks at once and always
// wins.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "counters.h"
#include "machine.h"

namespace snitch {

class Tcdm {
 public:
  explicit Tcdm(const Machine& machine);

  // Asks for an access this cycle; `requester` is a port number below 32.
  void request(int requester, uint32_t offset);
  // The DMA takes the banks of this address's superbank this cycle.
  void take_superbank(uint32_t offset);
  // An atomic operation keeps its bank busy one more cycle.
  void hold(uint32_t offset, uint64_t now) { held_until_[bank(offset)] = now + 2; }
  // Decides this cycle; the bits of the served ports.
  uint32_t arbitrate(uint64_t now, ClusterCounters& counters);

 private:
  uint32_t bank(uint32_t offset) const { return (offset >> 3) & bank_mask_; }

  uint32_t bank_mask_;
  uint64_t taken_ = 0;  // banks the DMA has
  uint64_t touched_ = 0;
  std::array<uint32_t, 64> requests_{};
  std::array<uint32_t, 64> locked_{};  // requests a blocked arbiter has to stay with
  std::array<uint8_t, 64> priority_{};
  std::array<uint64_t, 64> held_until_{};
};

}  // namespace snitch
