// Programs that store their results where the test finds them, and the operands instruction tests
// use.
#pragma once

#include <gtest/gtest.h>

#include "support.h"

namespace snitch::test {

inline constexpr uint32_t results = 0x10001000;  // where programs leave their results

inline constexpr uint32_t corners[] = {0,          1,          2,          31,         32,
                                       0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xfffffffe,
                                       0x12345678, 0xdeadbeef, 0x0000ffff, 0xffff0000};

// Runs a program in both modes and hands the words at `results` to the check.
inline void check(const Code& code, const std::vector<uint32_t>& expected,
                  const std::string& what) {
  for (const bool functional : {false, true}) {
    Options options;
    options.functional = functional;
    options.cycle_limit = 1000000;
    Cluster cluster(load_machine("1+1"), options);
    cluster.load(elf_of(code.words()));
    const Outcome outcome = cluster.run();
    ASSERT_TRUE(outcome.exited);
    for (size_t i = 0; i < expected.size(); i++) {
      uint64_t value = 0;
      cluster.memory().read(results + static_cast<uint32_t>(4 * i), 4, value);
      ASSERT_EQ(static_cast<uint32_t>(value), expected[i])
          << what << ", result " << i << (functional ? " (functional)" : " (timed)");
    }
  }
}

// A program under construction: x20 points to the next result.
struct Program {
  Code code;
  std::vector<uint32_t> expected;
  Program() { code.park_others().li(20, results); }
  void store(int reg, uint32_t value) {
    code.imm("sw", reg, 20, 0).imm("addi", 20, 20, 4);
    expected.push_back(value);
  }
  void finish(const std::string& what) {
    // A fence, so that the results of other units are in memory before the program ends.
    code.op("fence").exit();
    check(code, expected, what);
  }
};

}  // namespace snitch::test
