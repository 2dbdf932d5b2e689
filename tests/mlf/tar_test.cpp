// The bytes of the tar: plain ustar, fixed owners and times, complete or not there.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "ir/error.h"
#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

class Tar : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("mlf_tar_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string written(const Archive& archive) {
    write_tar(archive, folder_ / "out.tar", 1700000000);
    std::ifstream file(folder_ / "out.tar", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  fs::path folder_;
};

const Archive kSmall = {{.path = ".", .is_directory = true},
                        {.path = "./a.txt", .bytes = "hello"},
                        {.path = "./d", .is_directory = true},
                        {.path = "./d/empty"}};

TEST_F(Tar, IsPlainUstar) {
  const std::string bytes = written(kSmall);
  ASSERT_EQ(bytes.size() % 512, 0u);
  const std::string header = bytes.substr(512, 512);
  EXPECT_STREQ(header.c_str(), "./a.txt");
  EXPECT_EQ(header.substr(100, 7), "000644 ");
  EXPECT_EQ(header.substr(124, 11), "00000000005");
  EXPECT_EQ(header.substr(136, 11), "14524770400");  // 1700000000 in octal
  EXPECT_EQ(header[156], '0');
  EXPECT_EQ(std::memcmp(header.data() + 257,
                        "ustar\0"
                        "00",
                        8),
            0);
  EXPECT_STREQ(header.c_str() + 265, "root");
  EXPECT_STREQ(header.c_str() + 297, "root");
  EXPECT_EQ(bytes.substr(1024, 5), "hello");
  // No extended headers anywhere.
  for (size_t at = 0; at < bytes.size(); at += 512) {
    const bool is_header = bytes.compare(at + 257, 5, "ustar") == 0;
    EXPECT_FALSE(is_header && bytes[at + 156] == 'x');
  }
}

TEST_F(Tar, IsTheSameEveryTime) {
  umask(077);
  const std::string one = written(kSmall);
  umask(022);
  EXPECT_EQ(one, written(kSmall));
}

TEST_F(Tar, ReplacesTheOldFileAndLeavesNothingElse) {
  std::ofstream(folder_ / "out.tar") << "old";
  written(kSmall);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_)) files++;
  EXPECT_EQ(files, 1);
}

TEST_F(Tar, SaysWhyItCannotBeWritten) {
  EXPECT_THROW(write_tar(kSmall, folder_, 0), UserError);
  EXPECT_THROW(write_tar(kSmall, folder_ / "missing" / "out.tar", 0), UserError);
}

TEST_F(Tar, WritesToDevices) {
  write_tar(kSmall, "/dev/null", 0);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace mlfc
