// Reading and writing tensors as files, matching sets to models, comparing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "frontend/data/compare.h"
#include "frontend/data/file.h"
#include "frontend/data/npy.h"
#include "frontend/data/tensor_set.h"
#include "ir/error.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

/// A .npy file of version 1 with that header text.
std::string npy(const std::string& header, const std::string& data) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

std::string error_of(const std::string& bytes) {
  try {
    read_npy(bytes, "f.npy");
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

class Folder : public testing::Test {
 protected:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "mlfc-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() override { fs::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

  fs::path path_ = {};
};

TEST(Npy, RoundTripsEveryType) {
  for (const DType dtype :
       {DType::boolean, DType::i8, DType::i16, DType::i32, DType::i64, DType::u8, DType::u16,
        DType::u32, DType::u64, DType::f16, DType::bf16, DType::f32, DType::f64}) {
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}, Shape{2, 0}}) {
      Tensor tensor({dtype, shape, std::nullopt});
      for (int64_t i = 0; i < tensor.type.elements(); ++i) tensor.set_integer(i, i % 2);
      const std::string bytes = npy_bytes(tensor);
      EXPECT_EQ(bytes.size() - tensor.bytes.size(), (bytes.size() - tensor.bytes.size()) / 64 * 64);
      EXPECT_EQ(read_npy(bytes, "f.npy"), tensor) << to_text(tensor.type);
    }
  }
}

TEST(Npy, ReadsBigEndianAndColumnMajor) {
  const Tensor big = read_npy(npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n",
                                  std::string("\1\2\0\3", 4)),
                              "f.npy");
  EXPECT_EQ(big.integers(), (std::vector<int64_t>{0x102, 3}));
  const Tensor columns = read_npy(
      npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", "adbecf"), "f.npy");
  EXPECT_EQ(to_text(columns.type), "u8[2,3]");
  EXPECT_EQ(columns.integers(), (std::vector<int64_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
}

TEST(Npy, RefusesWhatItCannotRead) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
  EXPECT_EQ(error_of(npy(good, "12345678")), "");
  EXPECT_NE(error_of(npy(good, "1234567")).find("cut short"), std::string::npos);
  EXPECT_NE(error_of("something else").find("not a .npy file"), std::string::npos);
  EXPECT_NE(error_of(npy("{'descr': '<U4', 'fortran_order': False, 'shape': (2,), }", ""))
                .find("'<U4' is not supported"),
            std::string::npos);
  EXPECT_NE(error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", ""))
                .find("records are not supported"),
            std::string::npos);
  EXPECT_NE(error_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': "
                         "(1099511627776, 1099511627776), }",
                         "")),
            "");
}

TEST(Npy, DamagedFilesNeverCrash) {
  const std::string whole = npy_bytes(tensor_of(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6}));
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(error_of(whole.substr(0, length)), "") << length;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x08, 0x80, 0xff}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      error_of(bytes);
    }
  }
}

TEST_F(Folder, NpzRoundTripsAndIsDeterministic) {
  const std::vector<NamedTensor> tensors = {{"a/b", tensor_of(DType::f32, {2}, {1, 2})},
                                            {"c", integer_tensor({3, 4, 5})}};
  write_tensor_set(file("x.npz"), tensors);
  const TensorSet set = read_tensor_set(file("x.npz"));
  ASSERT_EQ(set.tensors.size(), 2u);
  EXPECT_EQ(set.tensors[0].name, "a/b");
  EXPECT_EQ(set.tensors[1].tensor, tensors[1].tensor);
  write_tensor_set(file("y.npz"), tensors);
  EXPECT_EQ(read_file(file("x.npz")), read_file(file("y.npz")));
}

TEST_F(Folder, FoldersHoldOneFileATensor) {
  write_tensor_set(file("out"), {{"weird:name/1", integer_tensor({7})}});
  const TensorSet set = read_tensor_set(file("out"));
  ASSERT_EQ(set.tensors.size(), 1u);
  EXPECT_EQ(set.tensors[0].name, "weird_name_1");
  EXPECT_EQ(match(set, {"weird:name/1"})[0]->integers(), std::vector<int64_t>{7});
}

TEST_F(Folder, SingleTensorsHaveFilesOfTheirOwn) {
  const std::vector<NamedTensor> one = {{"y", tensor_of(DType::f16, {2}, {1, -0.5})}};
  for (const char* name : {"y.npy", "y.pb"}) {
    write_tensor_set(file(name), one);
    EXPECT_EQ(read_tensor_set(file(name)).tensors.at(0).tensor, one[0].tensor) << name;
  }
  EXPECT_THROW(write_tensor_set(file("z.pb"), {one[0], one[0]}), UserError);
}

TEST_F(Folder, FoldersOfOnnxTensorsStaySuch) {
  const NamedTensor x = {"x", integer_tensor({3, 4})};
  fs::create_directory(file("set"));
  write_tensor_set(file("set/input_0.pb"), {x});
  write_tensor_set(file("set"), {{"output_0", x.tensor}, {"output_1", x.tensor}});
  EXPECT_TRUE(fs::exists(file("set/output_1.pb")));
  EXPECT_EQ(read_tensor_set(file("set"), "output_").tensors.size(), 2u);
}

TEST_F(Folder, WritingIsAllOrNothing) {
  write_file(file("f"), "before");
  EXPECT_THROW(write_through_temporary(file("f"),
                                       [](const std::string& temporary) {
                                         write_file(temporary, "half");
                                         fail("", "interrupted");
                                       }),
               UserError);
  EXPECT_EQ(read_file(file("f")), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), fs::directory_iterator()), 1);
  EXPECT_THROW(write_file(file("no/such/folder/f"), "x"), UserError);
}

TensorSet set_of(const std::vector<std::string>& names) {
  TensorSet set{"set", {}};
  for (size_t i = 0; i < names.size(); ++i) {
    set.tensors.push_back({names[i], integer_tensor({static_cast<int64_t>(i)})});
  }
  return set;
}

/// Which tensor of the set each name got; -1 for none.
std::vector<int64_t> places(const TensorSet& set, const std::vector<std::string>& names) {
  std::vector<int64_t> result;
  for (const Tensor* tensor : match(set, names)) {
    result.push_back(tensor == nullptr ? -1 : tensor->integers().front());
  }
  return result;
}

TEST(Match, GoesByNameWhereNamesFit) {
  EXPECT_EQ(places(set_of({"b", "a"}), {"a", "b"}), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(places(set_of({"x_0"}), {"x:0", "y"}), (std::vector<int64_t>{0, -1}));
  // Names that look like numbers are names first.
  EXPECT_EQ(places(set_of({"input_3", "input_2"}), {"input_2", "input_3"}),
            (std::vector<int64_t>{1, 0}));
}

TEST(Match, GoesByNumberOtherwise) {
  EXPECT_EQ(places(set_of({"input_0", "input_1"}), {"aux", "spec"}), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(places(set_of({"input_0", "input_1", "input_2"}), {"input_2", "input_1", "input_7"}),
            (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(places(set_of({"arr_1", "arr_0"}), {"a", "b"}), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(places(set_of({"output"}), {"y"}), (std::vector<int64_t>{0}));
}

TEST(Match, RefusesStrangers) {
  EXPECT_THROW(match(set_of({"z"}), {"a", "b"}), UserError);
  EXPECT_THROW(match(set_of({"input_2"}), {"a", "b"}), UserError);
}

TEST(Compare, AllowsWhatTheToleranceAllows) {
  const Tensor want = tensor_of(DType::f32, {3}, {1, -100, 0});
  EXPECT_EQ(compare(tensor_of(DType::f32, {3}, {1.0005, -100, 0}), want).mismatches, 0);
  EXPECT_EQ(compare(tensor_of(DType::f32, {3}, {1.1, -100, 0}), want).mismatches, 1);
  EXPECT_EQ(compare(tensor_of(DType::f32, {3}, {1.1, -100, 0}), want, {.atol = 0.2}).mismatches, 0);
  EXPECT_NE(compare(tensor_of(DType::f32, {1, 3}, {1, -100, 0}), want).problem, "");
  EXPECT_NE(compare(tensor_of(DType::f64, {3}, {1, -100, 0}), want).problem, "");
}

TEST(Compare, TreatsNanAndInfinityAsValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor want = tensor_of(DType::f32, {3}, {nan, inf, 1});
  EXPECT_EQ(compare(want, want).mismatches, 0);
  EXPECT_EQ(compare(tensor_of(DType::f32, {3}, {0, -inf, 1}), want).mismatches, 2);
  EXPECT_EQ(compare(tensor_of(DType::f32, {3}, {nan, inf, nan}), want).mismatches, 1);
}

TEST(Compare, TakesValuesInTheTypeTheyWereRecordedIn) {
  const Tensor reals = tensor_of(DType::f32, {2}, {1, -2});
  EXPECT_EQ(compare(reals, integer_tensor({1, -2})).mismatches, 0);
  EXPECT_EQ(compare(reals, tensor_of(DType::f64, {2}, {1, -2})).mismatches, 0);
  EXPECT_NE(compare(integer_tensor({1, -2}), reals).problem, "");
  const Tensor brain = tensor_of(DType::bf16, {2}, {1, -2});
  const Tensor bits = tensor_of(DType::u16, {2}, {0x3f80, 0xc000});
  EXPECT_EQ(compare(brain, bits).mismatches, 0);
}

TEST(Compare, IntegersAreExact) {
  const Tensor want = integer_tensor({int64_t{1} << 60});
  EXPECT_EQ(compare(integer_tensor({(int64_t{1} << 60) + 1}), want, {.atol = 1e9}).mismatches, 1);
}

}  // namespace
}  // namespace mlfc
