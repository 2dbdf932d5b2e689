// The lowering of one kernel under one schedule, for the pass and for whoever explores schedules.
#pragma once

#include "ir/kernel.h"
#include "ir/loop.h"
#include "ir/schedule.h"

namespace mlfc {

/// The loops of a kernel as a legal schedule orders them; check()s legality.
Proc lower(const Kernel& kernel, const Schedule& schedule);

/// Writes out loops marked @unroll, drops loops of one turn or none, simplifies indices.
void simplify(Proc& proc);

}  // namespace mlfc
