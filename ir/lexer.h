// Splits program text into tokens, and says which names may stand in it without quotes. Printer and
// parser share this file, so that what one writes the other reads.
//
// Names: a plain name inside kernels and loops is an identifier whose parts are joined by dots
// (oc.o). Names of values (%), data and marks (@) and everything else may be any bytes: they are
// quoted when they are not plain. A quoted name is never a keyword.
// '#' starts a comment that ends with the line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mlfc {

enum class TokenKind : uint8_t {
  end,
  name,    ///< conv, oc.o, for
  quoted,  ///< "any bytes", escapes undone
  value,   ///< %x or %"any bytes"
  mark,    ///< @x or @"any bytes"
  number,  ///< digits, fraction, exponent; never a sign
  symbol,  ///< brackets, operators
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text = {};  ///< of a quoted token: with the escapes undone
  size_t offset = 0;      ///< of its first byte in the source
  bool starts_line = false;
};

/// Reads one token at a time from a source that must outlive it.
class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Token next();
  /// Continues reading at `offset` (to take a token apart).
  void rewind(size_t offset) { position_ = offset; }
  /// The bytes from here up to (not including) `end`, for notations with words of their own.
  std::string raw_until(char end);
  /// Throws a user error that begins with the line and column of `offset`.
  [[noreturn]] void fail_at(size_t offset, const std::string& message) const;

 private:
  bool skip_blanks();
  Token next_on_line();
  std::string read_quoted();
  std::string read_sigil_name(size_t start);
  Token read_number(size_t start);
  Token read_symbol(size_t start);
  char peek(size_t ahead = 0) const;

  std::string_view source_;
  size_t position_ = 0;
};

/// True for a name that may stand without quotes in kernels and loops: an identifier, no keyword.
bool is_plain_name(std::string_view name);
/// "text" with the bytes that would end or confuse it escaped.
std::string quoted(std::string_view text);
/// A name as kernels, loops and attributes spell it: plain or quoted.
std::string name_text(std::string_view name);
/// A name behind % or @: plain or quoted.
std::string sigil_text(char sigil, std::string_view name);

}  // namespace mlfc
