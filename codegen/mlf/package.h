// A Model Library Format archive made from a compiled graph: what the user may choose, the list of
// files that results, and writing it as a tar. Everything a build reads from an archive - names,
// sections, macros, numbers - is decided in this folder and nowhere else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "codegen/target.h"
#include "ir/graph.h"
#include "ir/machine.h"

namespace mlfc {

/// Names of the pools when the user declares none; both are then arrays inside the archive.
inline constexpr const char* default_workspace_pool = "global_workspace";
inline constexpr const char* default_constant_pool = "global_const_workspace";

/// A pool that the application owns and passes to every run.
struct ExternalPool {
  std::string name = {};         ///< as the user spells it
  int64_t size_hint_bytes = -1;  ///< upper bound; -1: none
};

/// How constants are written: as C initialisers, or as one .bin that an assembler file includes.
enum class ConstantsForm : uint8_t { text, binary };

/// The user's wishes, neutral of how they were typed. Fill it from the command line.
struct PackageOptions {
  std::string module_name = "default";   ///< checked and lower-cased by build_archive
  bool unpacked_api = false;             ///< --executor-aot-unpacked-api
  std::string interface_api = "packed";  ///< --executor-aot-interface-api: "c" or "packed"
  bool system_lib = false;               ///< --runtime-crt-system-lib
  /// --executor-aot-link-params: false also lists the parameters in parameters/<module>.params; the
  /// generated C carries its constants either way.
  bool link_params = true;
  std::string runtime = "crt";
  std::string executor = "aot";
  /// Canonical target, as metadata prints it (with the trailing space when it has no attributes).
  std::string target_string = "c -keys=cpu ";

  /// Alignment of pools and of every buffer in them: the larger of executor's and target's wish.
  int64_t workspace_alignment = 16;
  int64_t constant_alignment = 16;

  /// tir.usmp.enable: the workspace is a static array (or external pools). Otherwise the model asks
  /// TVMBackendAllocWorkspace when it runs.
  bool plan_workspace = true;
  /// tir.usmp.use_workspace_io: inputs and outputs live in the workspace, which becomes external.
  bool io_in_workspace = false;
  std::vector<ExternalPool> workspace_pools = {};  ///< in order of preference; empty: one internal
  std::vector<ExternalPool> constant_pools = {};   ///< likewise

  ConstantsForm constants = ConstantsForm::text;

  /// Names of the outputs where the source format has API-relevant ones (TFLite); empty: `output`,
  /// or `output0`, `output1` ... when there are several.
  std::vector<std::string> output_names = {};

  /// Seconds since 1970 that metadata and the tar's members carry. Fixed by default so that equal
  /// requests give equal bytes; see timestamp_from_environment().
  int64_t timestamp = 315532800;  // 1980-01-01, the earliest date every archiver accepts
};

/// SOURCE_DATE_EPOCH when it is set (fails when it is not a number), otherwise the default above.
int64_t timestamp_from_environment();

/// Refuses contradicting requests (packed API with C interface, bad module names, duplicate pools,
/// ...) with a message; build_archive calls it, and callers may do so before compiling.
void verify_options(const PackageOptions& options);

struct ArchiveMember {
  std::string path =
      {};  ///< "./codegen/host/src/default_lib0.c"; directories without a final slash
  std::string bytes = {};
  bool is_directory = false;
};
/// In the order they are written; every directory precedes what is in it.
using Archive = std::vector<ArchiveMember>;

/// Puts a planned graph of loops into files. The graph is as the pipeline left it: every node that
/// is not free has a proc, and with plan_workspace every stored value has a placement.
Archive build_archive(const Graph& graph, const Target& target, const Machine& machine,
                      const PackageOptions& options);

/// The text `--dump-code` asks for in one format: "relay" (the program), "c" (kernels and main
/// function). Fails for formats there is no text for, naming those there are.
std::string dumped_code(const Archive& archive, const std::string& format,
                        const PackageOptions& options);

/// The member of that path; null when there is none.
const ArchiveMember* find_member(const Archive& archive, const std::string& path);

/// Uncompressed ustar. The file appears complete or not at all: it is written beside its place
/// under a temporary name, then renamed.
void write_tar(const Archive& archive, const std::filesystem::path& path, int64_t timestamp);

}  // namespace mlfc
