// Golden files: text in, expected text out, several cases to a file.
//
//   # What this file is about.
//   === the title of a case
//   graph main(...) ...
//   ---
//   what is expected of it, or `error: ` and the message of its failure
#pragma once

#include <string>
#include <vector>

namespace mlfc {

struct GoldenCase {
  std::string title = {};
  std::string input = {};
  std::string expected = {};
  int line = 0;  ///< of the title in the file
};

struct GoldenFile {
  std::string folder = {};    ///< print, verify, ops, graph, kernel, loop, memory
  std::string name = {};      ///< of the file without its extension
  std::string preamble = {};  ///< what stands before the first case
  std::vector<GoldenCase> cases = {};
};

GoldenFile read_golden(const std::string& path);
void write_golden(const std::string& path, const GoldenFile& file);

/// What the compiler makes of the case's input today.
std::string golden_result(const GoldenFile& file, const GoldenCase& golden);

}  // namespace mlfc
