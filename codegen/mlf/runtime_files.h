// The C runtime and templates that every archive carries, embedded into the compiler when it is
// built, so that one program is all a user installs.
#pragma once

#include <string_view>
#include <vector>

namespace mlfc {

struct RuntimeFile {
  std::string_view path = {};  ///< in the archive: runtime/include/dlpack/dlpack.h
  std::string_view bytes = {};
};

/// Sorted by path. Defined by a file that the build generates.
std::vector<RuntimeFile> runtime_files();

}  // namespace mlfc
