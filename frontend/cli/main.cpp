// The only entry and the only place that catches. Exit codes: 0 done, 2 the command line was
// misused, 4 the model or the request is wrong, 70 the compiler is wrong.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "frontend/cli/subcommand.h"
#include "ir/error.h"

#ifndef MLFC_VERSION
#define MLFC_VERSION "unknown"
#endif

namespace mlfc {
namespace {

constexpr int exit_usage = 2;
constexpr int exit_user = 4;
constexpr int exit_internal = 70;

std::string command_list() {
  std::string text =
      "usage: mlfc [--version] [--help] COMMAND [options] ...\n\n"
      "Compiles neural networks to C for small machines.\n\ncommands:\n";
  for (const Subcommand* subcommand : subcommands()) {
    text += fmt::format("  {:<10} {}\n", subcommand->name, subcommand->summary);
  }
  return text + "\n'mlfc COMMAND --help' lists a command's options.\n";
}

std::string command_line(int count, char** words) {
  std::string line;
  for (int i = 0; i < count; ++i) line += (i > 0 ? " " : "") + std::string(words[i]);
  return line;
}

/// Names in messages come from models, and could hold what a terminal obeys.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool obeyed = (byte < 0x20 && c != '\n') || byte == 0x7f;
    result += obeyed ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return result;
}

int report_bug(const char* what, const std::string& line) {
  fmt::print(stderr,
             "Internal error: {}\n"
             "This is a bug in mlfc {}. Please report it with this message, the model, and the "
             "command line:\n  {}\n",
             what, MLFC_VERSION, line);
  return exit_internal;
}

/// Output that cannot be delivered (a full disk behind a redirection) is an error, too.
int flushed(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  fmt::print(stderr, "Error: cannot write to standard output: {}\n", std::strerror(errno));
  return exit_user;
}

int dispatch(const std::vector<std::string>& words) {
  size_t at = 0;
  while (at < words.size() && (words[at] == "-v" || words[at] == "--verbose")) ++at;
  if (at == words.size()) {
    fmt::print(stderr, "{}", command_list());
    return exit_usage;
  }
  if (words[at] == "--version") {
    fmt::print("mlfc {}\n", MLFC_VERSION);
    return 0;
  }
  if (words[at] == "--help" || words[at] == "-h") {
    fmt::print("{}", command_list());
    return 0;
  }
  const Subcommand* subcommand = find_subcommand(words[at]);
  if (subcommand == nullptr) {
    std::vector<std::string> names;
    for (const Subcommand* known : subcommands()) names.push_back(known->name);
    const auto suggestion = nearest(words[at], names);
    fmt::print(stderr, "{}mlfc: error: unknown {} '{}'{}\n", command_list(),
               words[at].starts_with("-") ? "option" : "command", words[at],
               suggestion ? fmt::format("; did you mean '{}'?", *suggestion) : "");
    return exit_usage;
  }
  const Syntax syntax = subcommand->syntax();
  try {
    std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
    if (at > 0) rest.insert(rest.begin(), "--verbose");
    const Arguments arguments = parse_arguments(syntax, rest);
    if (arguments.has("--help")) {
      fmt::print("{}", help_text(syntax));
      return 0;
    }
    return subcommand->run(arguments);
  } catch (const UsageError& error) {
    fmt::print(stderr, "{}{}: error: {}\n", usage_text(syntax), syntax.command, error.what());
    return exit_usage;
  }
}

}  // namespace
}  // namespace mlfc

int main(int count, char** words) {
  using namespace mlfc;
  try {
    return flushed(dispatch({words + 1, words + count}));
  } catch (const UserError& error) {
    fmt::print(stderr, "Error: {}\n", printable(error.what()));
    return exit_user;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "Error: not enough memory for this model\n");
    return exit_user;
  } catch (const std::exception& error) {
    return report_bug(error.what(), command_line(count, words));
  }
}
