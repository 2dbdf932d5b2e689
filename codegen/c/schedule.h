// The schedules of target c.
#pragma once

#include "ir/kernel.h"
#include "ir/machine.h"
#include "ir/schedule.h"

namespace mlfc {

/// Words for every stage that sums products of integers; empty when none does.
Schedule dot_schedule(const Kernel& kernel, const Machine& machine);

Schedule choose_c_schedule(const Kernel& kernel, const Machine& machine);

}  // namespace mlfc
