// Whole archives in the hands of applications: every combination of interface and options that can
// be asked for, compiled with all warnings as errors by each installed compiler, run, and compared.
#include <gtest/gtest.h>

#include "tests/mlf/project.h"
#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

using sample::c_interface;
using sample::Project;

const std::vector<std::string> kRegistry = {"common/func_registry.c"};
const std::vector<std::string> kExecutor = {
    "common/crt_backend_api.c", "common/crt_runtime_api.c", "common/func_registry.c",
    "common/ndarray.c",         "common/packed_func.c",     "aot_executor/aot_executor.c"};

PackageOptions packed(bool unpacked_api, bool system_lib) {
  PackageOptions options;
  options.unpacked_api = unpacked_api;
  options.system_lib = system_lib;
  return options;
}

// Builds and runs `application` with every compiler; nothing but `writable` may be writable.
void expect_runs(const std::vector<Archive>& archives, const std::string& application,
                 const std::vector<std::string>& runtime, const std::string& writable,
                 const std::string& defines = "") {
  const std::vector<sample::Toolchain> toolchains = sample::toolchains();
  ASSERT_FALSE(toolchains.empty()) << "no C compiler";
  for (const sample::Toolchain& tools : toolchains) {
    SCOPED_TRACE(tools.c);
    Project project;
    for (const Archive& archive : archives) project.add(archive);
    EXPECT_EQ(project.run(tools, application, runtime, defines), "ok\n");
    EXPECT_EQ(project.writable_symbols(), writable);
    project.check_as_cpp(tools);
  }
}

void expect_runs(const PackageOptions& options, const std::string& application,
                 const std::vector<std::string>& runtime = {},
                 const std::string& writable = "global_workspace\n") {
  expect_runs({sample::archive_of(*sample::net(), options)}, application, runtime, writable);
}

TEST(Applications, UseTheCInterface) {
  expect_runs(c_interface(), "c_interface");
}

TEST(Applications, UseTheCInterfaceBesideASystemLibrary) {
  PackageOptions options = c_interface();
  options.system_lib = true;
  expect_runs(options, "c_interface");
  expect_runs(options, "system_library", kRegistry);
}

TEST(Applications, UseThePackedInterface) {
  expect_runs(packed(/*unpacked_api=*/false, /*system_lib=*/false), "packed");
  expect_runs(packed(/*unpacked_api=*/true, /*system_lib=*/false), "packed");
}

TEST(Applications, UseTheExecutor) {
  expect_runs(packed(/*unpacked_api=*/false, /*system_lib=*/true), "executor", kExecutor);
  expect_runs(packed(/*unpacked_api=*/true, /*system_lib=*/true), "executor", kExecutor);
}

TEST(Applications, UseExternalPools) {
  PackageOptions options = c_interface();
  options.workspace_pools = {{"sram", 100}, {"dtcm"}};
  expect_runs({sample::archive_of(*sample::net({.pool = "sram"}), options)}, "external_pools", {},
              "");
}

TEST(Applications, UseExternalConstants) {
  PackageOptions options = c_interface();
  options.constant_pools = {{"flash"}};
  expect_runs(options, "constant_pool");
}

TEST(Applications, UseInputsAndOutputsInTheWorkspace) {
  PackageOptions options = c_interface();
  options.io_in_workspace = true;
  const std::string pool = "-DPOOL=global_workspace";
  for (const bool is_planned : {true, false}) {
    const auto graph = sample::net({.io_in_workspace = is_planned});
    expect_runs({sample::archive_of(*graph, options)}, "workspace_io", {}, "", pool);
  }
  options.workspace_pools = {{"sram"}};
  expect_runs({sample::archive_of(*sample::net({.pool = "sram"}), options)}, "workspace_io", {}, "",
              "-DPOOL=sram");
}

TEST(Applications, UseAStackOfThePromisedSize) {
  PackageOptions options = c_interface();
  options.plan_workspace = false;
  expect_runs(options, "stack_allocator", {"memory/stack_allocator.c"}, "");
}

TEST(Applications, UseBinaryConstants) {
  PackageOptions options = c_interface();
  options.constants = ConstantsForm::binary;
  expect_runs(options, "c_interface");
}

TEST(Applications, UseLargerAlignment) {
  PackageOptions options = c_interface();
  options.constant_alignment = 64;
  options.workspace_alignment = 64;
  expect_runs(options, "c_interface");
  options.constant_alignment = 1;
  expect_runs(options, "c_interface");
}

TEST(Applications, HoldTwoModels) {
  std::vector<Archive> archives;
  for (const char* name : {"First", "second"}) {
    PackageOptions options = c_interface();
    options.module_name = name;
    archives.push_back(sample::archive_of(*sample::net(), options));
  }
  expect_runs(archives, "two_models", {}, "global_workspace\nglobal_workspace\n");
}

// An output may be an input, a constant, or another output.
TEST(Applications, GetCopiesOfWhatNothingComputes) {
  const auto graph = sample::net();
  Value& constant = sample::constant(*graph, "table", {1, 2, 3});
  Value* const z = graph->outputs[1];
  graph->outputs.insert(graph->outputs.end(), {&constant, graph->inputs[1], z});
  PackageOptions options = c_interface();
  options.output_names = {"output0", "output1", "table", "aux", "again"};
  expect_runs({sample::archive_of(*graph, options)}, "copies", {}, "global_workspace\n");
}

// Models name things as they like. Each name here is an input, a node, a value and a constant.
TEST(Applications, CompileWhateverThingsAreCalled) {
  const std::vector<std::string> names = {"*/ int evil; /*",
                                          "// x",
                                          "\n#error no",
                                          "\"quoted\"",
                                          "back\\",
                                          "back\\\nslash",
                                          "?\?/",
                                          "%n%s",
                                          "main",
                                          "int",
                                          "class",
                                          "restrict",
                                          "NULL",
                                          "linux",
                                          "INT8_MAX",
                                          "__LINE__",
                                          "_X",
                                          "0",
                                          "1e9",
                                          "a.b",
                                          "template",
                                          "true",
                                          "\xe2\x80\xae right to left",
                                          std::string("zero\0byte", 9),
                                          std::string(65536, 'q'),
                                          "errno",
                                          "INFINITY",
                                          "TVM_DLL",
                                          "inputs",
                                          "outputs",
                                          "workspace_pools",
                                          "output0",
                                          "status",
                                          "sid_1_let",
                                          "global_workspace_1_var",
                                          "args"};
  Graph graph;
  graph.pools = {{"global_workspace", 4}};
  for (const std::string& name : names) {
    Value& in = sample::input(graph, name, {1});
    Value& table = sample::constant(graph, name + "~", {static_cast<float>(graph.values.size())});
    Node& add =
        sample::node(graph, name, {&in, &table}, {{name + "+", {1}}}, "o0[0] = i0[0] + i1[0];");
    Node& move = sample::node(graph, name, {add.outputs[0]}, {{name + "=", {1}}}, "o0[0] = i0[0];");
    sample::place(*add.outputs[0], "global_workspace", 0);
    graph.outputs.push_back(move.outputs[0]);
  }
  for (const bool has_c_interface : {true, false}) {
    PackageOptions options = has_c_interface ? c_interface() : PackageOptions{};
    options.system_lib = true;
    const Archive archive = sample::archive_of(graph, options);
    for (const sample::Toolchain& tools : sample::toolchains()) {
      SCOPED_TRACE(tools.c);
      Project project;
      project.add(archive);
      project.compile(tools);
      project.check_as_cpp(tools);
    }
  }
}

}  // namespace
}  // namespace mlfc
