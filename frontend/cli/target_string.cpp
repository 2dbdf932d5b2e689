// Parses targets. The attributes are text throughout; the target itself decides what they mean.
#include "frontend/cli/target_string.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "frontend/cli/arguments.h"
#include "frontend/data/file.h"
#include "ir/error.h"

namespace mlfc {
namespace {

std::string kinds() {
  std::string list;
  for (const Target* target : targets()) list += (list.empty() ? "" : ", ") + target->name;
  return list;
}

const Target& target_of_kind(const std::string& kind) {
  const Target* target = find_target(kind);
  if (target == nullptr) {
    fail("", "The last target needs to be a target of this compiler, which '", kind,
         "' is not. Choices: ", kinds());
  }
  return *target;
}

/// Splits at blanks and commas outside quotes; quotes are removed. A comma between targets becomes
/// a word of its own, one inside an option's value stays.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  const auto finish = [&] {
    if (!word.empty()) words.push_back(word);
    word.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool list_comma =
        c == ',' && word.starts_with("-") && i + 1 < text.size() && text[i + 1] != ' ';
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ',' && !list_comma) {
      finish();
      words.push_back(",");
    } else if (c == ' ' || c == '\t') {
      finish();
    } else {
      word += c;
    }
  }
  if (quote != '\0') fail("", "Error parsing target string '", text, "': a quote is not closed");
  finish();
  return words;
}

void set_option(TargetRequest& request, const std::string& word, const std::string& text) {
  const size_t name_begin = word.find_first_not_of('-');
  if (!word.starts_with("-") || name_begin == std::string::npos || name_begin > 2) {
    fail("", "Error parsing target string '", text, "'.\nThe error was: Error when parsing '", word,
         "'");
  }
  const size_t equals = word.find('=');
  const std::string name = word.substr(name_begin, equals - name_begin);
  set_attribute(request, name, equals == std::string::npos ? "1" : word.substr(equals + 1));
}

/// Libraries and accelerators that tvmc takes before the last target.
void check_companion(const std::string& name) {
  if (find_target(name) != nullptr) return;
  fail("", "target '", name,
       "' is not supported, so nothing can be offloaded to it. Choices: ", kinds());
}

TargetRequest from_text(const std::string& text) {
  const std::vector<std::string> words = words_of(text);
  std::vector<TargetRequest> requests;
  bool expects_kind = true;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == ",") {
      expects_kind = true;
    } else if (expects_kind) {
      const bool is_last = std::find(words.begin() + static_cast<std::ptrdiff_t>(i), words.end(),
                                     ",") == words.end();
      if (!is_last) check_companion(word);
      requests.push_back({&target_of_kind(word), {}, {}});
      expects_kind = false;
    } else {
      set_option(requests.back(), word, text);
    }
  }
  if (requests.empty()) fail("", "--target names no target. Choices: ", kinds());
  if (requests.size() > 1) fail("", "Duplicate target definitions are not allowed: '", text, "'");
  return requests.front();
}

std::string text_of(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const auto& item : value) {
    list += (list.empty() ? "" : ",") + (item.is_string() ? item.get<std::string>() : item.dump());
  }
  return list;
}

TargetRequest from_json(const std::string& text, const std::string& where) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("kind") || !json["kind"].is_string()) {
    fail(where, "is not a JSON object with a \"kind\"");
  }
  TargetRequest request{&target_of_kind(json["kind"].get<std::string>()), {}, {}};
  for (const auto& [name, value] : json.items()) {
    if (name != "kind") set_attribute(request, name, text_of(value));
  }
  return request;
}

bool is_arm(const TargetAttributes& attributes) {
  const auto starts = [&](const char* name, const char* prefix) {
    const auto found = attributes.find(name);
    return found != attributes.end() && found->second.starts_with(prefix);
  };
  return starts("device", "arm_cpu") || starts("mcpu", "cortex-") || starts("march", "armv");
}

}  // namespace

const std::vector<std::string>& generic_attributes() {
  static const std::vector<std::string> names = {
      "keys", "device", "model", "tag", "libs", "host", "from_device", "target_device_type"};
  return names;
}

void set_attribute(TargetRequest& request, const std::string& name, const std::string& value) {
  std::vector<std::string> known = generic_attributes();
  known.insert(known.end(), request.target->attributes.begin(), request.target->attributes.end());
  std::ranges::sort(known);
  if (std::ranges::find(known, name) == known.end()) {
    fail("", "Cannot recognize '", name, "' for target ", request.target->name,
         ". Candidates are: ", fmt::format("{}", fmt::join(known, ", ")));
  }
  if (name == "keys") {
    request.keys = split_commas(value);
  } else {
    request.attributes[name] = value;
  }
}

std::string TargetRequest::canonical() const {
  std::vector<std::string> all_keys = keys.empty() ? std::vector<std::string>{"cpu"} : keys;
  if (is_arm(attributes) && std::ranges::find(all_keys, "arm_cpu") == all_keys.end()) {
    all_keys.insert(all_keys.begin(), "arm_cpu");
  }
  std::string text = fmt::format("{} -keys={}", target->name, fmt::join(all_keys, ","));
  if (attributes.empty()) return text + " ";
  for (const auto& [name, value] : attributes) text += fmt::format(" -{}={}", name, value);
  return text;
}

TargetRequest parse_target(const std::string& text) {
  std::error_code error;
  // A plain kind stays one, even where a file of that name lies about.
  if (find_target(text) != nullptr) return {find_target(text), {}, {}};
  if (text.starts_with("{")) return from_json(text, "--target");
  if (std::filesystem::is_regular_file(text, error)) return from_json(read_file(text), text);
  return from_text(text);
}

}  // namespace mlfc
