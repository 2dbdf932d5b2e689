// The type of the list in pipeline.cpp.
#pragma once

#include <string>
#include <vector>

namespace mlfc {

struct PipelineStep {
  /// A registered pass, or one of the two steps a target supplies: "schedule", "finish".
  std::string name = {};
};

const std::vector<PipelineStep>& pipeline();

}  // namespace mlfc
