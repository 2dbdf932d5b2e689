// What every fuzzer that runs the whole compiler needs: an input that crashes, hangs or wants all
// memory has to end with its description on standard output, not with a silent or dead machine.
#pragma once

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

namespace mlfc::fuzz {

/// Which input is at work, and how to see it again.
inline std::string current;

inline void show_current(int signal) {
  std::cout << "died of signal " << signal << " at " << current << std::endl;
  _exit(1);
}

inline void watch_signals() {
#if !defined(__SANITIZE_ADDRESS__)
  for (const int signal : {SIGSEGV, SIGFPE, SIGABRT}) std::signal(signal, show_current);
#endif
  std::signal(SIGVTALRM, show_current);
}

/// Sizes of 2^40 must end as std::bad_alloc. Sanitizers reserve more than any limit.
inline void limit_process() {
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit limit = {rlim_t{4} << 30, rlim_t{4} << 30};
  setrlimit(RLIMIT_AS, &limit);
#endif
  watch_signals();
}

/// To be called before each input: what computes longer than this does not end. Time that passes
/// while others have the processor does not count.
inline void begin_input(const std::string& description) {
  current = description;
  const itimerval longest = {.it_interval = {}, .it_value = {.tv_sec = 100, .tv_usec = 0}};
  setitimer(ITIMER_VIRTUAL, &longest, nullptr);
}

/// Of the processor, since the program began.
inline double seconds_used() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// A refusal comes at once, whatever a file asks for.
#if defined(__SANITIZE_ADDRESS__)
constexpr double longest_refusal = 20;
#else
constexpr double longest_refusal = 2;
#endif

struct Arguments {
  uint64_t seed = 0;
  int runs = 1000;
  int only = -1;  ///< the only run to execute
  std::vector<std::string> files = {};
};

/// [--seed N] [--runs N] [--only I] FILE...
inline Arguments parse_arguments(int count, char** words, uint64_t random_seed) {
  Arguments arguments{.seed = random_seed};
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool has_value = i + 1 < count;
    if (word == "--seed" && has_value) {
      arguments.seed = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--runs" && has_value) {
      arguments.runs = std::atoi(words[++i]);
    } else if (word == "--only" && has_value) {
      arguments.only = std::atoi(words[++i]);
    } else {
      arguments.files.push_back(word);
    }
  }
  return arguments;
}

}  // namespace mlfc::fuzz
