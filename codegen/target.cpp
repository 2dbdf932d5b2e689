// The registry of targets.
#include "codegen/target.h"

#include "ir/error.h"

namespace mlfc {
namespace {

std::map<std::string, const Target*, std::less<>>& registry() {
  static std::map<std::string, const Target*, std::less<>> by_name;
  return by_name;
}

}  // namespace

RegisteredTarget::RegisteredTarget(const Target& target) {
  const bool fresh = registry().emplace(target.name, &target).second;
  check(fresh, "two targets are called '", target.name, "'");
}

const Target* find_target(std::string_view name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second;
}

std::vector<const Target*> targets() {
  std::vector<const Target*> all;
  for (const auto& [name, target] : registry()) all.push_back(target);
  return all;
}

}  // namespace mlfc
