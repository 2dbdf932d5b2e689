// Models of every format the compiler reads, behind one door.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/cli/request.h"
#include "frontend/tflite/import.h"

namespace mlfc {

struct LoadedModel {
  std::unique_ptr<Graph> graph = {};
  /// Names of outputs where the format has ones that users rely on; empty otherwise.
  std::vector<std::string> output_names = {};
  /// Values kept between runs, each an input and an output of the graph.
  std::vector<TfliteState> states = {};
};

/// Imports request.file. The format is what --model-format says, or what the file looks like.
LoadedModel import_model(const Request& request);

/// Names of the inputs of request.file, in order, before anything else of it is looked at.
std::vector<std::string> model_input_names(const Request& request);

/// True for a file that `mlfc run` has to compile first, by its name.
bool is_model_name(const std::string& path);

}  // namespace mlfc
