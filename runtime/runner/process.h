// Runs a program with a time limit and collects what it prints.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mlfc {

struct ProcessResult {
  int status = 0;  ///< exit status; 128 + n when killed by signal n
  bool timed_out = false;
  std::string out = {};  ///< standard output
  std::string err = {};  ///< standard error
};

/// words[0] is looked up in PATH. The program runs in `folder` with no standard input.
ProcessResult run_process(const std::vector<std::string>& words,
                          const std::filesystem::path& folder, double timeout_seconds);

/// The path of `program` in PATH; empty when there is none.
std::string find_program(const std::string& program);

}  // namespace mlfc
