// The C that joins one archive with the harness: tables of its tensors, the call of its entry, and
// the workspace allocator it may ask for.
#pragma once

#include <string>
#include <vector>

#include "runtime/runner/archive_interface.h"

namespace mlfc {

std::string driver_source(const ArchiveInterface& interface);

/// Puts the harness's counters around every call of a kernel in the text of a main function;
/// returns the kernels' names in the order of their numbers.
std::vector<std::string> count_kernels(std::string& source, const std::string& module);

}  // namespace mlfc
