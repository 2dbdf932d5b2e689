// Whole files in and out. What is written appears complete or not at all.
#pragma once

#include <string>
#include <string_view>

namespace mlfc {

/// The bytes of a regular file; fails when it cannot be read or is 2 GiB or larger.
std::string read_file(const std::string& path);

/// Writes beside the target under a temporary name and renames: an interrupted or failed write
/// leaves what was there before. Devices and pipes (/dev/null) are written to as they are.
void write_file(const std::string& path, std::string_view bytes);

/// Runs `write` on a temporary path beside `path` and renames the result; removes it on failure.
/// What is there and no plain file is written to directly.
template <typename Write>
void write_through_temporary(const std::string& path, const Write& write);

/// Helpers of write_through_temporary.
bool is_plain_file_or_new(const std::string& path);
std::string temporary_name(const std::string& path);
void move_into_place(const std::string& temporary, const std::string& path);
void discard(const std::string& temporary);

template <typename Write>
void write_through_temporary(const std::string& path, const Write& write) {
  if (!is_plain_file_or_new(path)) return write(path);
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
