// Test cases as people keep them: a model with sets of inputs and expected outputs beside it.
//
//   NAME/model.onnx, NAME/test_data_set_k/{input_i,output_i}.pb     ONNX's own layout
//   NAME/model.onnx, NAME/inputs[_k]/*.npy, NAME/outputs[_k]/*.npy  or expected[_k]
//   NAME.onnx, NAME.npz, NAME.ref.npz                               or NAME.tflite
//   NAME/model.tflite, NAME/{rand,real}_k/{input_i,output_i}.npy
//   NAME/model.tflite, NAME/input_i.npy, NAME/golden_i.npy
//   NAME.onnx, NAME_output_0.pb                                     every input is one
//
// NAME/model_static.onnx is preferred to model.onnx: the same model with its open dimensions bound.
#pragma once

#include <string>
#include <vector>

#include "frontend/data/tensor_set.h"

namespace mlfc {

struct TestSet {
  std::string name = {};
  std::string inputs = {};         ///< file or folder; empty: every input is one
  std::string inputs_prefix = {};  ///< files of the folder that count
  std::string outputs = {};
  std::string outputs_prefix = {};

  TensorSet read_inputs() const;
  TensorSet read_outputs() const;
};

struct TestCase {
  std::string name = {};
  std::string model = {};
  std::vector<TestSet> sets = {};
};

/// The case at `path` (a model or its folder), or all cases of the tree below it, sorted by name.
/// Fails when there are none.
std::vector<TestCase> find_cases(const std::string& path);

}  // namespace mlfc
