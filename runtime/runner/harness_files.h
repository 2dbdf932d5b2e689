// The files of the harness and of the emulated board, as they are in the source tree; the build
// puts them into the compiler (embed.cmake).
#pragma once

#include <string_view>
#include <vector>

namespace mlfc {

struct HarnessFile {
  std::string_view path = {};  ///< below runtime/: "runner/harness/harness.h"
  std::string_view bytes = {};
};

const std::vector<HarnessFile>& harness_files();

}  // namespace mlfc
