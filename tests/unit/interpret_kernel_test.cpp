// The kernel interpreter against the literal one.
#include <gtest/gtest.h>

#include "ir/error.h"
#include "ir/interpret.h"
#include "tests/unit/naive_interpreter.h"
#include "tests/unit/random_kernel.h"

namespace mlfc {
namespace {

TEST(InterpretKernel, RandomKernelsRunAsTheyRead) {
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    const RandomKernel random = random_kernel(seed);
    const std::vector<Tensor> fast = interpret(random.kernel, random.arguments());
    const std::vector<Tensor> slow = interpret_naively(random.kernel, random.arguments());
    ASSERT_EQ(difference(fast[0], slow[0]), "") << "seed " << seed;
  }
}

TEST(InterpretKernel, ContractionsOfIntegersAreExact) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const RandomKernel random = random_contraction(seed);
    const std::vector<Tensor> fast = interpret(random.kernel, random.arguments());
    const std::vector<Tensor> slow = interpret_naively(random.kernel, random.arguments());
    const double tolerance = is_float(fast[0].type.dtype) ? 1e-5 : 0;
    ASSERT_EQ(difference(fast[0], slow[0], tolerance), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace mlfc
