// Which sums of integers certainly fit their accumulators. In C a signed sum that might overflow
// has to be written with unsigned numbers, and compilers then miss the instructions that multiply
// and add in one.
#pragma once

#include <set>
#include <string>

#include "ir/loop.h"

namespace mlfc {

/// Names of integer locals that nothing but proven sums and assignments change.
std::set<std::string> sums_that_fit(const Proc& proc);

}  // namespace mlfc
