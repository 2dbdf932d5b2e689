// The schedules of target c.
#pragma once

#include "ir/kernel.h"
#include "ir/machine.h"
#include "ir/schedule.h"

namespace mlfc {

Schedule choose_c_schedule(const Kernel& kernel, const Machine& machine);

}  // namespace mlfc
