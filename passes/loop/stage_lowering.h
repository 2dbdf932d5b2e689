// The loops of one stage of a kernel: blocks, accumulators, borders.
#pragma once

#include <vector>

#include "ir/affine.h"
#include "ir/loop.h"
#include "passes/loop/loop_nest.h"

namespace mlfc {

/// `loops` are the stage's own, outermost first; `values` says what the kernel's axes are in terms
/// of the loops around, `ranges` how far those run.
std::vector<Stmt> lower_stage(const Kernel& kernel, const Stage& stage,
                              const std::vector<NestLoop>& loops, AxisMap values, Ranges ranges);

}  // namespace mlfc
