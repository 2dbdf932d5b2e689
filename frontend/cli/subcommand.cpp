// The registry of subcommands.
#include "frontend/cli/subcommand.h"

#include <map>

#include "ir/error.h"

namespace mlfc {
namespace {

std::map<std::string, const Subcommand*, std::less<>>& registry() {
  static std::map<std::string, const Subcommand*, std::less<>> by_name;
  return by_name;
}

}  // namespace

RegisteredSubcommand::RegisteredSubcommand(const Subcommand& subcommand) {
  const bool fresh = registry().emplace(subcommand.name, &subcommand).second;
  check(fresh, "two subcommands are called '", subcommand.name, "'");
}

const Subcommand* find_subcommand(std::string_view name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : found->second;
}

std::vector<const Subcommand*> subcommands() {
  std::vector<const Subcommand*> all;
  for (const auto& [name, subcommand] : registry()) all.push_back(subcommand);
  return all;
}

OptionGroup common_options() {
  return {"general",
          {{.name = "--help", .short_name = "-h", .help = "Show this text."},
           {.name = "--quiet", .short_name = "-q", .help = "Print results and errors only."},
           {.name = "--verbose", .short_name = "-v", .help = "Say more about what is done."}}};
}

}  // namespace mlfc
