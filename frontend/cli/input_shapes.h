// `--input-shapes "aux:[1,102],spec:[1,128,128,1]"` as tvmc takes it, but for any name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/type.h"

namespace mlfc {

/// A UsageError when a text is not of that form.
std::map<std::string, Shape> parse_input_shapes(const std::vector<std::string>& texts);

}  // namespace mlfc
