// What the user asked for, gathered from the command line: shared by every subcommand that compiles
// (compile, run, validate, inspect).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codegen/mlf/package.h"
#include "frontend/cli/arguments.h"
#include "frontend/cli/target_string.h"
#include "frontend/onnx/import.h"
#include "passes/pass.h"
#include "passes/pipeline.h"

namespace mlfc {

struct Request {
  std::string file = {};
  std::string model_format = {};             ///< onnx or tflite; empty: by the file
  std::string tflite_rounding = "twice-up";  ///< --tflite-rounding
  bool real_weights = false;                 ///< of hybrid TFLite models, which are to be quantized
  bool reset_states = false;                 ///< --state reset
  ImportOptions import = {};
  TargetRequest target = {};
  Options options = {};
  PipelineOptions pipeline = {};
  PackageOptions package = {};
  bool chose_constants_form = false;           ///< --constants was given
  std::vector<std::string> dump_formats = {};  ///< --dump-code
  /// Done to the model before the pipeline; empty: nothing. --quantize is such a thing.
  std::function<std::unique_ptr<Graph>(std::unique_ptr<Graph> model)> transform = {};
  bool quiet = false;
  bool verbose = false;
};

/// Options that say how to read a model; compile_options() has them, too.
OptionGroup model_options();
/// Options that say how to compile, by topic.
std::vector<OptionGroup> compile_options();

/// Reads those options; loads plugins and constant inputs on the way. `file` is left empty.
Request parse_request(const Arguments& arguments);

}  // namespace mlfc
