// Program text: every level prints, and what it printed parses back to the same program (parse.h).
#pragma once

#include <string>

#include "ir/graph.h"
#include "ir/kernel.h"
#include "ir/loop.h"
#include "ir/schedule.h"

namespace mlfc {

struct PrintOptions {
  /// Constants of more elements than this print as `data @name` and their bytes follow the program;
  /// with `elide_data` the bytes are left out (for reading; such text does not parse back).
  int64_t inline_elements = 16;
  bool elide_data = false;
};

std::string to_text(const Graph& graph, const PrintOptions& options = {});
std::string to_text(const Node& node);
std::string to_text(const Kernel& kernel);
std::string to_text(const Schedule& schedule, const std::string& kernel_name);
std::string to_text(const Proc& proc);
std::string to_text(const Attribute& attribute);

}  // namespace mlfc
