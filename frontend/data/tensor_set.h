// Sets of tensors as users keep them: one .npz, or a folder of .npy or ONNX .pb files; and how such
// a set belongs to the inputs or outputs of a model - by name or by number.
#pragma once

#include <string>
#include <vector>

#include "frontend/onnx/import.h"
#include "ir/tensor.h"

namespace mlfc {

struct TensorSet {
  std::string where = {};  ///< the file or folder, for messages
  std::vector<NamedTensor> tensors = {};
};

/// Reads a .npz, .npy or .pb file, or every .npy and .pb file of a folder (sorted by name).
TensorSet read_tensor_set(const std::string& path);
/// Of a folder: the files whose name starts with `prefix` ("input_").
TensorSet read_tensor_set(const std::string& folder, const std::string& prefix);

/// Writes by what `path` ends in: .npz; .npy or .pb, for a single tensor; or otherwise a folder
/// with a file each, in ONNX's format where the folder holds .pb files already and as .npy
/// elsewhere.
void write_tensor_set(const std::string& path, const std::vector<NamedTensor>& tensors);

/// File name for a tensor's name: characters outside [A-Za-z0-9_.-] become `_`.
std::string file_name_of(const std::string& tensor_name);

/// For every name of a model's inputs or outputs, in order, the tensor that belongs to it, null
/// where the set has none. Files are matched by name (as it is, as a file name, as an identifier)
/// or, when those do not all fit, by number (`input_0`, `output_1`, `arr_0`). Fails for tensors
/// that belong nowhere.
std::vector<const Tensor*> match(const TensorSet& set, const std::vector<std::string>& names);

}  // namespace mlfc
