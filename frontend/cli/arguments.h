// Command-line options as tvmc's users type them: long options with unambiguous prefixes,
// `--option value` and `--option=value`, repeatable, several words where declared. Options are a
// table; parsing, the help text and the suggestion for a mistyped name all come from it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace mlfc {

/// The command line cannot be understood: printed below the usage line, exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct OptionSpec {
  std::string name = {};        ///< "--output"
  std::string short_name = {};  ///< "-o"; may be empty
  std::string value = {};       ///< what the value is, "FILE"; empty: a flag without value
  std::string help = {};
  std::vector<std::string> choices = {};  ///< the values allowed; empty: any
  bool many_words = false;                ///< takes all words up to the next option
  bool any_word = false;                  ///< its value may look like an option: `--cc-flags -O2`
};

struct OptionGroup {
  std::string title = {};
  std::vector<OptionSpec> options = {};
};

/// What a subcommand accepts.
struct Syntax {
  std::string command = {};     ///< "mlfc compile"
  std::string summary = {};     ///< sentences below the usage line of the help
  std::string positional = {};  ///< "FILE", "PATH..."; empty: none
  std::vector<OptionGroup> groups = {};
};

class Arguments {
 public:
  bool has(const std::string& option) const { return values_.contains(option); }
  /// The last value given, or `fallback`.
  std::string text(const std::string& option, const std::string& fallback = "") const;
  /// Every value given, in order.
  std::vector<std::string> all(const std::string& option) const;
  int64_t integer(const std::string& option, int64_t fallback) const;
  double real(const std::string& option, double fallback) const;
  /// 0 and 1, also true and false.
  bool boolean(const std::string& option, bool fallback) const;
  const std::vector<std::string>& positionals() const { return positionals_; }
  /// The only positional; a usage error when there are none or several.
  const std::string& file() const;

 private:
  friend Arguments parse_arguments(const Syntax& syntax, const std::vector<std::string>& words);
  std::map<std::string, std::vector<std::string>> values_ = {};
  std::vector<std::string> positionals_ = {};
  std::string positional_name_ = {};
};

/// Fails with a UsageError on anything the syntax does not have.
Arguments parse_arguments(const Syntax& syntax, const std::vector<std::string>& words);

std::string usage_text(const Syntax& syntax);  ///< one line
std::string help_text(const Syntax& syntax);

/// The candidate nearest to `word`, when it is near enough to be what was meant.
std::optional<std::string> nearest(const std::string& word,
                                   const std::vector<std::string>& candidates);

/// The parts of `text` between commas, blanks trimmed, empty ones left out.
std::vector<std::string> split_commas(const std::string& text);

}  // namespace mlfc
