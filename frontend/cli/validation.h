// One test case: bind what its data says about the model, compile, run every set, compare.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "frontend/cli/cases.h"
#include "frontend/cli/device.h"
#include "frontend/data/compare.h"

namespace mlfc {

enum class Verdict : uint8_t { passed, failed, refused };

struct CaseResult {
  Verdict verdict = Verdict::passed;
  std::string message = {};  ///< why not passed; one line
  double max_absolute = 0;
  double max_relative = 0;
  int sets = 0;
  /// Inputs that operators need at compile time; they were fixed to the values of the test data.
  std::vector<std::string> constants = {};
  std::string deviating_layer = {};  ///< with ValidationOptions::per_layer
};

struct ValidationOptions {
  Request request = {};
  DeviceRequest device = {};
  Tolerance tolerance = {};
  bool per_layer = false;
};

/// Never throws what a model, a file or a compiler bug causes: it becomes the verdict.
CaseResult validate_case(const TestCase& test, const ValidationOptions& options);

nlohmann::json to_json(const CaseResult& result);
CaseResult result_from_json(const nlohmann::json& json);
std::string to_text(Verdict verdict);

}  // namespace mlfc
