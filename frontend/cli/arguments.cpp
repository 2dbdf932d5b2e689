// The option parser and its help printer.
#include "frontend/cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>

namespace mlfc {
namespace {

std::vector<const OptionSpec*> options_of(const Syntax& syntax) {
  std::vector<const OptionSpec*> options;
  for (const OptionGroup& group : syntax.groups) {
    for (const OptionSpec& option : group.options) options.push_back(&option);
  }
  return options;
}

/// Words that begin with a dash but are values: `-`, numbers, and texts with blanks ("c
/// -keys=cpu").
bool looks_like_option(const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return false;
  if (std::isdigit(static_cast<unsigned char>(word[1])) || word[1] == '.') return false;
  return word.substr(0, word.find('=')).find(' ') == std::string::npos;  // a value may have blanks
}

[[noreturn]] void fail_unknown(const std::string& name,
                               const std::vector<const OptionSpec*>& options) {
  std::vector<std::string> names;
  for (const OptionSpec* option : options) names.push_back(option->name);
  const auto suggestion = nearest(name, names);
  throw UsageError(fmt::format("unknown option '{}'{}", name,
                               suggestion ? fmt::format("; did you mean '{}'?", *suggestion) : ""));
}

const OptionSpec& find_option(const std::string& name,
                              const std::vector<const OptionSpec*>& options) {
  std::vector<const OptionSpec*> candidates;
  for (const OptionSpec* option : options) {
    if (option->name == name || option->short_name == name) return *option;
    if (name.starts_with("--") && name.size() > 2 && option->name.starts_with(name)) {
      candidates.push_back(option);
    }
  }
  if (candidates.size() == 1) return *candidates.front();
  if (candidates.empty()) fail_unknown(name, options);
  std::string list;
  for (const OptionSpec* option : candidates) list += (list.empty() ? "" : ", ") + option->name;
  throw UsageError(fmt::format("'{}' is ambiguous: it could be {}", name, list));
}

/// Where the option's name ends in a word that may carry the value, too: `--output=x`, `-O3`.
size_t name_end(const std::string& word, const std::vector<const OptionSpec*>& options) {
  if (word.starts_with("--")) return std::min(word.find('='), word.size());
  for (const OptionSpec* option : options) {
    const bool takes_value = !option->value.empty() && !option->short_name.empty();
    if (takes_value && word.starts_with(option->short_name)) return option->short_name.size();
  }
  return word.size();
}

void check_choice(const OptionSpec& option, const std::string& value) {
  if (option.choices.empty() || std::ranges::find(option.choices, value) != option.choices.end()) {
    return;
  }
  throw UsageError(fmt::format("{} is '{}', but it must be one of {}", option.name, value,
                               fmt::join(option.choices, ", ")));
}

std::string wrapped(const std::string& text, size_t indent, size_t width) {
  std::string result;
  size_t column = indent;
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = text.find(' ', begin);
    if (end == std::string::npos) end = text.size();
    const size_t length = end - begin;
    if (column > indent && column + 1 + length > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      result += ' ';
      ++column;
    }
    result += text.substr(begin, length);
    column += length;
    begin = end + 1;
  }
  return result;
}

std::string spelled(const OptionSpec& option) {
  std::string text = option.short_name.empty() ? "" : option.short_name + ", ";
  text += option.name;
  if (!option.value.empty()) text += " " + option.value + (option.many_words ? "..." : "");
  return text;
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string Arguments::text(const std::string& option, const std::string& fallback) const {
  const auto found = values_.find(option);
  return found == values_.end() ? fallback : found->second.back();
}

std::vector<std::string> Arguments::all(const std::string& option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

int64_t Arguments::integer(const std::string& option, int64_t fallback) const {
  if (!has(option)) return fallback;
  const std::string value = text(option);
  int64_t number = 0;
  const auto result = std::from_chars(value.data(), value.data() + value.size(), number);
  if (result.ec != std::errc() || result.ptr != value.data() + value.size()) {
    throw UsageError(fmt::format("{} is '{}', but it must be an integer", option, value));
  }
  return number;
}

double Arguments::real(const std::string& option, double fallback) const {
  if (!has(option)) return fallback;
  const std::string value = text(option);
  double number = 0;
  const auto result = std::from_chars(value.data(), value.data() + value.size(), number);
  if (result.ec != std::errc() || result.ptr != value.data() + value.size()) {
    throw UsageError(fmt::format("{} is '{}', but it must be a number", option, value));
  }
  return number;
}

bool Arguments::boolean(const std::string& option, bool fallback) const {
  if (!has(option)) return fallback;
  std::string value = text(option);
  for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  throw UsageError(fmt::format("{} is '{}', but it must be 0 or 1", option, text(option)));
}

const std::string& Arguments::file() const {
  if (positionals_.empty()) {
    throw UsageError(fmt::format("{} is missing", positional_name_));
  }
  if (positionals_.size() > 1) {
    throw UsageError(fmt::format("one {} is expected, but there are also '{}'", positional_name_,
                                 positionals_[1]));
  }
  return positionals_.front();
}

Arguments parse_arguments(const Syntax& syntax, const std::vector<std::string>& words) {
  Arguments arguments;
  arguments.positional_name_ = syntax.positional;
  const std::vector<const OptionSpec*> options = options_of(syntax);
  bool only_positionals = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--" && !only_positionals) {
      only_positionals = true;
      continue;
    }
    if (only_positionals || !looks_like_option(word)) {
      if (syntax.positional.empty()) throw UsageError(fmt::format("'{}' is not expected", word));
      arguments.positionals_.push_back(word);
      continue;
    }
    const size_t end = name_end(word, options);
    const bool attached = end != word.size();
    const OptionSpec& option = find_option(word.substr(0, end), options);
    std::vector<std::string>& values = arguments.values_[option.name];
    if (option.value.empty()) {
      if (attached) throw UsageError(fmt::format("{} takes no value", option.name));
      values.push_back("");
    } else if (attached) {
      values.push_back(word.substr(word[end] == '=' ? end + 1 : end));
      check_choice(option, values.back());
    } else {
      size_t taken = 0;
      while (i + 1 < words.size() && (option.any_word || !looks_like_option(words[i + 1])) &&
             (option.many_words || taken == 0)) {
        values.push_back(words[++i]);
        check_choice(option, values.back());
        ++taken;
      }
      if (taken == 0) {
        throw UsageError(fmt::format("{} needs a value ({})", option.name, option.value));
      }
    }
  }
  return arguments;
}

std::string usage_text(const Syntax& syntax) {
  return fmt::format("usage: {} [options]{}{}\n", syntax.command,
                     syntax.positional.empty() ? "" : " ", syntax.positional);
}

std::string help_text(const Syntax& syntax) {
  constexpr size_t column = 30;
  constexpr size_t width = 96;
  std::string text = usage_text(syntax) + "\n" + wrapped(syntax.summary, 0, width) + "\n";
  for (const OptionGroup& group : syntax.groups) {
    text += "\n" + group.title + ":\n";
    for (const OptionSpec& option : group.options) {
      std::string line = "  " + spelled(option);
      std::string help = option.help;
      if (!option.choices.empty()) help += fmt::format(" ({})", fmt::join(option.choices, ", "));
      if (line.size() + 2 > column) {
        text += line + "\n" + std::string(column, ' ');
      } else {
        text += line + std::string(column - line.size(), ' ');
      }
      text += wrapped(help, column, width) + "\n";
    }
  }
  return text;
}

std::optional<std::string> nearest(const std::string& word,
                                   const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    size_t end = text.find(',', begin);
    if (end == std::string::npos) end = text.size();
    std::string part = text.substr(begin, end - begin);
    while (!part.empty() && part.back() == ' ') part.pop_back();
    part.erase(0, part.find_first_not_of(' ') == std::string::npos ? part.size()
                                                                   : part.find_first_not_of(' '));
    if (!part.empty()) parts.push_back(part);
    begin = end + 1;
  }
  return parts;
}

}  // namespace mlfc
