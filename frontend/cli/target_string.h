// What follows `--target`: text ("c -mcpu=cortex-m4"), inline JSON, or the path of a JSON file, as
// tvmc takes them; and the canonical spelling that metadata.json and the generated files carry.
#pragma once

#include <string>
#include <vector>

#include "codegen/target.h"

namespace mlfc {

struct TargetRequest {
  const Target* target = nullptr;
  TargetAttributes attributes = {};  ///< without `keys`
  std::vector<std::string> keys = {};

  /// "c -keys=cpu -mcpu=x"; ends in a blank when there is nothing after the keys.
  std::string canonical() const;
};

TargetRequest parse_target(const std::string& text);
/// Sets one attribute (from `--target-c-mcpu`), after checking that the target has it.
void set_attribute(TargetRequest& request, const std::string& name, const std::string& value);
/// Attributes every target takes, beside those it declares.
const std::vector<std::string>& generic_attributes();

}  // namespace mlfc
