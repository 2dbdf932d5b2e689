// The options of an operator, read by what the format says of their fields. No operator is named
// here: the names and types come from the reflection tables that flatc writes.
#pragma once

#include "ir/graph.h"

namespace mlfc {

namespace tflite_file {
struct Operator;
}

/// The stated options by name: numbers, lists of integers, text; enumerations by their value's
/// name.
Attributes tflite_options(const tflite_file::Operator& op);

}  // namespace mlfc
