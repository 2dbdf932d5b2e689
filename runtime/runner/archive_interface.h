// What an unpacked archive offers to its callers, read from the files in it - ours or TVM's own:
// metadata.json for the sizes, the relay text for names, order and shapes, the C header for the
// prototype of the entry.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ir/type.h"

namespace mlfc {

struct ArchiveTensor {
  std::string name = {};    ///< as the model spells it
  std::string member = {};  ///< as the C structs spell it
  TensorType type = {};
};

struct ArchivePool {
  std::string member = {};
  std::string size_macro = {};
  std::string data_macro = {};  ///< constant pools: the macro with their bytes
};

struct ArchiveInterface {
  std::string module = {};  ///< lower case, as in symbols
  std::vector<ArchiveTensor> inputs = {};
  std::vector<ArchiveTensor> outputs = {};
  bool packed = false;           ///< entry takes TVMValues; there is no header
  bool io_in_workspace = false;  ///< inputs and outputs are found with map_inputs/map_outputs
  std::vector<ArchivePool> pools = {};
  bool has_devices = false;
  std::string target = {};      ///< as it was compiled for, "c -march=rv32imafdc"; may be empty
  int64_t workspace_bytes = 0;  ///< what a workspace allocator must be able to give
};

/// `folder` is the unpacked archive. Fails when something in it is missing or contradicts itself.
ArchiveInterface read_archive_interface(const std::filesystem::path& folder);

/// Unpacks a tar; members that would land outside `folder` and anything but files and directories
/// are refused.
void unpack_archive(const std::string& tar, const std::filesystem::path& folder);

}  // namespace mlfc
