// metadata.json, version 7: what build systems and benchmarks read of an archive. Keys are sorted;
// every number is taken from the packaged model, so that it is the one the code was made with.
#include <ctime>
#include <nlohmann/json.hpp>

#include "codegen/mlf/writers.h"

namespace mlfc {
namespace {

using Json = nlohmann::json;  // keeps keys sorted

constexpr int kCpu = 1;  // DLPack's device type

std::string date_of(int64_t timestamp) {
  const std::time_t seconds = timestamp;
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &utc);
  return text;
}

Json tensors_json(const std::vector<PackagedTensor>& tensors) {
  Json json = Json::object();
  for (const PackagedTensor& tensor : tensors) {
    json[tensor.name] = {{"dtype", info(tensor.value->type.dtype).numpy_name},
                         {"size", tensor.bytes}};
  }
  return json;
}

Json main_json(const PackagedModel& model) {
  return {{"device", kCpu},
          {"workspace_size_bytes", model.workspace_bytes()},
          {"constants_size_bytes", model.constant_bytes()},
          {"io_size_bytes", model.io_bytes()},
          {"inputs", tensors_json(model.inputs)},
          {"outputs", tensors_json(model.outputs)}};
}

// Large temporaries of kernels are planned with everything else and small ones are local variables,
// so no kernel asks for a workspace of its own.
Json operators_json(const PackagedModel& model) {
  Json json = Json::array();
  for (const PackagedKernel& kernel : model.kernels) {
    const Json workspace = {{"device", kCpu}, {"workspace_size_bytes", 0}};
    json.push_back({{"function_name", kernel.symbol}, {"workspace", Json::array({workspace})}});
  }
  return json;
}

Json dependencies_json() {
  return Json::array({{{"short_name", "tvm_standalone_crt"},
                       {"url", "./runtime"},
                       {"url_type", "mlf_path"},
                       {"version_spec", "0.15.0"}}});
}

}  // namespace

std::string metadata_json(const PackagedModel& model) {
  const Json functions = {{"main", Json::array({main_json(model)})},
                          {"operator_functions", operators_json(model)}};
  const Json module = {{"model_name", model.module},
                       {"export_datetime", date_of(model.options.timestamp)},
                       {"executors", Json::array({model.options.executor})},
                       {"style", "full-model"},
                       {"target", Json::array({model.options.target_string})},
                       {"external_dependencies", dependencies_json()},
                       {"memory", {{"functions", functions}}}};
  const Json metadata = {{"version", 7}, {"modules", {{model.module, module}}}};
  // Names come from models and may be any bytes; JSON may not.
  return metadata.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace mlfc
