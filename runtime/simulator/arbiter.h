// Round-robin arbitration among many requesters, decided by the same binary tree as the hardware's,
// so that conflicts fall the same way.
#pragma once

#include <cstdint>

namespace snitch {

// The winner among the set bits of `requests` (not zero): from the root down, the right half wins
// if the left one is empty or if it asks and the priority's bit for this level is set.
inline int tree_choice(uint32_t requests, uint32_t priority, int levels) {
  int base = 0;
  for (int level = levels - 1; level >= 0; level--) {
    const int half = 1 << level;
    const uint32_t mask = (half == 32 ? ~0u : (1u << half) - 1) << base;
    const bool left = (requests & mask) != 0;
    const bool right = (requests & (mask << half)) != 0;
    if (!left || (right && ((priority >> level) & 1))) base += half;
  }
  return base;
}

// The priority after a grant: the next requester above the present one, else the lowest one.
inline uint32_t next_priority(uint32_t requests, uint32_t priority) {
  const uint32_t above = priority >= 31 ? 0 : requests & ~((2u << priority) - 1);
  return static_cast<uint32_t>(__builtin_ctz(above ? above : requests));
}

}  // namespace snitch
