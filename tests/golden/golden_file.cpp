// Reads and writes golden files. What is written back differs in the expected parts only.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/error.h"
#include "tests/golden/golden.h"

namespace mlfc {
namespace {

constexpr std::string_view kTitle = "=== ";
constexpr std::string_view kDivider = "---";

// One blank line between cases belongs to nobody.
std::string without_blank_end(std::string text) {
  while (text.ends_with("\n\n") || text == "\n") text.pop_back();
  return text;
}

}  // namespace

GoldenFile read_golden(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) fail(path, "cannot be read");
  const std::filesystem::path place = std::filesystem::absolute(path);
  GoldenFile file{.folder = place.parent_path().filename(), .name = place.stem()};
  std::string* part = &file.preamble;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.starts_with(kTitle)) {
      file.cases.push_back({.title = line.substr(kTitle.size()), .line = number});
      part = &file.cases.back().input;
    } else if (line == kDivider && !file.cases.empty()) {
      part = &file.cases.back().expected;
    } else {
      *part += line + "\n";
    }
  }
  if (file.cases.empty()) fail(path, "has no case; a case begins with '=== title'");
  for (GoldenCase& golden : file.cases) {
    golden.input = without_blank_end(std::move(golden.input));
    golden.expected = without_blank_end(std::move(golden.expected));
  }
  return file;
}

void write_golden(const std::string& path, const GoldenFile& file) {
  std::ostringstream text;
  text << file.preamble;
  for (const GoldenCase& golden : file.cases) {
    if (&golden != &file.cases.front()) text << "\n";
    text << kTitle << golden.title << "\n" << golden.input << kDivider << "\n" << golden.expected;
  }
  std::ofstream stream(path);
  stream << text.str();
  if (!stream) fail(path, "cannot be written");
}

}  // namespace mlfc
