// The two ways anything goes wrong: `fail` for the user's mistakes, `check` for ours.
// Both build one message from parts and throw; main() is the only place that catches.
// Everything that can be put into a message has a `to_text` (types, nodes, shapes) or a fmt
// formatter.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mlfc {

/// The model, the request or a file is wrong: printed as `Error: ...`, exit code 4.
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The compiler is wrong: printed with what to report, exit code 70.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

template <typename Part>
void append_part(std::string& message, const Part& part) {
  // Strings and numbers first: once print.h is seen they would convert to an Attribute or an Expr
  // and be printed as one, in quotes.
  if constexpr (std::is_convertible_v<Part, std::string_view> || std::is_arithmetic_v<Part>) {
    fmt::format_to(std::back_inserter(message), "{}", part);
  } else if constexpr (requires { to_text(part); }) {
    message += to_text(part);
  } else if constexpr (std::is_same_v<Part, std::vector<int64_t>>) {
    message += fmt::format("[{}]", fmt::join(part, ","));  // a shape: not found through ADL
  } else {
    fmt::format_to(std::back_inserter(message), "{}", part);
  }
}

template <typename... Parts>
std::string concat_text(const Parts&... parts) {
  std::string message;
  (append_part(message, parts), ...);
  return message;
}

/// Reports a mistake of the user at `where` (a node, a value, a file name ...) and does not return.
/// Say what is wrong and what to do: fail(node, "conv expects ", n, " channels; check 'group'").
template <typename Where, typename... Parts>
[[noreturn]] void fail(const Where& where, const Parts&... parts) {
  std::string place;
  if constexpr (requires { describe(where); }) {
    place = describe(where);
  } else {
    append_part(place, where);
  }
  throw UserError(place.empty() ? concat_text(parts...) : place + ": " + concat_text(parts...));
}

/// States what must be true unless the compiler itself is wrong.
template <typename... Parts>
void check(bool condition, const Parts&... parts) {
  if (!condition) throw InternalError(concat_text(parts...));
}

}  // namespace mlfc
