// Checks that a program is well formed at every level: names defined before use and defined once,
// types consistent, kernels' axes and reads in range, every output written, views inside their
// storage. Run after every pass when asked; what it finds is the compiler's mistake (check) unless
// the text came from the user (then the caller turns it into a user error).
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

/// All problems found, one sentence each; empty: the graph is well formed.
std::vector<std::string> problems(const Graph& graph);
std::vector<std::string> problems(const Kernel& kernel);
std::vector<std::string> problems(const Proc& proc);
/// Throws InternalError naming `after` (a pass) and the first problems.
void verify(const Graph& graph, const std::string& after);

}  // namespace mlfc
