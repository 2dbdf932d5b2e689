// Sanitising: see names.h. The rule for ordinary names is TVM's, because applications spell struct
// members by it; the rule for the rest is ours, because there it leads to C that does not compile.
#include "codegen/mlf/names.h"

#include <fmt/format.h>

#include <cstdint>
#include <regex>
#include <unordered_set>

#include "ir/error.h"

namespace mlfc {
namespace {

constexpr size_t kSymbolLength = 80;
constexpr size_t kModuleLength = 64;
constexpr size_t kCommentLine = 160;

// Not usable as a struct member in C99, C11 or C++17, or a macro in one of the headers that
// generated files include (stdint, stddef, stdbool, math, string) or predefined by gnu99.
const std::unordered_set<std::string_view>& reserved_words() {
  static const std::unordered_set<std::string_view> words = {
      // C
      "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
      "enum", "extern", "float", "for", "goto", "if", "inline", "int", "long", "register",
      "restrict", "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef",
      "union", "unsigned", "void", "volatile", "while", "_Alignas", "_Alignof", "_Atomic", "_Bool",
      "_Complex", "_Generic", "_Imaginary", "_Noreturn", "_Pragma", "_Static_assert",
      "_Thread_local", "asm", "typeof", "fortran",
      // C23 and C++
      "alignas", "alignof", "and", "and_eq", "bitand", "bitor", "bool", "catch", "char16_t",
      "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept",
      "const_cast", "consteval", "constexpr", "constinit", "decltype", "delete", "dynamic_cast",
      "explicit", "export", "false", "friend", "mutable", "namespace", "new", "noexcept", "not",
      "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected", "public",
      "reinterpret_cast", "requires", "static_assert", "static_cast", "template", "this",
      "thread_local", "throw", "true", "try", "typeid", "typename", "typeof_unqual", "using",
      "virtual", "wchar_t", "xor", "xor_eq",
      // macros
      "NULL", "offsetof", "linux", "unix", "i386", "_LP64", "NAN", "INFINITY", "HUGE_VAL",
      "HUGE_VALF", "HUGE_VALL", "FP_NAN", "FP_INFINITE", "FP_ZERO", "FP_SUBNORMAL", "FP_NORMAL",
      "FP_ILOGB0", "FP_ILOGBNAN", "FP_FAST_FMA", "FP_FAST_FMAF", "MATH_ERRNO", "MATH_ERREXCEPT",
      "math_errhandling", "fpclassify", "isfinite", "isinf", "isnan", "isnormal", "signbit",
      "isgreater", "isgreaterequal", "isless", "islessequal", "islessgreater", "isunordered",
      "signgam", "MAXFLOAT", "M_E", "M_LOG2E", "M_LOG10E", "M_LN2", "M_LN10", "M_PI", "M_PI_2",
      "M_PI_4", "M_1_PI", "M_2_PI", "M_2_SQRTPI", "M_SQRT2", "M_SQRT1_2", "errno", "assert",
      // ours, in the headers of the runtime
      "TVM_DLL", "TVM_WEAK", "TVM_ATTRIBUTE_UNUSED", "TVM_VERSION", "TVM_EXPORTS", "DLPACK_VERSION",
      "DLPACK_ABI_VERSION", "DLPACK_DLL", "DLPACK_EXTERN_C"};
  return words;
}

// INT8_MAX, UINT_LEAST16_MAX, INTPTR_MIN, INT64_C, SIZE_MAX ... of <stdint.h>.
bool is_limit_macro(const std::string& name) {
  static const std::regex limit(
      "(U?INT(_LEAST|_FAST)?(8|16|32|64)|U?INT(PTR|MAX)|SIZE|PTRDIFF|SIG_ATOMIC|WCHAR|WINT)"
      "_(MAX|MIN|C|WIDTH)");
  return name.size() < 32 && std::regex_match(name, limit);
}

bool is_reserved(const std::string& name) {
  return is_limit_macro(name) || reserved_words().contains(name);
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// FNV-1a: stable over machines and releases, which std::hash is not.
uint64_t stable_hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

std::string sanitised(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    if (!is_letter_or_digit(c)) c = '_';
  }
  const bool starts_with_digit = !result.empty() && result[0] >= '0' && result[0] <= '9';
  // `__LINE__` needs more than one underscore to stop being a predefined macro.
  const bool is_predefined = result.starts_with("__") && result.ends_with("__") &&
                             result.find_first_not_of('_') != std::string::npos;
  if (is_predefined) return "v" + result;
  if (result.empty() || starts_with_digit || is_reserved(result))
    result.insert(result.begin(), '_');
  return result;
}

std::string lower_cased(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string upper_cased(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

std::string module_symbol(const std::string& name) {
  if (name.empty()) fail("--module-name", "the name is empty; give letters, digits and '_'");
  if (name.size() > kModuleLength) {
    fail("--module-name", "the name has ", name.size(), " characters; use at most ", kModuleLength);
  }
  std::string symbol = lower_cased(name);
  for (char& c : symbol) {
    if (c == '-' || c == '.') c = '_';
    if (!is_letter_or_digit(c) && c != '_') {
      fail("--module-name", "'", comment_line(name),
           "' cannot become part of C names; use letters, digits and '_'");
    }
  }
  return symbol;
}

std::string shortened_symbol(const std::string& name) {
  if (name.size() <= kSymbolLength) return name;
  return fmt::format("{}_{:016x}_", name.substr(0, kSymbolLength), stable_hash(name));
}

std::string unique_name(const std::string& name, std::set<std::string>& taken) {
  std::string candidate = name;
  for (int suffix = 1; !taken.insert(candidate).second; suffix++) {
    candidate = fmt::format("{}_{}", name, suffix);
  }
  return candidate;
}

std::string comment_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (line.size() > kCommentLine) return line + " ...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '\\') {
      line += fmt::format("%{:02x}", byte);
      continue;
    }
    const char previous = line.empty() ? ' ' : line.back();
    const bool forms_mark = (previous == '*' && c == '/') || (previous == '/' && c == '*');
    const bool forms_trigraph = previous == '?' && c == '?';
    if (forms_mark || forms_trigraph) line += ' ';
    line += c;
  }
  return line;
}

std::string block_comment(std::string_view text) {
  std::string comment;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  while (true) {
    const size_t end = text.find('\n');
    comment += comment.empty() ? "/* " : " * ";
    comment += comment_line(text.substr(0, end));
    while (comment.back() == ' ') comment.pop_back();
    if (end == std::string_view::npos) break;
    comment += '\n';
    text.remove_prefix(end + 1);
  }
  return comment + " */\n";
}

std::string string_literal(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // Question marks too: two of them can begin a trigraph.
    const bool is_plain = byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\' && c != '?';
    // Three octal digits always, so that a digit that follows is not swallowed.
    literal += is_plain ? std::string(1, c) : fmt::format("\\{:03o}", byte);
  }
  return literal + "\"";
}

}  // namespace mlfc
