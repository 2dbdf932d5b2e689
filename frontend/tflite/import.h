// Reads TensorFlow Lite models: flatbuffer in, Graph out. What an operator means is said by its
// rule (rule.h, ops/); this folder's own code names none. Tensors of the format are channels-last;
// the operators of the graph are channels-first with transposes around them, which later passes
// turn into a choice of layout.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace mlfc {

/// What becomes of values that a model keeps from one run to the next.
enum class TfliteStates : uint8_t {
  explicit_,  ///< an input and an output each: the caller keeps them
  reset,      ///< every run starts from their initial values
};

/// How fixed-point products are rounded. Kernels of TensorFlow Lite differ in it by processor and
/// version; most round the product to 32 bits and then the division by a power of two.
enum class TfliteRounding : uint8_t {
  twice,  ///< reference kernels, on small machines, too: the second time halves go away from zero
  twice_up,  ///< the same, but in products of matrices halves always go up: the optimised kernels
  once,      ///< halves up: builds for single rounding
};

struct TfliteImportOptions {
  /// Shapes of inputs by name, where the model leaves dimensions open.
  std::map<std::string, Shape> input_shapes = {};
  /// Inputs that are known at compile time: they become constants and are no inputs any more.
  std::map<std::string, Tensor> constant_inputs = {};
  TfliteStates states = TfliteStates::explicit_;
  TfliteRounding rounding = TfliteRounding::twice_up;
  /// Integer weights beside real activations become reals, for whoever quantizes the model anew;
  /// otherwise the activations are quantized as they come.
  bool real_weights = false;
};

/// A value that the model keeps: hand `initial` to graph input `input` in the first run, and what
/// the graph's output `output` said in every later one.
struct TfliteState {
  std::string input = {};
  std::string output = {};
  Tensor initial = {};
};

struct TfliteImport {
  std::unique_ptr<Graph> graph = {};
  std::vector<std::string> output_names = {};  ///< as the model calls them, states' included
  std::vector<TfliteState> states = {};
};

/// Converts the bytes of a file; `file` stands for it in messages. Whatever is wrong is a UserError
/// that names the place in the model.
TfliteImport import_tflite(std::string bytes, const std::string& file,
                           const TfliteImportOptions& options = {});

/// Names of the model's inputs in order; operators are not looked at.
std::vector<std::string> tflite_input_names(std::string bytes, const std::string& file);

}  // namespace mlfc
