// Bytes as text and back: how program text carries the data of large constants.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mlfc {

/// Standard alphabet, padded with '='; a line break after every `line` characters (0: none).
std::string to_base64(std::span<const std::byte> bytes, size_t line = 0);
/// Ignores blanks and line breaks; nullopt when the text is not base64.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

}  // namespace mlfc
