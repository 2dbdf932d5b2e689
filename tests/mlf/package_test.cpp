// Which files there are, and which requests are refused.
#include "codegen/mlf/package.h"

#include <gtest/gtest.h>

#include <set>

#include "ir/error.h"
#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

std::string refusal(const PackageOptions& options) {
  try {
    verify_options(options);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Package, HasTheFilesOfTheCInterface) {
  const Archive archive = sample::archive_of(*sample::net(), sample::c_interface());
  for (const char* path :
       {".", "./codegen", "./codegen/host/include/tvmgen_default.h",
        "./codegen/host/src/default_lib0.c", "./codegen/host/src/default_lib1.c", "./metadata.json",
        "./parameters/default.params", "./src/default.relay", "./runtime/CMakeLists.txt",
        "./runtime/include/tvm/runtime/c_runtime_api.h", "./runtime/include/dlpack/dlpack.h",
        "./runtime/src/runtime/crt/common/crt_backend_api.c",
        "./runtime/src/runtime/crt/memory/stack_allocator.c",
        "./templates/crt_config.h.template"}) {
    EXPECT_NE(find_member(archive, path), nullptr) << path;
  }
  EXPECT_EQ(find_member(archive, "./codegen/host/src/default_lib2.c"), nullptr);
}

TEST(Package, HasAFileOfTablesWithThePackedApi) {
  const Archive archive = sample::archive_of(*sample::net(), PackageOptions{});
  EXPECT_NE(sample::text_of(archive, "./codegen/host/src/default_lib1.c")
                .find("tvmgen_default_get_c_metadata("),
            std::string::npos);
  EXPECT_NE(sample::text_of(archive, "./codegen/host/src/default_lib2.c")
                .find("tvmgen_default___tvm_main__("),
            std::string::npos);
}

TEST(Package, PutsDirectoriesBeforeTheirContents) {
  std::set<std::string> seen;
  for (const ArchiveMember& member : sample::archive_of(*sample::net(), sample::c_interface())) {
    if (member.path != ".") {
      EXPECT_TRUE(seen.contains(member.path.substr(0, member.path.rfind('/')))) << member.path;
    }
    EXPECT_TRUE(seen.insert(member.path).second) << member.path << " twice";
  }
}

TEST(Package, IsTheSameEveryTime) {
  const Archive one = sample::archive_of(*sample::net(), sample::c_interface());
  const Archive two = sample::archive_of(*sample::net(), sample::c_interface());
  ASSERT_EQ(one.size(), two.size());
  for (size_t i = 0; i < one.size(); i++) EXPECT_EQ(one[i].bytes, two[i].bytes) << one[i].path;
}

TEST(Package, RefusesPackedApiWithCInterface) {
  PackageOptions options;
  options.interface_api = "c";
  EXPECT_TRUE(refusal(options).starts_with(
      "Either need interface_api == \"packed\" (got: c) or unpacked-api == true (got: 0) when "
      "targeting c runtime"))
      << refusal(options);
}

TEST(Package, RefusesWhatCannotBe) {
  const auto with = [](auto change) {
    PackageOptions options = sample::c_interface();
    change(options);
    return refusal(options);
  };
  EXPECT_EQ(with([](auto&) {}), "");
  EXPECT_NE(with([](auto& o) { o.interface_api = "d"; }), "");
  EXPECT_NE(with([](auto& o) { o.executor = "graph"; }), "");
  EXPECT_NE(with([](auto& o) { o.runtime = "cpp"; }), "");
  EXPECT_NE(with([](auto& o) { o.module_name = "../../x"; }), "");
  EXPECT_NE(with([](auto& o) { o.workspace_alignment = 12; }), "");
  EXPECT_NE(with([](auto& o) { o.constant_alignment = 0; }), "");
  EXPECT_NE(with([](auto& o) { o.workspace_pools = {{"a"}, {"a"}}; }), "");
  EXPECT_NE(with([](auto& o) {
              o.plan_workspace = false;
              o.io_in_workspace = true;
            }),
            "");
  PackageOptions packed;
  packed.io_in_workspace = true;
  EXPECT_NE(refusal(packed), "");
  PackageOptions packed_constants;
  packed_constants.constant_pools = {{"flash"}};
  EXPECT_NE(refusal(packed_constants), "");
}

TEST(Package, SaysByHowMuchAPoolIsTooSmall) {
  PackageOptions options = sample::c_interface();
  options.workspace_pools = {{"sram", 13}};
  try {
    sample::archive_of(*sample::net({.pool = "sram"}), options);
    FAIL() << "accepted";
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "--workspace-pools: pool 'sram' is 7 bytes too small: the model needs 20, the "
                 "size hint is 13");
  }
}

TEST(Package, SharesKernelsThatAreTheSame) {
  Graph graph;
  Value* value = &sample::input(graph, "x", {2});
  for (int i = 0; i < 5; i++) {
    Node& step = sample::node(graph, "step" + std::to_string(i), {value},
                              {{"v" + std::to_string(i), {2}}}, "o0[0] = i0[0];");
    value = step.outputs[0];
    if (i < 4) sample::place(*value, "global_workspace", i % 2 * 16);
  }
  graph.outputs = {value};
  graph.pools = {{"global_workspace", 24}};
  const std::string text = sample::text_of(sample::archive_of(graph, sample::c_interface()),
                                           "./codegen/host/src/default_lib1.c");
  EXPECT_EQ(text.find("fused_sample_work_1"), std::string::npos);
  EXPECT_NE(text.find(" * also: step4"), std::string::npos);
}

TEST(DumpedCode, IsRelayOrC) {
  const PackageOptions options = sample::c_interface();
  const Archive archive = sample::archive_of(*sample::net(), options);
  EXPECT_NE(dumped_code(archive, "relay", options).find("def @main("), std::string::npos);
  EXPECT_NE(dumped_code(archive, "c", options).find("___tvm_main__"), std::string::npos);
  EXPECT_THROW(dumped_code(archive, "ll", options), UserError);
}

TEST(Timestamp, ComesFromTheEnvironment) {
  unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_EQ(timestamp_from_environment(), 315532800);
  setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  EXPECT_EQ(timestamp_from_environment(), 1700000000);
  for (const char* bad : {"x", "-1", "1.5", "99999999999999999999"}) {
    setenv("SOURCE_DATE_EPOCH", bad, 1);
    EXPECT_THROW(timestamp_from_environment(), UserError) << bad;
  }
  unsetenv("SOURCE_DATE_EPOCH");
}

}  // namespace
}  // namespace mlfc
