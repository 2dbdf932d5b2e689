// Opening a plugin runs its static initialisers, which register what it brings. RTLD_NOW: a plugin
// built against another version must fail here, with the symbol's name, not in the middle.
#include "frontend/cli/plugins.h"

#include <dlfcn.h>

#include <filesystem>
#include <set>

#include "ir/error.h"
#include "passes/pass.h"

namespace mlfc {

std::map<std::string, std::string> load_plugins(const std::vector<std::string>& paths) {
  std::set<const Pass*> known;
  for (const Pass* pass : passes()) known.insert(pass);
  std::map<std::string, std::string> brought;
  for (const std::string& path : paths) {
    std::error_code error;
    const std::filesystem::path file = std::filesystem::absolute(path, error);
    if (!std::filesystem::is_regular_file(file, error)) fail(path, "the plugin does not exist");
    if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
      fail(path, "the plugin cannot be loaded: ", dlerror());
    }
    for (const Pass* pass : passes()) {
      if (known.insert(pass).second) brought.emplace(pass->name, path);
    }
  }
  return brought;
}

}  // namespace mlfc
