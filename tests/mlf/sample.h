// A small compiled graph and a target that emits it, for tests of the archive alone: no import, no
// passes, no schedules.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codegen/mlf/package.h"
#include "codegen/target.h"
#include "ir/graph.h"

namespace mlfc::sample {

/// Emits the attribute "body" of a node, with parameters i0.. (inputs), o0.. (outputs), s0.. .
const Target& target();

Value& input(Graph& graph, const std::string& name, const Shape& shape, DType dtype = DType::f32);
Value& constant(Graph& graph, const std::string& name, const std::vector<float>& values);
/// A node that runs `body`; its outputs get the given types and no placement.
Node& node(Graph& graph, const std::string& name, std::vector<Value*> inputs,
           const std::vector<std::pair<std::string, Shape>>& outputs, const std::string& body);
void place(Value& value, const std::string& pool, int64_t offset);

struct NetOptions {
  std::string input = "x";
  std::string second_input = "aux/0";
  std::string pool = "global_workspace";
  bool io_in_workspace = false;
};
/// output0 = 2 (x + w) per element, output1 = the sum of aux; two intermediates in one pool.
std::unique_ptr<Graph> net(const NetOptions& options = {});

/// The text of a member; fails the test when there is none.
std::string text_of(const Archive& archive, const std::string& path);
Archive archive_of(const Graph& graph, const PackageOptions& options);
PackageOptions c_interface();

}  // namespace mlfc::sample
