// The golden tests' driver:  golden [--update] FILE...
// Compares each case of each file with what the compiler makes of it today; --update writes that
// into the files instead, for review.
#include "tests/golden/golden.h"

#include <iostream>
#include <sstream>

#include "ir/error.h"

namespace mlfc {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// What is common at the start and at the end frames what differs.
void show_difference(const std::string& expected, const std::string& actual) {
  const std::vector<std::string> wanted = lines_of(expected), found = lines_of(actual);
  const size_t shorter = std::min(wanted.size(), found.size());
  size_t head = 0, tail = 0;
  while (head < shorter && wanted[head] == found[head]) ++head;
  while (tail < shorter - head &&
         wanted[wanted.size() - 1 - tail] == found[found.size() - 1 - tail]) {
    ++tail;
  }
  for (size_t i = 0; i < head; ++i) std::cout << "    " << wanted[i] << "\n";
  for (size_t i = head; i + tail < wanted.size(); ++i) std::cout << "  - " << wanted[i] << "\n";
  for (size_t i = head; i + tail < found.size(); ++i) std::cout << "  + " << found[i] << "\n";
  for (size_t i = found.size() - tail; i < found.size(); ++i)
    std::cout << "    " << found[i] << "\n";
}

/// How many cases of the file are not as they should be.
int run(const std::string& path, bool update) {
  GoldenFile file = read_golden(path);
  int differing = 0, broken = 0;
  for (GoldenCase& golden : file.cases) {
    std::string actual;
    try {
      actual = golden_result(file, golden);
    } catch (const InternalError& error) {
      // Never written into the file: no mistake of the compiler is what anybody expects.
      std::cout << path << ":" << golden.line << ": " << golden.title << ": " << error.what()
                << "\n";
      ++broken;
      continue;
    }
    if (actual == golden.expected) continue;
    ++differing;
    if (!update) {
      std::cout << path << ":" << golden.line << ": " << golden.title << "\n";
      show_difference(golden.expected, actual);
    }
    golden.expected = actual;
  }
  if (update && differing > 0) write_golden(path, file);
  std::cout << path << ": " << file.cases.size() << " cases, " << differing
            << (update ? " updated, " : " differ, ") << broken << " failed\n";
  return update ? broken : differing + broken;
}

}  // namespace
}  // namespace mlfc

int main(int count, char** arguments) {
  bool update = false;
  int differing = 0;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--update") {
      update = true;
      continue;
    }
    try {
      differing += mlfc::run(argument, update);
    } catch (const std::exception& error) {
      std::cout << argument << ": " << error.what() << "\n";
      ++differing;
    }
  }
  return differing == 0 ? 0 : 1;
}
