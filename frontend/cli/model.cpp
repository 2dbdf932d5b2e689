// Chooses the importer for a file and calls it.
#include "frontend/cli/model.h"

#include <filesystem>
#include <fstream>

#include "frontend/data/file.h"
#include "frontend/onnx/import.h"
#include "ir/error.h"

namespace mlfc {
namespace {

bool begins_as_tflite(const std::string& path) {
  char head[8] = {};
  std::ifstream stream(path, std::ios::binary);
  stream.read(head, sizeof(head));
  return stream.gcount() == sizeof(head) && std::string_view(head + 4, 4) == "TFL3";
}

bool is_tflite(const Request& request) {
  if (!request.model_format.empty()) return request.model_format == "tflite";
  const std::filesystem::path extension = std::filesystem::path(request.file).extension();
  return extension == ".tflite" || (extension != ".onnx" && begins_as_tflite(request.file));
}

void check_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) return;
  fail("", "Input file '", path,
       std::filesystem::is_directory(path, error) ? "' is a directory" : "' does not exist");
}

std::string sanitised(std::string name) {
  for (char& c : name) {
    const bool is_kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!is_kept) c = '_';
  }
  return name;
}

TfliteRounding tflite_rounding(const std::string& name) {
  if (name == "once") return TfliteRounding::once;
  return name == "twice-up" ? TfliteRounding::twice_up : TfliteRounding::twice;
}

}  // namespace

LoadedModel import_model(const Request& request) {
  check_file(request.file);
  if (!is_tflite(request)) return {.graph = import_onnx(request.file, request.import)};
  TfliteImport import =
      import_tflite(read_file(request.file), request.file,
                    {.input_shapes = request.import.input_shapes,
                     .constant_inputs = request.import.constant_inputs,
                     .states = request.reset_states ? TfliteStates::reset : TfliteStates::explicit_,
                     .rounding = tflite_rounding(request.tflite_rounding),
                     .real_weights = request.real_weights});
  // As TVM's importer of this format names them.
  for (std::string& name : import.output_names) name = sanitised(name);
  return {std::move(import.graph), std::move(import.output_names), std::move(import.states)};
}

std::vector<std::string> model_input_names(const Request& request) {
  check_file(request.file);
  if (!is_tflite(request)) return onnx_input_names(request.file);
  return tflite_input_names(read_file(request.file), request.file);
}

bool is_model_name(const std::string& path) {
  const std::filesystem::path extension = std::filesystem::path(path).extension();
  return extension == ".onnx" || extension == ".tflite";
}

}  // namespace mlfc
