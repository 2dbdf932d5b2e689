// Which constants are kept as two numbers a byte.
#pragma once

#include <cstdint>

namespace mlfc {

/// Fewer elements save too little.
constexpr int64_t kFewestNibbles = 64;

/// True for enough integers from -8 to 7, or from 0 to 15.
constexpr bool fits_nibbles(double least, double most, int64_t elements) {
  const bool fits = (least >= -8 && most <= 7) || (least >= 0 && most <= 15);
  return fits && elements >= kFewestNibbles;
}

}  // namespace mlfc
