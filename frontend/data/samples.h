// Many inputs of a model from files, as people keep data to calibrate or evaluate with:
//
//   data.npy          the samples of a model's only input along axis 0, or one sample
//   data.npz          an array for each input, by name; samples along axis 0
//   folder/           .npy, .pb: samples of the only input, or one file for each input by name
//   folder/*.npz      each as above
//   folder/*/         subfolders, each with the files of one or more samples (input*.npy,
//   input*.pb)
#pragma once

#include <string>
#include <vector>

#include "ir/tensor.h"

namespace mlfc {

struct InputSpec {
  std::string name = {};
  TensorType type = {};
};

struct SampleSet {
  std::string where = {};
  std::vector<std::vector<Tensor>> sets = {};  ///< each in the order of the model's inputs
};

/// Fails when there is nothing, when shapes or types do not fit the model, or when a real number is
/// not finite. Keeps the first `most` samples.
SampleSet read_samples(const std::string& path, const std::vector<InputSpec>& inputs, size_t most);

}  // namespace mlfc
