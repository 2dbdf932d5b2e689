// `--plugin x.so`: shared objects whose static registration objects add operators and passes.
#pragma once

#include <string>
#include <vector>

namespace mlfc {

/// Opens each; they stay open until the program ends.
void load_plugins(const std::vector<std::string>& paths);

}  // namespace mlfc
