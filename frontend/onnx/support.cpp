// Lists every operator of a model that the compiler does not have, before anything else is looked
// at: somebody who has to change a model wants the whole list, not the first line of it.
#include <set>

#include "frontend/onnx/model.h"

namespace mlfc {
namespace {

struct Missing {
  int64_t opset = 0;
  std::vector<std::string> nodes = {};
};

class Scan {
 public:
  explicit Scan(const Model& model) : model_(model) {}

  void visit(const NodeProtos& nodes, const Opsets& opsets, int depth) {
    if (depth > max_depth) {
      fail(model_.file, "sub-graphs are nested deeper than ", max_depth, " levels");
    }
    for (const onnx::NodeProto& node : nodes) visit(node, opsets, depth);
  }

  /// Unsupported operators by full name.
  std::map<std::string, Missing> missing = {};

 private:
  void visit(const onnx::NodeProto& node, const Opsets& opsets, int depth) {
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) visit(attribute.g().node(), opsets, depth + 1);
    }
    if (const onnx::FunctionProto* function = find_function(model_, node)) {
      if (visited_functions_.insert(function).second) {
        visit(function->node(), opsets_of(function->opset_import()), depth + 1);
      }
      return;
    }
    const std::string domain = plain_domain(node.domain());
    if (find_onnx_operator(domain, node.op_type()) != nullptr) return;
    Missing& entry = missing[(domain.empty() ? "" : domain + ".") + node.op_type()];
    const auto opset = opsets.find(domain);
    entry.opset = opset == opsets.end() ? 1 : opset->second;
    entry.nodes.push_back(label_of(node));
  }

  const Model& model_;
  std::set<const onnx::FunctionProto*> visited_functions_ = {};
};

std::string list_of(const std::vector<std::string>& nodes) {
  constexpr size_t shown = 10;
  std::string text;
  for (size_t i = 0; i < std::min(nodes.size(), shown); ++i) {
    text += (i > 0 ? ", " : "") + nodes[i];
  }
  if (nodes.size() > shown) text += fmt::format(" and {} more", nodes.size() - shown);
  return text;
}

}  // namespace

void check_support(const Model& model) {
  Scan scan(model);
  scan.visit(model.proto.graph().node(), model.opsets, 0);
  if (scan.missing.empty()) return;
  std::string list;
  for (const auto& [name, entry] : scan.missing) {
    list += fmt::format("{}{} (opset {}) at {}", scan.missing.size() > 1 ? "\n  " : " ", name,
                        entry.opset, list_of(entry.nodes));
  }
  fail(model.file,
       scan.missing.size() > 1 ? fmt::format("{} operators are not supported:", scan.missing.size())
                               : "one operator is not supported:",
       list);
}

}  // namespace mlfc
