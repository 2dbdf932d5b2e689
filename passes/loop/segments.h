// Cuts a split axis into segments of equal blocks: blocks whose reads all lie inside their tensors
// (they need no tests), blocks at the border, and a last partial block.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/affine.h"
#include "ir/kernel.h"

namespace mlfc {

struct Segment {
  int64_t begin = 0;   ///< first value of the axis
  int64_t blocks = 1;  ///< how many blocks follow
  int64_t block = 1;   ///< turns of the inner loop
};

/// The values of `axis` for which every guarded read of the stage (one with `otherwise`) is inside
/// its tensor whatever the other axes are; {0, extent-1} when no read depends on the axis. Empty
/// (first > last) when there are none.
Range interior_of(const Kernel& kernel, const Stage& stage, const Axis& axis, const Ranges& axes);

/// The segments of an axis cut into blocks of `block`, given its interior.
std::vector<Segment> cut_into_segments(int64_t extent, int64_t block, const Range& interior);

}  // namespace mlfc
