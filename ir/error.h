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

// The parts messages are made of. Plain functions, so that a file full of messages compiles fast.
void append_text(std::string& message, std::string_view part);
void append_text(std::string& message, bool part);
void append_text(std::string& message, double part);
void append_text(std::string& message, long long part);
void append_text(std::string& message, unsigned long long part);
void append_text(std::string& message, const std::vector<int64_t>& shape);

template <typename Part>
void append_part(std::string& message, const Part& part) {
  if constexpr (requires { to_text(part); }) {
    append_text(message, std::string_view(to_text(part)));
  } else if constexpr (std::is_convertible_v<const Part&, std::string_view>) {
    append_text(message, std::string_view(part));
  } else if constexpr (std::is_same_v<Part, bool>) {
    append_text(message, part);
  } else if constexpr (std::is_same_v<Part, char>) {
    append_text(message, std::string_view(&part, 1));
  } else if constexpr (std::is_floating_point_v<Part>) {
    append_text(message, static_cast<double>(part));
  } else if constexpr (std::is_integral_v<Part> && std::is_signed_v<Part>) {
    append_text(message, static_cast<long long>(part));
  } else if constexpr (std::is_integral_v<Part>) {
    append_text(message, static_cast<unsigned long long>(part));
  } else {
    append_text(message, part);
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
