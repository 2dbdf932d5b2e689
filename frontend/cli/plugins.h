// `--plugin x.so`: shared objects whose static registration objects add operators and passes.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace mlfc {

/// Opens each; they stay open until the program ends. The passes they brought, by name, with the
/// path of the plugin.
std::map<std::string, std::string> load_plugins(const std::vector<std::string>& paths);

}  // namespace mlfc
