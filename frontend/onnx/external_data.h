// Tensors whose bytes lie in files beside the model. A model is untrusted input, and the path in it
// is the oldest hole of ONNX readers: such files are opened only inside the model's folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mlfc {

struct ExternalRange {
  std::string location = {};  ///< relative path, `/` between its parts
  int64_t offset = 0;
  int64_t length = -1;  ///< -1: not stated
};

/// Reads `bytes` bytes. Fails when the path leaves `folder` (by `..`, an absolute path, a symbolic
/// link or a hard link), is no regular file, is too short, or states another length.
std::vector<std::byte> read_external_data(const std::string& folder, const ExternalRange& range,
                                          int64_t bytes, const std::string& where);

}  // namespace mlfc
