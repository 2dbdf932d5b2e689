// Instructions compute what their meaning says, with every family of intrinsics and without any,
// and only nests that mean the same are taken for them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "codegen/c/byte_products.h"
#include "ir/expr.h"

namespace mlfc {
namespace {

// Every number of lanes against plain loops; the first round has the largest products there are.
std::string checking_program() {
  std::string text = "#include <stdint.h>\n#include <string.h>\n";
  std::string checks;
  for (int64_t lanes = 4; lanes <= 32; lanes += 4) {
    for (const Instruction& instruction : {dot4(lanes), multiply4(lanes)}) {
      const bool shares = instruction.name.find("dot4") != std::string::npos;
      text += instruction.c_source;
      checks += "    wrong += check(" + instruction.name + ", " + std::to_string(lanes) + ", " +
                (shares ? "1" : "0") + ", round);\n";
    }
  }
  text +=
      "static uint32_t state = 1;\n"
      "static uint32_t bits(void) { return state = state * 1664525u + 1013904223u, state >> 8; }\n"
      "static int check(void (*instruction)(const uint8_t*, const int8_t*, int32_t*), int lanes,\n"
      "                 int shares, int round) {\n"
      "  uint8_t data[128]; int8_t weights[128]; int32_t sums[129], wanted[129];\n"
      "  for (int i = 0; i < 128; i++) data[i] = (uint8_t)(round == 0 ? 255u : bits());\n"
      "  for (int i = 0; i < 128; i++) weights[i] = (int8_t)(round == 0 ? -128 : (int)(bits() & "
      "255u) - 128);\n"
      "  for (int i = 0; i < 129; i++) wanted[i] = sums[i] = (int32_t)(bits() & 0xffffu) - 32768;\n"
      "  for (int i = 0; i < 4 * lanes; i++) {\n"
      "    wanted[shares ? i / 4 : i / 4 + i % 4 * lanes] += data[shares ? i % 4 : i] * "
      "weights[i];\n"
      "  }\n"
      "  instruction(data, weights, sums);\n"
      "  return memcmp(sums, wanted, sizeof sums) != 0;\n"
      "}\n"
      "int main(void) {\n"
      "  int wrong = 0;\n"
      "  for (int round = 0; round < 1000; round++) {\n" +
      checks +
      "  }\n"
      "  return wrong != 0;\n"
      "}\n";
  return text;
}

void expect_right(const std::string& name, const std::string& flags) {
  const std::string path = ::testing::TempDir() + "instructions_" + name;
  std::ofstream(path + ".c") << checking_program();
  const std::string compile =
      "cc -std=c99 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow "
      "-Werror " +
      flags + " -o " + path + " " + path + ".c";
  ASSERT_EQ(std::system(compile.c_str()), 0) << compile;
  EXPECT_EQ(std::system(path.c_str()), 0) << compile;
}

TEST(Instructions, PlainCComputesTheMeaning) {
  expect_right("plain", "-U__SSE2__ -U__AVX2__ -U__AVXVNNI__ -U__AVX512VNNI__");
}

TEST(Instructions, ThisMachineComputesTheMeaning) {
  expect_right("native", "-march=native");
}

#if defined(__x86_64__)
TEST(Instructions, EveryFamilyComputesTheMeaning) {
  expect_right("sse2", "-march=x86-64");
  if (__builtin_cpu_supports("avx2")) expect_right("avx2", "-march=haswell");
}
#endif

// --- recognising ------------------------------------------------------------------------------

constexpr int64_t kLanes = 16;

struct Dot {
  DType data = DType::u8;
  DType weights = DType::i8;
  int64_t lane_step = 4;  ///< in the weights
  int64_t k_step = 1;     ///< in the data
  int64_t turns = 4;
  bool own_sums = false;      ///< channels side by side: every byte adds to a sum of its own
  int64_t sum_step = kLanes;  ///< between the sums of neighbours
};

Stmt nest_of(const Dot& dot) {
  const Expr lane = axis_expr("oc_i"), k = axis_expr("k_i"), row = axis_expr("row");
  const auto widened = [](const std::string& name, DType dtype, const Expr& index) {
    return cast_expr(DType::i32, read_expr(name, dtype, {index}));
  };
  const Expr data_lane = dot.own_sums ? lane * Expr(4) : Expr(0);
  const Expr place = row * Expr(48) + data_lane + k * Expr(dot.k_step) + Expr(8);
  const Expr product = widened("rows", dot.data, place) *
                       widened("filters", dot.weights, lane * Expr(dot.lane_step) + k);
  const Expr sum = dot.own_sums ? lane + k * Expr(dot.sum_step) : lane;
  return loop_stmt("oc_i", 0, kLanes,
                   {loop_stmt("k_i", 0, dot.turns,
                              {accumulate_stmt("acc", {sum + Expr(32)}, Combine::sum, product)})});
}

std::optional<std::vector<Operand>> operands_of(const Dot& dot) {
  const Stmt nest = nest_of(dot);
  const std::optional<Instruction> instruction = candidate_for(nest);
  if (!instruction) return std::nullopt;
  return matched(
      *instruction, nest,
      [](const std::string&, const std::vector<Expr>& indices) { return indices[0]; },
      [&](const std::string& tensor) {
        return tensor == "rows" ? dot.data : tensor == "filters" ? dot.weights : DType::i32;
      });
}

TEST(Instructions, ANestOfThatMeaningIsTaken) {
  const auto operands = operands_of({});
  ASSERT_TRUE(operands);
  ASSERT_EQ(operands->size(), 3u);
  EXPECT_EQ((*operands)[0].tensor, "rows");
  EXPECT_EQ(affine_of((*operands)[0].place), (Affine{8, {{"row", 48}}}));
  EXPECT_EQ((*operands)[1].tensor, "filters");
  EXPECT_EQ(affine_of((*operands)[1].place), Affine{});
  EXPECT_EQ((*operands)[2].tensor, "acc");
  EXPECT_EQ(affine_of((*operands)[2].place), (Affine{32, {}}));
}

TEST(Instructions, NeighboursWithSumsOfTheirOwnAreTaken) {
  const auto operands = operands_of({.own_sums = true});
  ASSERT_TRUE(operands);
  EXPECT_EQ(affine_of((*operands)[0].place), (Affine{8, {{"row", 48}}}));
  EXPECT_EQ(affine_of((*operands)[2].place), (Affine{32, {}}));
  EXPECT_FALSE(operands_of({.own_sums = true, .sum_step = 32}));
  EXPECT_FALSE(operands_of({.turns = 2, .own_sums = true}));
}

TEST(Instructions, OtherNestsAreNot) {
  EXPECT_FALSE(operands_of({.data = DType::i8}));     // signed data
  EXPECT_FALSE(operands_of({.weights = DType::u8}));  // unsigned weights
  EXPECT_FALSE(operands_of({.lane_step = 8}));        // weights further apart
  EXPECT_FALSE(operands_of({.k_step = 2}));           // data further apart
  EXPECT_FALSE(operands_of({.turns = 3}));            // the rest of a run
}

}  // namespace
}  // namespace mlfc
