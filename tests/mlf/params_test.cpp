// The bytes of parameters/<module>.params.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

std::string params_of(const PackageOptions& options) {
  return sample::text_of(sample::archive_of(*sample::net(), options),
                         "./parameters/default.params");
}

template <typename T>
T take(const std::string& bytes, size_t& at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  at += sizeof value;
  return value;
}

TEST(Params, AreTheEmptyListWhenLinked) {
  const std::string expected("\xb7\x9c\x04\x05\x4f\x8d\xe5\xf7", 8);
  EXPECT_EQ(params_of(PackageOptions{}), expected + std::string(24, '\0'));
}

TEST(Params, ListConstantsWhenAsked) {
  PackageOptions options;
  options.link_params = false;
  const std::string bytes = params_of(options);
  size_t at = 0;
  EXPECT_EQ(take<uint64_t>(bytes, at), 0xF7E58D4F05049CB7u);
  EXPECT_EQ(take<uint64_t>(bytes, at), 0u);
  EXPECT_EQ(take<uint64_t>(bytes, at), 1u);
  EXPECT_EQ(take<uint64_t>(bytes, at), 1u);
  EXPECT_EQ(bytes[at++], 'w');
  EXPECT_EQ(take<uint64_t>(bytes, at), 1u);
  EXPECT_EQ(take<uint64_t>(bytes, at), 0xDD5E40F096B4A13Fu);
  EXPECT_EQ(take<uint64_t>(bytes, at), 0u);
  EXPECT_EQ(take<int32_t>(bytes, at), 1);  // cpu
  EXPECT_EQ(take<int32_t>(bytes, at), 0);
  EXPECT_EQ(take<int32_t>(bytes, at), 1);  // rank
  EXPECT_EQ(take<uint8_t>(bytes, at), 2);  // float
  EXPECT_EQ(take<uint8_t>(bytes, at), 32);
  EXPECT_EQ(take<uint16_t>(bytes, at), 1);
  EXPECT_EQ(take<int64_t>(bytes, at), 4);
  EXPECT_EQ(take<int64_t>(bytes, at), 16);
  EXPECT_EQ(take<float>(bytes, at), 0.5f);
  EXPECT_EQ(take<float>(bytes, at), -1.0f);
  EXPECT_EQ(take<float>(bytes, at), 2.25f);
  EXPECT_EQ(take<float>(bytes, at), 1e-7f);
  EXPECT_EQ(at, bytes.size());
}

}  // namespace
}  // namespace mlfc
