// include/tvmgen_<module>.h: names, order and numbers that applications are written against.
#include <gtest/gtest.h>

#include "ir/error.h"
#include "tests/mlf/sample.h"

namespace mlfc {
namespace {

std::string header_of(const Graph& graph, const PackageOptions& options,
                      const std::string& module = "default") {
  return sample::text_of(sample::archive_of(graph, options),
                         "./codegen/host/include/tvmgen_" + module + ".h");
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Header, IsExactlyThis) {
  const std::string expected = R"(#ifndef TVMGEN_DEFAULT_H_
#define TVMGEN_DEFAULT_H_
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*!
 * \brief Bytes of input "x" for TVM module "default"
 */
#define TVMGEN_DEFAULT_X_SIZE 16

/*!
 * \brief Bytes of input "aux/0" for TVM module "default"
 */
#define TVMGEN_DEFAULT_AUX_0_SIZE 12

/*!
 * \brief Bytes of output "output0" for TVM module "default"
 */
#define TVMGEN_DEFAULT_OUTPUT0_SIZE 16

/*!
 * \brief Bytes of output "output1" for TVM module "default"
 */
#define TVMGEN_DEFAULT_OUTPUT1_SIZE 4

/*!
 * \brief Pointers to the inputs, in the order of the model, for TVM module "default"
 */
struct tvmgen_default_inputs {
  void* x;
  void* aux_0;
};

/*!
 * \brief Pointers to the outputs, in the order of the model, for TVM module "default"
 */
struct tvmgen_default_outputs {
  void* output0;
  void* output1;
};

/*!
 * \brief Runs the model once; 0 means success, for TVM module "default"
 */
int32_t tvmgen_default_run(struct tvmgen_default_inputs* inputs, struct tvmgen_default_outputs* outputs);

/*!
 * \brief Bytes of all workspace pools for TVM module "default"
 */
#define TVMGEN_DEFAULT_WORKSPACE_SIZE 20

#ifdef __cplusplus
}
#endif

#endif // TVMGEN_DEFAULT_H_
)";
  EXPECT_EQ(header_of(*sample::net(), sample::c_interface()), expected);
}

TEST(Header, IsLowerCaseButForMacros) {
  PackageOptions options = sample::c_interface();
  options.module_name = "Detection";
  const std::string text = header_of(*sample::net(), options, "detection");
  EXPECT_TRUE(has_line(text, "struct tvmgen_detection_inputs {"));
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DETECTION_WORKSPACE_SIZE 20"));
}

TEST(Header, DeclaresExternalPoolsSortedByName) {
  PackageOptions options = sample::c_interface();
  options.workspace_pools = {{"sram", 100}, {"dtcm"}};
  const std::string text = header_of(*sample::net({.pool = "sram"}), options);
  EXPECT_NE(text.find("struct tvmgen_default_workspace_pools {\n  void* dtcm;\n  void* sram;\n};"),
            std::string::npos);
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DEFAULT_SRAM_WORKSPACE_POOL_SIZE 20"));
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DEFAULT_DTCM_WORKSPACE_POOL_SIZE 0"));
  EXPECT_TRUE(has_line(text,
                       "int32_t tvmgen_default_run(struct tvmgen_default_inputs* inputs, struct "
                       "tvmgen_default_outputs* outputs, struct tvmgen_default_workspace_pools* "
                       "workspace_pools);"));
}

TEST(Header, CarriesTheBytesOfExternalConstants) {
  PackageOptions options = sample::c_interface();
  options.constant_pools = {{"flash"}};
  const std::string text = header_of(*sample::net(), options);
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DEFAULT_FLASH_CONSTANT_POOL_SIZE 16"));
  EXPECT_NE(text.find("#define TVMGEN_DEFAULT_FLASH_CONSTANT_POOL_DATA \\\n  0x00, 0x00, 0x00, "
                      "0x3f, 0x00, 0x00, 0x80, 0xbf,"),
            std::string::npos);
}

TEST(Header, MapsInputsAndOutputsInTheWorkspace) {
  PackageOptions options = sample::c_interface();
  options.io_in_workspace = true;
  const std::string text = header_of(*sample::net({.io_in_workspace = true}), options);
  EXPECT_TRUE(has_line(text,
                       "struct tvmgen_default_inputs tvmgen_default_map_inputs(struct "
                       "tvmgen_default_workspace_pools* workspace_pools);"));
  EXPECT_TRUE(has_line(text,
                       "int32_t tvmgen_default_run(struct tvmgen_default_workspace_pools* "
                       "workspace_pools);"));
  EXPECT_NE(text.find("void* global_workspace;"), std::string::npos);
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DEFAULT_WORKSPACE_SIZE 84"));
}

TEST(Header, NeverDefinesOneMacroTwice) {
  const auto graph = sample::net({.input = "workspace", .second_input = "WORKSPACE"});
  const std::string text = header_of(*graph, sample::c_interface());
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DEFAULT_WORKSPACE_SIZE 20"));
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DEFAULT_WORKSPACE_1_SIZE 16"));
  EXPECT_TRUE(has_line(text, "#define TVMGEN_DEFAULT_WORKSPACE_2_SIZE 12"));
  EXPECT_NE(text.find("  void* workspace;\n  void* WORKSPACE;\n"), std::string::npos);
}

TEST(Header, RefusesNamesThatClashInC) {
  const auto graph = sample::net({.input = "in:0", .second_input = "in.0"});
  try {
    header_of(*graph, sample::c_interface());
    FAIL() << "accepted";
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "model: input tensors 'in:0' and 'in.0' both become 'in_0' in C; rename one of "
                 "them in the model");
  }
}

TEST(Header, ExistsOnlyForTheCInterface) {
  const Archive archive = sample::archive_of(*sample::net(), PackageOptions{});
  EXPECT_EQ(find_member(archive, "./codegen/host/include"), nullptr);
}

}  // namespace
}  // namespace mlfc
