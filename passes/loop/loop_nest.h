// The nest a schedule asks for: which loops, in which order, carrying which marks. This is the
// bridge between a schedule's words and the lowering that writes the loops (lower_to_loops.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/schedule.h"

namespace mlfc {

enum class LoopPart : uint8_t { whole, outer, inner };  ///< of a split axis

struct NestLoop {
  std::string axis = {};  ///< the kernel's axis
  LoopPart part = LoopPart::whole;
  std::string variable = {};  ///< of the loop: oc, oc_o, oc_i
  int64_t extent = 1;         ///< of the kernel's axis
  int64_t block = 0;          ///< outer, inner: turns of the inner loop in a full block
  bool is_reduced = false;
  std::vector<std::string> marks = {};
};

/// The loops around (shared axes) and inside (own axes) one stage, outermost first. For a kernel of
/// one stage everything is in `inside`, since its shared axes may be ordered freely.
struct Nest {
  std::vector<NestLoop> shared = {};
  std::vector<std::vector<NestLoop>> inside = {};  ///< per stage
};

/// Applies the words of a legal schedule.
Nest make_nest(const Kernel& kernel, const Schedule& schedule);

}  // namespace mlfc
