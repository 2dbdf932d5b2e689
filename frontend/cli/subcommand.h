// A subcommand lives in one file of this folder and registers itself; main dispatches by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontend/cli/arguments.h"

namespace mlfc {

struct Subcommand {
  std::string name = {};     ///< "compile"
  std::string summary = {};  ///< one sentence for the list of subcommands
  /// Made when it is needed: options may depend on what is registered (targets).
  Syntax (*syntax)() = nullptr;
  /// Returns the exit code; throws UsageError, UserError or InternalError.
  int (*run)(const Arguments& arguments) = nullptr;
};

const Subcommand* find_subcommand(std::string_view name);
std::vector<const Subcommand*> subcommands();  ///< sorted by name

/// A static object of this type puts the subcommand into the registry.
struct RegisteredSubcommand {
  explicit RegisteredSubcommand(const Subcommand& subcommand);
};

/// Options every subcommand has: -q, -v.
OptionGroup common_options();

}  // namespace mlfc
