// Schedules change speed, never numbers: random kernels under random legal schedules, lowered to
// loops, must do what the kernel's text says. A failure prints the seed, kernel and schedule.
#include "ir/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ir/interpret.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/loop/loop_nest.h"
#include "passes/loop/lower.h"
#include "tests/unit/random_kernel.h"

namespace mlfc {
namespace {

std::vector<Axis> axes_of(const Kernel& kernel) {
  std::vector<Axis> axes = kernel.axes;
  for (const Stage& stage : kernel.stages) {
    axes.insert(axes.end(), stage.parallel.begin(), stage.parallel.end());
    axes.insert(axes.end(), stage.reduce.begin(), stage.reduce.end());
  }
  return axes;
}

// Splits, an order, marks: each word is kept only when the schedule stays legal with it.
Schedule random_schedule(Random& random, const Kernel& kernel) {
  Schedule schedule;
  std::vector<std::string> names;
  const auto try_word = [&](Word word) {
    schedule.words.push_back(std::move(word));
    const bool legal = why_illegal(schedule, kernel).empty();
    if (!legal) schedule.words.pop_back();
    return legal;
  };
  const bool may_split_shared = kernel.stages.size() == 1;
  for (const Axis& axis : axes_of(kernel)) {
    const bool shared = std::any_of(kernel.axes.begin(), kernel.axes.end(),
                                    [&](const Axis& other) { return other.name == axis.name; });
    const bool splits = random.chance(50) && (may_split_shared || !shared) &&
                        try_word(split_word(axis.name, random.between(1, axis.extent)));
    if (splits) {
      names.push_back(axis.name + ".o");
      names.push_back(axis.name + ".i");
    } else {
      names.push_back(axis.name);
    }
  }
  // Most permutations put an outer part too far inside; a few tries find a legal one.
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::vector<std::string> order = names;
    for (size_t i = order.size(); i-- > 1;) {
      std::swap(order[i], order[static_cast<size_t>(random.below(static_cast<int64_t>(i) + 1))]);
    }
    if (try_word(order_word(order))) break;
  }
  for (const std::string& name : names) {
    if (random.chance(30)) try_word(unroll_word(name));
    if (random.chance(20)) try_word(lanes_word(name));
  }
  return schedule;
}

void expect_same(const RandomKernel& random, const Schedule& schedule, double tolerance,
                 uint64_t seed) {
  Proc proc = lower(random.kernel, schedule);
  const std::vector<Tensor> want = interpret(random.kernel, random.arguments());
  for (const bool simplified : {false, true}) {
    if (simplified) simplify(proc);
    const std::vector<std::string> found = problems(proc);
    const std::vector<Tensor> got = interpret(proc, random.arguments());
    for (size_t i = 0; i < want.size(); ++i) {
      const std::string where = difference(want[i], got[i], tolerance);
      ASSERT_TRUE(where.empty() && found.empty())
          << "seed " << seed << (simplified ? ", simplified: " : ": ") << where << "\n"
          << (found.empty() ? "" : found.front()) << "\n"
          << to_text(random.kernel) << to_text(schedule, random.kernel.name) << to_text(proc);
    }
  }
}

TEST(Schedule, NeverChangesTheNumbersOfRandomKernels) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const RandomKernel kernel = random_kernel(seed);
    Random random(seed);
    expect_same(kernel, random_schedule(random, kernel.kernel), 1e-4, seed);
    if (HasFatalFailure()) return;
  }
}

TEST(Schedule, NeverChangesTheNumbersOfContractions) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const RandomKernel kernel = random_contraction(seed);
    Random random(seed);
    expect_same(kernel, random_schedule(random, kernel.kernel), 1e-4, seed);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace mlfc
