// metadata.json: the paths that build systems read, and numbers that are the code's.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

nlohmann::json metadata_of(const Graph& graph, const PackageOptions& options) {
  const std::string text = sample::text_of(sample::archive_of(graph, options), "./metadata.json");
  EXPECT_FALSE(text.ends_with('\n'));
  return nlohmann::json::parse(text);
}

TEST(Metadata, DescribesTheModel) {
  PackageOptions options = sample::c_interface();
  options.target_string = "c -keys=cpu ";
  const auto metadata = metadata_of(*sample::net(), options);
  EXPECT_EQ(metadata["version"], 7);
  const auto& module = metadata["modules"]["default"];
  EXPECT_EQ(module["model_name"], "default");
  EXPECT_EQ(module["style"], "full-model");
  EXPECT_EQ(module["executors"], nlohmann::json::parse(R"(["aot"])"));
  EXPECT_EQ(module["target"][0], "c -keys=cpu ");
  EXPECT_EQ(module["export_datetime"], "1980-01-01 00:00:00Z");
  EXPECT_EQ(module["external_dependencies"][0]["url"], "./runtime");
}

TEST(Metadata, TellsTheTruthAboutMemory) {
  const auto metadata = metadata_of(*sample::net(), sample::c_interface());
  const auto& functions = metadata["modules"]["default"]["memory"]["functions"];
  ASSERT_EQ(functions["main"].size(), 1u);
  const auto& main = functions["main"][0];
  EXPECT_EQ(main["device"], 1);
  EXPECT_EQ(main["workspace_size_bytes"], 20);
  EXPECT_EQ(main["constants_size_bytes"], 16);
  EXPECT_EQ(main["io_size_bytes"], 16 + 12 + 16 + 4);
  EXPECT_EQ(main["inputs"]["aux/0"]["size"], 12);
  EXPECT_EQ(main["inputs"]["aux/0"]["dtype"], "float32");
  EXPECT_EQ(main["outputs"]["output0"]["size"], 16);
  EXPECT_EQ(functions["operator_functions"].size(), 4u);
  EXPECT_EQ(functions["operator_functions"][0]["function_name"],
            "tvmgen_default_fused_sample_work");
  EXPECT_EQ(functions["operator_functions"][0]["workspace"][0]["workspace_size_bytes"], 0);
}

TEST(Metadata, RoundsWhatAnAllocatorHandsOut) {
  PackageOptions options = sample::c_interface();
  options.plan_workspace = false;
  const auto metadata = metadata_of(*sample::net(), options);
  const auto& main = metadata["modules"]["default"]["memory"]["functions"]["main"][0];
  EXPECT_EQ(main["workspace_size_bytes"], 32);
}

TEST(Metadata, HasLowerCaseModuleNames) {
  PackageOptions options = sample::c_interface();
  options.module_name = "MyNet";
  EXPECT_TRUE(metadata_of(*sample::net(), options)["modules"].contains("mynet"));
}

TEST(Metadata, IsJsonWhateverTensorsAreCalled) {
  const auto graph = sample::net({.input = "quote\" \x80 \n\\"});
  const auto metadata = metadata_of(*graph, sample::c_interface());
  EXPECT_EQ(metadata["modules"]["default"]["memory"]["functions"]["main"][0]["inputs"].size(), 2u);
}

}  // namespace
}  // namespace mlfc
