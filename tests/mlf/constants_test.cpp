// Constants as text: the fewest characters that read back as the same bits.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <random>

#include "codegen/mlf/writers.h"
#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

template <typename T>
Tensor tensor(DType dtype, const std::vector<T>& values) {
  Tensor result(TensorType{dtype, {static_cast<int64_t>(values.size())}, {}});
  std::copy(values.begin(), values.end(), result.as<T>().begin());
  return result;
}

template <typename T>
std::string elements(DType dtype, const std::vector<T>& values) {
  std::string text;
  append_elements(text, tensor(dtype, values), "");
  return text;
}

TEST(Constants, PrintShortFloats) {
  EXPECT_EQ(elements<float>(DType::f32, {0, 1, -2, 0.5f, -0.25f, 1e-5f, 0.1f, 3.4028235e38f}),
            "0,1,-2,.5f,-.25f,1e-5f,.1f,3.4028235e+38f");
  EXPECT_EQ(elements<float>(DType::f32, {-0.0f, 1}), "-0.f,1");
  // What an earlier number left in the buffer does not count.
  EXPECT_EQ(elements<float>(DType::f32, {-0.0f, -0.0f, 1}), "-0.f,-0.f,1");
  EXPECT_EQ(elements<float>(DType::f32, {1234567, 16777216}), "1234567.f,16777216.f");
  EXPECT_EQ(elements<float>(DType::f32, {INFINITY, -INFINITY, NAN}), "INFINITY,-INFINITY,NAN");
  EXPECT_EQ(elements<double>(DType::f64, {0.1, 1e300, 2, 1e10}), ".1,1e+300,2,1e+10");
}

TEST(Constants, PrintIntegersThatHaveNoPlainLiteral) {
  EXPECT_EQ(elements<int8_t>(DType::i8, {-128, 127}), "-128,127");
  EXPECT_EQ(elements<uint16_t>(DType::f16, {0x3c00}), "15360");
  EXPECT_EQ(elements<int32_t>(DType::i32, {INT32_MIN, INT32_MAX, -1}),
            "(-2147483647 - 1),2147483647,-1");
  EXPECT_EQ(elements<uint32_t>(DType::u32, {UINT32_MAX, 1}), "4294967295U,1");
  EXPECT_EQ(elements<int64_t>(DType::i64, {INT64_MIN, INT64_MAX, -5000000000, 7}),
            "(-9223372036854775807LL - 1),9223372036854775807LL,-5000000000LL,7");
  EXPECT_EQ(elements<uint64_t>(DType::u64, {UINT64_MAX, 7}), "18446744073709551615ULL,7");
}

TEST(Constants, OfZerosAreOneZero) {
  EXPECT_EQ(elements<float>(DType::f32, std::vector<float>(100, 0)), "0");
  EXPECT_EQ(elements<float>(DType::f32, {}), "0");
}

TEST(Constants, BreakLinesAtAHundredColumns) {
  std::string text;
  append_elements(text, tensor(DType::f32, std::vector<float>(50, 0.12345678f)), "    ");
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    EXPECT_LE(end - begin, 100u);
    EXPECT_EQ(text.substr(begin, 4), "    ");
    begin = end + 1;
  }
}

TEST(Constants, ReadBackBitForBit) {
  std::mt19937 random(20240229);
  std::vector<float> values;
  while (values.size() < 200000) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(value)) values.push_back(value);
  }
  const std::string text = elements(DType::f32, values);
  const char* at = text.c_str();
  for (const float value : values) {
    char* end = nullptr;
    const float read = std::strtof(at, &end);
    ASSERT_EQ(std::bit_cast<uint32_t>(read), std::bit_cast<uint32_t>(value)) << value;
    while (*end == 'f' || *end == '.' || *end == ',' || *end == '\n') end++;
    at = *end == '\0' ? end : end;
    // A leading point belongs to the next number.
    if (at > text.c_str() && at[-1] == '.') at--;
  }
}

TEST(Constants, OfEqualBytesAreStoredOnce) {
  Graph graph;
  Value& x = sample::input(graph, "x", {2});
  Value& a = sample::constant(graph, "a", {1, 2});
  Value& b = sample::constant(graph, "b", {1, 2});
  Value& c = sample::constant(graph, "c", {1, 3});
  Node& sum = sample::node(graph, "sum", {&x, &a, &b, &c}, {{"y", {2}}},
                           "o0[0] = i0[0] + i1[0] + i2[0] + i3[0]; o0[1] = i1[1];");
  graph.outputs = {sum.outputs[0]};
  const PackagedModel model = package_model(graph, sample::target(), Machine{}, {});
  EXPECT_EQ(model.constants.size(), 2u);
  EXPECT_EQ(model.constant_bytes(), 16 + 8);
  EXPECT_EQ(model.constant_of.at(&b), model.constant_of.at(&a));
}

TEST(Constants, MayBeABinaryFile) {
  PackageOptions options = sample::c_interface();
  options.constants = ConstantsForm::binary;
  const Archive archive = sample::archive_of(*sample::net(), options);
  EXPECT_EQ(sample::text_of(archive, "./codegen/host/src/default_constants.bin").size(), 16u);
  const std::string assembler = sample::text_of(archive, "./codegen/host/src/default_constants.S");
  EXPECT_NE(assembler.find(".incbin \"default_constants.bin\""), std::string::npos);
  const std::string entry = sample::text_of(archive, "./codegen/host/src/default_lib0.c");
  EXPECT_NE(entry.find("extern const uint8_t tvmgen_default_constants[16];"), std::string::npos);
}

// 46 MB of weights must not be what a user waits for. Processor time: other programs do not count.
TEST(Constants, PrintFast) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 0.05f);
  std::vector<float> values(4'000'000);
  for (float& value : values) value = normal(random);
  const Tensor weights = tensor(DType::f32, values);
  const std::clock_t start = std::clock();
  std::string text;
  append_elements(text, weights, "    ");
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  RecordProperty("nanoseconds_per_weight", static_cast<int>(seconds * 1e9 / 4e6));
  RecordProperty("bytes_per_weight", std::to_string(static_cast<double>(text.size()) / 4e6));
  EXPECT_LT(static_cast<double>(text.size()) / 4e6, 13.5);
  EXPECT_LT(seconds, 5.0) << "a bound that sanitizers and debug builds keep";
}

}  // namespace
}  // namespace mlfc
