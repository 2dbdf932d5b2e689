// Structural equality of programs, for tests that print and read back.
#pragma once

#include <string>

#include "ir/graph.h"

namespace mlfc {

/// Empty when equal; otherwise the first thing that differs.
std::string program_difference(const Kernel& a, const Kernel& b);
std::string program_difference(const Proc& a, const Proc& b);
std::string program_difference(const Graph& a, const Graph& b);

}  // namespace mlfc
