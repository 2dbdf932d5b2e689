// Base64 (RFC 4648, section 4): three bytes become four letters of six bits each.
#include "ir/base64.h"

#include <array>
#include <cstdint>

namespace mlfc {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr int8_t kNoLetter = -1;
constexpr int8_t kBlank = -2;

constexpr std::array<int8_t, 256> kValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(kNoLetter);
  for (size_t i = 0; i < kLetters.size(); ++i) {
    values[static_cast<unsigned char>(kLetters[i])] = static_cast<int8_t>(i);
  }
  for (const char blank : {' ', '\t', '\n', '\r'})
    values[static_cast<unsigned char>(blank)] = kBlank;
  return values;
}();

}  // namespace

std::string to_base64(std::span<const std::byte> bytes, size_t line) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  size_t column = 0;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8U | (j < count ? std::to_integer<uint32_t>(bytes[i + j]) : 0);
    }
    if (line != 0 && column + 4 > line) {
      text += '\n';
      column = 0;
    }
    for (size_t j = 0; j < 4; ++j) {
      text += j <= count ? kLetters[group >> (18 - 6 * j) & 63U] : '=';
    }
    column += 4;
  }
  return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t group = 0;
  int letters = 0, padding = 0;
  for (const char c : text) {
    const int8_t value = kValues[static_cast<unsigned char>(c)];
    if (value == kBlank) continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    if (value == kNoLetter || padding != 0) return std::nullopt;
    group = group << 6U | static_cast<uint32_t>(value);
    if (++letters < 4) continue;
    for (const unsigned shift : {16U, 8U, 0U}) bytes.push_back(std::byte(group >> shift & 255U));
    group = 0;
    letters = 0;
  }
  // A last group of n letters carries n - 1 bytes and is filled up with '=' to four.
  if (letters == 1 || (letters + padding) % 4 != 0 || padding > 2) return std::nullopt;
  group <<= 6U * static_cast<unsigned>(4 - letters);
  for (int i = 0; i + 1 < letters; ++i) bytes.push_back(std::byte(group >> (16 - 8 * i) & 255U));
  return bytes;
}

}  // namespace mlfc
