// The pass registry: filled by static objects, one per pass file, before main starts.
#include "passes/pass.h"

#include "ir/error.h"

namespace mlfc {
namespace {

std::map<std::string, const Pass*, std::less<>>& registry() {
  static std::map<std::string, const Pass*, std::less<>> by_name;
  return by_name;
}

}  // namespace

RegisteredPass::RegisteredPass(const Pass& pass) {
  check(pass.run != nullptr, "pass '", pass.name, "' has nothing to run");
  const bool fresh = registry().emplace(pass.name, &pass).second;
  check(fresh, "two passes are called '", pass.name, "'");
}

const Pass* find_pass(std::string_view name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second;
}

std::vector<const Pass*> passes() {
  std::vector<const Pass*> all;
  for (const auto& [name, pass] : registry()) all.push_back(pass);
  return all;
}

}  // namespace mlfc
