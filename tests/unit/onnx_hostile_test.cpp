// Models that are broken or made to do harm: each is refused with one message that names the place.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "frontend/onnx/import.h"
#include "ir/error.h"
#include "tests/unit/onnx_models.h"

namespace mlfc {
namespace {

namespace fs = std::filesystem;

#define EXPECT_CONTAINS(text, part) \
  EXPECT_NE((text).find(part), std::string::npos) << "message: " << (text)

std::string error_of_bytes(const std::string& bytes) {
  try {
    import_onnx_bytes(bytes, "m.onnx");
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

TEST(HostileOnnx, SaysWhatOtherFilesAre) {
  EXPECT_CONTAINS(error_of_bytes(""), "empty");
  EXPECT_CONTAINS(error_of_bytes("not a model at all"), "is not an ONNX model");
  EXPECT_CONTAINS(error_of_bytes(std::string("\x1c\0\0\0TFL3....", 12)), "TensorFlow Lite");
  EXPECT_CONTAINS(error_of_bytes("PK\x03\x04 and more"), "zip archive");
  EXPECT_CONTAINS(error_of_bytes("version https://git-lfs.github.com/spec/v1\n"), "Git LFS");
  EXPECT_CONTAINS(error_of_bytes("<!DOCTYPE html><html>"), "web page");
}

TEST(HostileOnnx, EveryTruncationIsRefusedOrWhole) {
  const std::string whole = onnx_relu().SerializeAsString();
  EXPECT_EQ(error_of_bytes(whole), "");
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(error_of_bytes(whole.substr(0, length)), "") << length << " bytes";
  }
}

TEST(HostileOnnx, FlippedBytesNeverCrash) {
  const std::string whole = onnx_relu().SerializeAsString();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      error_of_bytes(bytes);  // a UserError or a graph; anything else escapes and fails the test
    }
  }
}

TEST(HostileOnnx, OldOpsetIsRefused) {
  onnx::ModelProto model = onnx_relu();
  model.mutable_opset_import(0)->set_version(6);
  EXPECT_CONTAINS(import_error(model), "opset 6 is too old");
}

TEST(HostileOnnx, AnyIrVersionAndNewOpsetsAreTaken) {
  onnx::ModelProto model = onnx_relu();
  model.set_ir_version(99);
  model.mutable_opset_import(0)->set_version(40);
  EXPECT_EQ(import_error(model), "");
}

TEST(HostileOnnx, PackedNumbersMustFitTheirShape) {
  onnx::ModelProto model = onnx_relu();
  onnx::TensorProto& w = add_onnx_constant(model, "w", {5}, {});
  w.set_data_type(22);
  w.set_raw_data(std::string(2, '\x11'));
  EXPECT_CONTAINS(import_error(model), "has 2 bytes of raw_data but INT4 (22)[5] needs 3");
  w.clear_raw_data();
  w.add_int32_data(1);
  EXPECT_CONTAINS(import_error(model), "initialiser 'w'");
}

TEST(HostileOnnx, CyclesAreNamed) {
  onnx::ModelProto model = onnx_model();
  add_onnx_input(model, "x", {4});
  add_onnx_node(model, "Add", {"x", "b"}, {"a"}).set_name("first");
  add_onnx_node(model, "Relu", {"a"}, {"b"}).set_name("second");
  add_onnx_output(model, "b");
  const std::string message = import_error(model);
  EXPECT_CONTAINS(message, "cyclic");
  EXPECT_CONTAINS(message, "'first' (Add)");
  EXPECT_CONTAINS(message, "'second' (Relu)");
}

TEST(HostileOnnx, NodesThatReadThemselvesAreCycles) {
  onnx::ModelProto model = onnx_model();
  add_onnx_input(model, "x", {4});
  add_onnx_node(model, "Add", {"x", "y"}, {"y"});
  add_onnx_output(model, "y");
  EXPECT_CONTAINS(import_error(model), "reads its own output");
}

TEST(HostileOnnx, NamesAreDefinedOnceAndBeforeUse) {
  onnx::ModelProto twice = onnx_relu();
  add_onnx_node(twice, "Relu", {"x"}, {"y"});
  EXPECT_CONTAINS(import_error(twice), "'y', which is already defined");

  onnx::ModelProto missing = onnx_relu();
  missing.mutable_graph()->mutable_node(0)->set_input(0, "nowhere");
  EXPECT_CONTAINS(import_error(missing), "reads 'nowhere'");

  onnx::ModelProto output = onnx_relu();
  output.mutable_graph()->mutable_output(0)->set_name("nothing");
  EXPECT_CONTAINS(import_error(output), "nothing computes the graph's output 'nothing'");

  onnx::ModelProto initialiser = onnx_relu();
  add_onnx_constant(initialiser, "w", {1}, {1});
  add_onnx_constant(initialiser, "w", {1}, {1});
  EXPECT_CONTAINS(import_error(initialiser), "initialiser 'w': is given twice");

  onnx::ModelProto outputs = onnx_relu();
  add_onnx_output(outputs, "y");
  EXPECT_CONTAINS(import_error(outputs), "output 'y' is listed twice");
}

TEST(HostileOnnx, SizesAreChecked) {
  const auto with_constant = [](const std::vector<int64_t>& dims,
                                const std::vector<float>& values) {
    onnx::ModelProto model = onnx_relu();
    add_onnx_constant(model, "w", dims, values);
    return model;
  };
  const int64_t huge = int64_t{1} << 40;
  EXPECT_CONTAINS(import_error(with_constant({huge, huge}, {})), "more than 2^31 elements");
  EXPECT_CONTAINS(import_error(with_constant({huge, huge, 0}, {1})), "entries in float_data");
  EXPECT_CONTAINS(import_error(with_constant({-4}, {1})), "negative dimension -4");
  EXPECT_CONTAINS(import_error(with_constant({2, 2}, {1, 2, 3})), "has 3 values");
  // A large shape without data must be refused before memory is reserved for it.
  EXPECT_CONTAINS(import_error(with_constant({int64_t{1} << 30}, {1})), "has 1 values");

  onnx::ModelProto raw = with_constant({4}, {});
  raw.mutable_graph()->mutable_initializer(0)->set_raw_data("1234567");
  EXPECT_CONTAINS(import_error(raw), "7 bytes of raw_data");

  onnx::ModelProto input = onnx_model();
  add_onnx_input(input, "x", {huge, huge});
  add_onnx_output(input, "x");
  EXPECT_CONTAINS(import_error(input), "more than 2^31 elements");
}

TEST(HostileOnnx, ElementTypesAreNamed) {
  onnx::ModelProto model = onnx_relu();
  onnx::TensorProto& w = add_onnx_constant(model, "w", {1}, {1});
  for (const auto& [type, name] : {std::pair(17, "FLOAT8E4M3FN (17)"),
                                   {23, "FLOAT4E2M1 (23)"},
                                   {25, "UINT2 (25)"},
                                   {26, "INT2 (26)"},
                                   {1234, "number 1234"}}) {
    w.set_data_type(type);
    EXPECT_CONTAINS(import_error(model), std::string("initialiser 'w': element type ") + name);
    EXPECT_CONTAINS(import_error(model), "use integers of 4 to 64 bits");
  }
  onnx::ModelProto text = onnx_model();
  add_onnx_input(text, "words", {4}, onnx::TensorProto::STRING);
  EXPECT_CONTAINS(import_error(text), "input 'words': element type STRING");
}

TEST(HostileOnnx, OnlyTensorsAreInputs) {
  onnx::ModelProto model = onnx_relu();
  auto* input = model.mutable_graph()->add_input();
  input->set_name("list");
  input->mutable_type()->mutable_sequence_type();
  EXPECT_CONTAINS(import_error(model), "input 'list': is a sequence");
}

TEST(HostileOnnx, AllUnknownOperatorsAreListed) {
  onnx::ModelProto model = onnx_relu();
  add_onnx_node(model, "NoSuchThing", {"x"}, {"a"}).set_name("n1");
  add_onnx_node(model, "NoSuchThing", {"x"}, {"b"}).set_name("n2");
  onnx::NodeProto& other = add_onnx_node(model, "Odd", {"x"}, {"c"});
  other.set_domain("com.example");
  const std::string message = import_error(model);
  EXPECT_CONTAINS(message, "2 operators are not supported");
  EXPECT_CONTAINS(message, "NoSuchThing (opset 17) at 'n1' (NoSuchThing), 'n2' (NoSuchThing)");
  EXPECT_CONTAINS(message, "com.example.Odd (opset 1)");
}

TEST(HostileOnnx, AttributesMustBeDeclared) {
  onnx::ModelProto model = onnx_relu();
  onnx::NodeProto& node = *model.mutable_graph()->mutable_node(0);
  node.set_name("act");
  add_onnx_integer(node, "sparkle", 1);
  const std::string message = import_error(model);
  EXPECT_CONTAINS(message, "node 'act' (Relu)");
  EXPECT_CONTAINS(message, "attribute 'sparkle' is not supported");
  add_onnx_integer(node, "sparkle", 1);
  EXPECT_CONTAINS(import_error(model), "is given twice");
}

TEST(HostileOnnx, AttributesMustHaveTheirType) {
  onnx::ModelProto model = onnx_model();
  add_onnx_input(model, "x", {1, 4});
  onnx::NodeProto& node = add_onnx_node(model, "Softmax", {"x"}, {"y"});
  onnx::AttributeProto& axis = add_onnx_integer(node, "axis", 1);
  add_onnx_output(model, "y");
  EXPECT_EQ(import_error(model), "");
  axis.set_type(onnx::AttributeProto::STRING);
  axis.set_s("one");
  EXPECT_NE(import_error(model), "");
}

TEST(HostileOnnx, InputCountsAreChecked) {
  onnx::ModelProto many = onnx_relu();
  many.mutable_graph()->mutable_node(0)->add_input("x");
  EXPECT_CONTAINS(import_error(many), "has 2 inputs but Relu at opset 17 takes at most 1");
  onnx::ModelProto none = onnx_relu();
  none.mutable_graph()->mutable_node(0)->clear_input();
  EXPECT_CONTAINS(import_error(none), "is missing");
  onnx::ModelProto nothing = onnx_relu();
  nothing.mutable_graph()->mutable_node(0)->set_op_type("Max");
  nothing.mutable_graph()->mutable_node(0)->clear_input();
  EXPECT_CONTAINS(import_error(nothing), "is missing");
  onnx::ModelProto outputs = onnx_relu();
  outputs.mutable_graph()->mutable_node(0)->add_output("z");
  EXPECT_CONTAINS(import_error(outputs), "has 2 outputs");
}

TEST(HostileOnnx, OpenShapesAreReportedTogetherWithTheFlag) {
  onnx::ModelProto model = onnx_relu();
  add_onnx_input(model, "image", {-1, 3, -1, 224})
      .mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_param("batch");
  add_onnx_input(model, "tokens:0", {-1});
  const std::string message = import_error(model);
  EXPECT_CONTAINS(message, "'image' [batch,3,?,224]");
  EXPECT_CONTAINS(message, "'tokens:0' [?]");
  EXPECT_CONTAINS(message, "--input-shapes \"image:[1,3,?,224] tokens:0:[1]\"");
}

TEST(HostileOnnx, FunctionsThatCallThemselvesAreRefused) {
  onnx::ModelProto model = onnx_relu();
  onnx::FunctionProto& function = *model.add_functions();
  function.set_name("Again");
  function.set_domain("own");
  function.add_input("a");
  function.add_output("b");
  onnx::NodeProto& inner = *function.add_node();
  inner.set_op_type("Again");
  inner.set_domain("own");
  inner.add_input("a");
  inner.add_output("b");
  add_onnx_node(model, "Again", {"x"}, {"z"}).set_domain("own");
  EXPECT_CONTAINS(import_error(model), "deeper than 32 levels");
}

TEST(HostileOnnx, ExplodingFunctionsMeetTheBudget) {
  onnx::ModelProto model = onnx_relu();
  for (int level = 0; level < 30; ++level) {  // each calls the next twice: 2^30 nodes
    onnx::FunctionProto& function = *model.add_functions();
    function.set_name("F" + std::to_string(level));
    function.set_domain("own");
    function.add_input("a");
    function.add_output("c");
    auto* import = function.add_opset_import();
    import->set_version(17);
    for (const auto& [from, to] : {std::pair{"a", "b"}, {"b", "c"}}) {
      onnx::NodeProto& inner = *function.add_node();
      inner.set_op_type(level == 29 ? "Relu" : "F" + std::to_string(level + 1));
      if (level != 29) inner.set_domain("own");
      inner.add_input(from);
      inner.add_output(to);
    }
  }
  add_onnx_node(model, "F0", {"x"}, {"z"}).set_domain("own");
  EXPECT_CONTAINS(import_error(model), "more than 1000000 nodes");
}

class ExternalData : public testing::Test {
 protected:
  ExternalData() {
    std::string pattern = (fs::temp_directory_path() / "mlfc-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    fs::create_directories(folder_ / "model" / "sub");
    write(folder_ / "secret.bin", std::string(16, 's'));
    write(folder_ / "model" / "sub" / "w.bin", std::string(24, '\0'));
  }
  ~ExternalData() override { fs::remove_all(folder_); }

  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  /// What importing a model says whose constant of 4 floats lies at `location`.
  std::string error_of(const std::string& location,
                       const std::vector<std::pair<std::string, std::string>>& more = {}) {
    onnx::ModelProto model = onnx_relu();
    onnx::TensorProto& tensor = add_onnx_constant(model, "w", {4}, {});
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    auto entries = more;
    entries.emplace_back("location", location);
    for (const auto& [key, value] : entries) {
      auto* entry = tensor.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    const fs::path path = folder_ / "model" / "m.onnx";
    write(path, model.SerializeAsString());
    try {
      import_onnx(path.string());
      return "";
    } catch (const UserError& error) {
      return error.what();
    }
  }

  fs::path folder_ = {};
};

TEST_F(ExternalData, IsReadBesideTheModel) {
  EXPECT_EQ(error_of("sub/w.bin"), "");
  EXPECT_EQ(error_of("./sub/w.bin", {{"offset", "8"}, {"length", "16"}}), "");
}

TEST_F(ExternalData, NeverLeavesTheFolder) {
  EXPECT_CONTAINS(error_of("../secret.bin"), "leaves the model's folder");
  EXPECT_CONTAINS(error_of("../../../../../../etc/passwd"), "leaves the model's folder");
  EXPECT_CONTAINS(error_of("sub/../../secret.bin"), "leaves the model's folder");
  EXPECT_CONTAINS(error_of("/etc/passwd"), "is absolute");
  EXPECT_CONTAINS(error_of(""), "names no file");
  EXPECT_CONTAINS(error_of("sub\\w.bin"), "backslash");
}

TEST_F(ExternalData, FollowsNoLinks) {
  fs::create_symlink(folder_ / "secret.bin", folder_ / "model" / "link.bin");
  fs::create_directory_symlink(folder_, folder_ / "model" / "up");
  fs::create_hard_link(folder_ / "secret.bin", folder_ / "model" / "hard.bin");
  EXPECT_CONTAINS(error_of("link.bin"), "symbolic link");
  EXPECT_CONTAINS(error_of("up/secret.bin"), "symbolic link");
  EXPECT_CONTAINS(error_of("hard.bin"), "hard links");
  EXPECT_CONTAINS(error_of("sub"), "not a regular file");
}

TEST_F(ExternalData, SizesAreChecked) {
  EXPECT_CONTAINS(error_of("sub/w.bin", {{"offset", "16"}}), "24 bytes; 16 bytes from offset 16");
  EXPECT_CONTAINS(error_of("sub/w.bin", {{"length", "12"}}), "states 12 bytes");
  EXPECT_CONTAINS(error_of("sub/w.bin", {{"offset", "-8"}}), "is not a byte count");
  EXPECT_CONTAINS(error_of("sub/w.bin", {{"offset", "9223372036854775807"}}), "are needed");
  EXPECT_CONTAINS(error_of("missing.bin"), "cannot open");
}

TEST_F(ExternalData, IsRefusedForModelsWithoutFolder) {
  onnx::ModelProto model = onnx_relu();
  onnx::TensorProto& tensor = add_onnx_constant(model, "w", {4}, {});
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = tensor.add_external_data();
  entry->set_key("location");
  entry->set_value("w.bin");
  EXPECT_CONTAINS(import_error(model), "without a folder");
}

}  // namespace
}  // namespace mlfc
