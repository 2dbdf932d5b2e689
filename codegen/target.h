// A target turns a planned graph of loops into source text. It lives in one folder of codegen/ and
// registers itself by the kind that `--target` names. Packaging (codegen/mlf) asks only this.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/machine.h"
#include "passes/pipeline.h"

namespace mlfc {

/// Attributes of `--target "c -mcpu=cortex-m4 -keys=cpu"` by name.
using TargetAttributes = std::map<std::string, std::string>;

/// One C function per node that runs, ready to be placed into a file.
struct EmittedFunction {
  std::string name = {};     ///< without module prefix: fused_nn_conv2d_add_relu
  std::string comment = {};  ///< the model's nodes it computes, and its kernel text
  /// Parameters in C, inputs then outputs: {"const float* restrict", "p0"} ...
  struct Parameter {
    std::string type = {};
    std::string name = {};
    const Value* value = nullptr;
    bool is_output = false;
  };
  std::vector<Parameter> parameters = {};
  std::string body = {};                  ///< statements between the braces, two-space indented
  std::vector<std::string> helpers = {};  ///< complete C of static helper functions it needs
  bool needs_math = false;                ///< calls libm
  /// Rounds reals to integers, so that a product contracted with a sum could change a result.
  bool rounds_reals = false;
  const Node* node = nullptr;
};

struct Target {
  std::string name = {};  ///< "c"
  std::string summary = {};
  std::vector<std::string> attributes =
      {};  ///< accepted in --target, beyond keys, device, model ...
  Machine (*machine)(const TargetAttributes& attributes) = nullptr;
  Schedule (*schedule)(const Kernel& kernel, const Machine& machine) = nullptr;
  void (*finish)(Graph& graph, const Machine& machine) = nullptr;  ///< may be null
  EmittedFunction (*emit)(const Node& node, const Machine& machine) = nullptr;
};

const Target* find_target(std::string_view name);
std::vector<const Target*> targets();

struct RegisteredTarget {
  explicit RegisteredTarget(const Target& target);
};

}  // namespace mlfc
