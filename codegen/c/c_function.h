// Loop programs as the body of a C99 function.
#pragma once

#include <string>

#include "codegen/target.h"

namespace mlfc {

/// The function of a node that has been lowered to loops.
EmittedFunction emit_c_function(const Node& node, const Machine& machine);

}  // namespace mlfc
