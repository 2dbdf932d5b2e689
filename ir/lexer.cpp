// The lexer of program text. It accepts any bytes and answers with tokens or a user error that
// names line and column; it never reads past the end.
#include "ir/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ir/error.h"
#include "ir/scalar_functions.h"

namespace mlfc {
namespace {

// Locale-independent classes: what a name is must not depend on the user's environment.
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool continues_name(char c) {
  return starts_name(c) || is_digit(c);
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Words that mean something where a name could stand; a name spelled like one is quoted.
constexpr auto kKeywords =
    std::to_array<std::string_view>({"_", "for", "reduce", "stage", "local", "in", "step", "copy",
                                     "call", "note", "from", "of", "inf", "nan", "true", "false"});

// Operators of expressions come from the table; these are the rest of the grammar.
std::vector<std::string> all_symbols() {
  std::vector<std::string> symbols = {"(", ")", "[",  "]",  "{",  "}",  ",", ":",
                                      "=", "|", "->", "..", "+=", "*=", "?", "."};
  for (const ScalarFunction& row : scalar_functions()) {
    if (!row.infix.empty() && !starts_name(row.infix[0])) symbols.emplace_back(row.infix);
  }
  std::sort(symbols.begin(), symbols.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  return symbols;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

char Lexer::peek(size_t ahead) const {
  // A NUL byte belongs to no token, so it can stand for the end as well.
  return position_ + ahead < source_.size() ? source_[position_ + ahead] : '\0';
}

void Lexer::fail_at(size_t offset, const std::string& message) const {
  const std::string_view before = source_.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? offset + 1 : offset - newline;
  fail(fmt::format("line {}, column {}", line, column), message);
}

// Answers whether a line began on the way.
bool Lexer::skip_blanks() {
  bool starts_line = position_ == 0;
  while (position_ < source_.size()) {
    if (is_blank(source_[position_])) {
      starts_line |= source_[position_++] == '\n';
    } else if (source_[position_] == '#') {
      position_ = std::min(source_.find('\n', position_), source_.size());
    } else {
      break;
    }
  }
  return starts_line;
}

std::string Lexer::raw_until(char end) {
  const size_t start = position_;
  const size_t found = source_.find(end, start);
  if (found == std::string_view::npos) fail_at(start, fmt::format("expected '{}'", end));
  position_ = found;
  return std::string(source_.substr(start, found - start));
}

// The opening quote is at the position; afterwards the position is behind the closing one.
std::string Lexer::read_quoted() {
  const size_t start = position_++;
  std::string text;
  while (true) {
    // Data strings are megabytes long: copy what lies between escapes in one go.
    const size_t special = source_.find_first_of("\"\\", position_);
    if (special == std::string_view::npos) fail_at(start, "this string has no closing quote");
    text.append(source_, position_, special - position_);
    position_ = special + 1;
    if (source_[special] == '"') return text;
    const char escape = peek();
    const int high = hex_value(peek(1)), low = escape == 'x' ? hex_value(peek(2)) : 0;
    if (escape == '"' || escape == '\\') {
      text += escape;
    } else if (escape == 'n') {
      text += '\n';
    } else if (escape == 't') {
      text += '\t';
    } else if (escape == 'x' && high >= 0 && low >= 0) {
      text += static_cast<char>(high * 16 + low);
      position_ += 2;
    } else {
      fail_at(special, R"(expected one of the escapes \" \\ \n \t \x00)");
    }
    ++position_;
  }
}

// What follows % or @.
std::string Lexer::read_sigil_name(size_t start) {
  ++position_;
  if (peek() == '"') return read_quoted();
  const size_t first = position_;
  while (continues_name(peek()) || peek() == '.') ++position_;
  if (position_ == first) fail_at(start, fmt::format("expected a name after '{}'", source_[start]));
  return std::string(source_.substr(first, position_ - first));
}

Token Lexer::read_number(size_t start) {
  const auto digits = [this] {
    while (is_digit(peek())) ++position_;
  };
  digits();
  // "0..16" is a range: a point belongs to the number only when a digit follows.
  if (peek() == '.' && is_digit(peek(1))) {
    ++position_;
    digits();
  }
  const bool has_exponent =
      (peek() == 'e' || peek() == 'E') &&
      (is_digit(peek(1)) || ((peek(1) == '+' || peek(1) == '-') && is_digit(peek(2))));
  if (has_exponent) {
    position_ += 2;
    digits();
  }
  if (starts_name(peek())) fail_at(start, "a number is followed by letters");
  return {TokenKind::number, std::string(source_.substr(start, position_ - start)), start};
}

Token Lexer::read_symbol(size_t start) {
  static const std::vector<std::string> symbols = all_symbols();
  for (const std::string& symbol : symbols) {
    if (!source_.substr(start).starts_with(symbol)) continue;
    position_ += symbol.size();
    return {TokenKind::symbol, symbol, start};
  }
  fail_at(start, fmt::format("unexpected character {}", quoted(source_.substr(start, 1))));
}

Token Lexer::next() {
  const bool starts_line = skip_blanks();
  Token token = next_on_line();
  token.starts_line = starts_line;
  return token;
}

Token Lexer::next_on_line() {
  const size_t start = position_;
  if (start >= source_.size()) return {TokenKind::end, "", source_.size()};
  const char first = source_[start];
  if (first == '"') return {TokenKind::quoted, read_quoted(), start};
  if (first == '%' && (starts_name(peek(1)) || is_digit(peek(1)) || peek(1) == '"')) {
    return {TokenKind::value, read_sigil_name(start), start};
  }
  if (first == '@') return {TokenKind::mark, read_sigil_name(start), start};
  if (is_digit(first)) return read_number(start);
  if (!starts_name(first)) return read_symbol(start);
  while (continues_name(peek()) || (peek() == '.' && continues_name(peek(1)))) ++position_;
  return {TokenKind::name, std::string(source_.substr(start, position_ - start)), start};
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || !starts_name(name[0]) || name.back() == '.') return false;
  for (size_t i = 1; i < name.size(); ++i) {
    const bool joins = name[i] == '.' && name[i - 1] != '.';
    if (!joins && !continues_name(name[i])) return false;
  }
  return std::find(kKeywords.begin(), kKeywords.end(), name) == kKeywords.end();
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string name_text(std::string_view name) {
  return is_plain_name(name) ? std::string(name) : quoted(name);
}

std::string sigil_text(char sigil, std::string_view name) {
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return continues_name(c) || c == '.';
  });
  return sigil + (plain && name[0] != '.' ? std::string(name) : quoted(name));
}

}  // namespace mlfc
