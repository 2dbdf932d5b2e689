// One line that says what is being done, on a terminal only: data goes to stdout, messages to
// stderr, and whoever reads neither on a screen is not bothered.
#pragma once

#include <chrono>
#include <string>

namespace mlfc {

class Progress {
 public:
  /// Silent when `quiet` or when stderr is no terminal.
  explicit Progress(bool quiet);
  ~Progress();  ///< removes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& text);
  void clear();

 private:
  bool enabled_ = false;
  bool shown_ = false;
  std::chrono::steady_clock::time_point begin_ = {};
};

/// True when stdout (or stderr) is a terminal and NO_COLOR is unset or empty.
bool may_use_colour(int descriptor);

}  // namespace mlfc
