// `--pass-config name=value`: TVM's configuration names, of which some have a meaning here and the
// others are accepted because existing command lines carry them.
#pragma once

#include <string>
#include <vector>

#include "passes/pass.h"

namespace mlfc {

void apply_pass_config(const std::vector<std::string>& settings, Options& options);

}  // namespace mlfc
