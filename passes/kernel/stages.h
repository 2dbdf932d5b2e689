// What passes that cut a kernel into stages share: names that are still free, and axes of a stage's
// own.
#pragma once

#include <string>

#include "ir/kernel.h"

namespace mlfc {

/// `name`, with underscores if the kernel has a parameter, local or axis of that name.
std::string free_name(const Kernel& kernel, std::string name);

/// The same stage over axes of its own, which a schedule orders apart from those of other stages.
Stage over_own_axes(const Kernel& kernel, Stage stage);

}  // namespace mlfc
