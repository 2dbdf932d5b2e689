// A TensorFlow Lite model as plain structs: what read.cpp makes of a file, and all that the rest of
// this folder sees. Everything in it is verified: indices lie in range, buffers are as large as
// shapes and types say, names of options and enumeration values are known or spelled as numbers.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

/// real = scale * (stored - zero_point). One scale for the whole tensor, or one for each slice
/// along `axis`. No scales: the numbers are what they are.
struct TfliteQuantization {
  std::vector<float> scales = {};
  std::vector<int64_t> zero_points = {};  ///< as many as scales
  int axis = 0;

  bool empty() const { return scales.empty(); }
  bool per_axis() const { return scales.size() > 1; }
  /// Of the whole tensor; fails unless there is exactly one.
  float scale() const;
  int64_t zero_point() const;
  bool operator==(const TfliteQuantization&) const = default;
};

struct TfliteTensor {
  std::string name = {};
  DType dtype = DType::none;   ///< none: RESOURCE and what else is no number; see type_name
  std::string type_name = {};  ///< TFLite's: "INT8"; INT4 is stored and given as i8
  Shape shape = {};
  std::vector<bool> is_open = {};  ///< per dimension: its size is only an example
  TfliteQuantization quantization = {};
  bool is_variable = false;
  bool is_constant = false;
  std::span<const std::byte> data = {};  ///< the bytes of a constant, inside the file
};

struct TfliteOperator {
  std::string name = {};  ///< "CONV_2D"; of a custom operator its own name
  bool is_custom = false;
  int64_t version = 1;
  std::vector<int> inputs = {};  ///< indices of tensors; -1 where absent
  std::vector<int> outputs = {};
  std::vector<int> intermediates = {};
  /// Options by their names in the format, those the file states; enumerations by the name of their
  /// value: {"padding", "SAME"}, {"stride_w", 2}.
  Attributes options = {};
  std::span<const std::byte> custom_options = {};
};

struct TfliteSubgraph {
  std::string name = {};
  std::vector<TfliteTensor> tensors = {};
  std::vector<int> inputs = {};
  std::vector<int> outputs = {};
  std::vector<TfliteOperator> operators = {};
};

struct TfliteModel {
  TfliteModel() = default;
  TfliteModel(const TfliteModel&) = delete;
  TfliteModel(TfliteModel&&) = default;

  std::string file = {};                       ///< how messages name the model
  std::string bytes = {};                      ///< the file; spans above point into it
  std::vector<TfliteSubgraph> subgraphs = {};  ///< at least one; the first is the model
};

/// Our type for one of TFLite's by its name ("INT8"); none for those that are no numbers.
DType dtype_of_tflite(const std::string& type_name);

/// Verifies and takes apart the bytes of a file; a UserError names what is wrong with it.
TfliteModel read_tflite(std::string bytes, const std::string& file);

}  // namespace mlfc
