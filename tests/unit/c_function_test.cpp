// What functions in C look like where the look matters.
#include "codegen/c/c_function.h"

#include <gtest/gtest.h>

#include "codegen/target.h"
#include "ir/parse.h"
#include "passes/pipeline.h"

namespace mlfc {
namespace {

std::string body_of(const std::string& text) {
  const std::unique_ptr<Graph> graph = parse_graph(text);
  const Target& target = *find_target("c");
  const Machine machine = target.machine({});
  run_pipeline(*graph, {machine, Options{}}, {target.schedule, target.finish}, PipelineOptions{});
  return emit_c_function(*graph->nodes.front(), machine).body;
}

// gcc 12 takes x - 128 for an unsigned byte where it multiplies it by a signed one, with VNNI.
TEST(CFunction, CentredBytesAreMadeOfUnsignedArithmetic) {
  const std::string body = body_of(R"(
graph main(%x: u8[4,32], %w: i8[32,4]) -> (%y) {
  %y = matmul(%x, %w) : i32[4,4] {
    kernel matmul(x: u8[4,32], w: i8[32,4]) -> y: i32[4,4] {
      for    m<4, n<4
      reduce k<32
      acc: i32 = sum of (i32(x[m, k]) - 128) * i32(w[k, n])
      y[m, n] = acc
    }
  }
}
)");
  EXPECT_NE(body.find(" - (uint32_t)128)"), std::string::npos) << body;
  EXPECT_EQ(body.find(" - 128)"), std::string::npos) << body;
}

// Where a last digit decides about an integer, it is that of a result in f64; elsewhere f32 will do.
TEST(CFunction, IntegersAreMadeOfFunctionsInF64) {
  const std::string integers = body_of(R"(
graph main(%x: f32[32]) -> (%y) {
  %y = tanh(%x) : i16[32] {
    kernel tanh(x: f32[32]) -> y: i16[32] {
      for    i<32
      y[i] = i16(min(max(-32768, round_even(tanh(x[i]) / 0.00003)), 32767))
    }
  }
}
)");
  EXPECT_NE(integers.find("(float)tanh((double)x["), std::string::npos) << integers;
  const std::string reals = body_of(R"(
graph main(%x: f32[32]) -> (%y) {
  %y = tanh(%x) : f32[32] {
    kernel tanh(x: f32[32]) -> y: f32[32] {
      for    i<32
      y[i] = tanh(x[i])
    }
  }
}
)");
  EXPECT_NE(reals.find("tanhf(x["), std::string::npos) << reals;
}

}  // namespace
}  // namespace mlfc
