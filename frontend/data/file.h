// Whole files in and out. What is written appears complete or not at all.
#pragma once

#include <string>
#include <string_view>

namespace mlfc {

/// The bytes of a regular file; fails when it cannot be read or is 2 GiB or larger.
std::string read_file(const std::string& path);

/// Writes beside the target under a temporary name and renames: an interrupted or failed write
/// leaves what was there before.
void write_file(const std::string& path, std::string_view bytes);

/// Runs `write` on a temporary path beside `path` and renames the result; removes it on failure.
template <typename Write>
void write_through_temporary(const std::string& path, const Write& write);

/// Helpers of write_through_temporary.
std::string temporary_name(const std::string& path);
void move_into_place(const std::string& temporary, const std::string& path);
void discard(const std::string& temporary);

template <typename Write>
void write_through_temporary(const std::string& path, const Write& write) {
  const std::string temporary = temporary_name(path);
  try {
    write(temporary);
  } catch (...) {
    discard(temporary);
    throw;
  }
  move_into_place(temporary, path);
}

}  // namespace mlfc
