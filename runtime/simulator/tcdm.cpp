// Arbitration bank by bank. Priorities only move when somebody is served, as in the hardware.
#include "tcdm.h"

#include "arbiter.h"

namespace snitch {

Tcdm::Tcdm(const Machine& machine) : bank_mask_(static_cast<uint32_t>(machine.tcdm_banks) - 1) {}

void Tcdm::request(int requester, uint32_t offset) {
  const uint32_t b = bank(offset);
  requests_[b] |= 1u << requester;
  touched_ |= uint64_t{1} << b;
}

void Tcdm::take_superbank(uint32_t offset) {
  taken_ |= uint64_t{0xff} << (bank(offset) & ~7u);
}

uint32_t Tcdm::arbitrate(uint64_t now, ClusterCounters& counters) {
  constexpr int levels = 5;
  uint32_t served = 0;
  for (uint64_t left = touched_; left; left &= left - 1) {
    const int b = __builtin_ctzll(left);
    uint32_t requests = requests_[b];
    requests_[b] = 0;
    const int asking = __builtin_popcount(requests);
    counters.tcdm_accessed += asking;
    const bool blocked = ((taken_ >> b) & 1) || held_until_[b] > now;
    if (locked_[b] & requests) requests &= locked_[b];
    if (blocked) {
      locked_[b] = requests;
      counters.tcdm_congested += asking;
      continue;
    }
    locked_[b] = 0;
    counters.tcdm_congested += asking - 1;
    served |= 1u << tree_choice(requests, priority_[b], levels);
    priority_[b] = static_cast<uint8_t>(next_priority(requests, priority_[b]));
  }
  touched_ = 0;
  taken_ = 0;
  return served;
}

}  // namespace snitch
