// Reads program text back. Mistakes are user errors with line and column.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "ir/graph.h"

namespace mlfc {

std::unique_ptr<Graph> parse_graph(std::string_view text);
Kernel parse_kernel(std::string_view text);
Proc parse_proc(std::string_view text);
Schedule parse_schedule(std::string_view text);
/// An expression over the names in scope: `scope` types the tensors and locals, everything else is
/// an axis.
Expr parse_expr(std::string_view text, const std::vector<Param>& scope);
TensorType parse_type(std::string_view text);

}  // namespace mlfc
