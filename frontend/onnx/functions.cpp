// Functions that a model brings along (FunctionProto): identity, lookup and the binding of their
// attributes. Their bodies are inlined by nodes.cpp. The protobuf classes of libonnx 1.12 do not
// know the fields that later versions added; those arrive as unknown fields and are read from
// there, by number.
#include <google/protobuf/unknown_field_set.h>

#include "frontend/onnx/model.h"

namespace mlfc {
namespace {

constexpr int node_overload_field = 8;
constexpr int function_overload_field = 13;
constexpr int function_attribute_proto_field = 11;

std::string unknown_text(const google::protobuf::Message& message, int number) {
  const auto& fields = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() == number &&
        field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      return field.length_delimited();
    }
  }
  return "";
}

/// The function's attributes that have a default value.
std::vector<onnx::AttributeProto> default_attributes(const onnx::FunctionProto& function) {
  std::vector<onnx::AttributeProto> defaults;
  const auto& fields = function.GetReflection()->GetUnknownFields(function);
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() != function_attribute_proto_field ||
        field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      continue;
    }
    onnx::AttributeProto attribute;
    if (attribute.ParseFromString(field.length_delimited())) defaults.push_back(attribute);
  }
  return defaults;
}

std::string key_of(const std::string& domain, const std::string& name,
                   const std::string& overload) {
  return plain_domain(domain) + "." + name + (overload.empty() ? "" : ":" + overload);
}

/// Counts nodes with every call replaced by its body, without doing so: functions that call the
/// next one twice have exponentially many.
class NodeCount {
 public:
  explicit NodeCount(const Model& model) : model_(model) {}

  int64_t of(const NodeProtos& nodes) {
    int64_t count = 0;
    for (const onnx::NodeProto& node : nodes) {
      count += 1;
      if (const onnx::FunctionProto* function = find_function(model_, node)) count += of(*function);
      for (const onnx::AttributeProto& attribute : node.attribute()) {
        if (attribute.has_g()) count += of(attribute.g().node());
      }
      if (count > max_nodes) return max_nodes + 1;
    }
    return count;
  }

 private:
  int64_t of(const onnx::FunctionProto& function) {
    const auto [entry, is_new] = known_.emplace(&function, 0);  // 0 while in progress: a recursion,
    if (is_new) {                                               // which inlining refuses
      const int64_t count = of(function.node());
      known_[&function] = count;
      return count;
    }
    return entry->second;
  }

  const Model& model_;
  std::map<const onnx::FunctionProto*, int64_t> known_ = {};
};

}  // namespace

void check_node_count(const Model& model) {
  if (NodeCount(model).of(model.proto.graph().node()) > max_nodes) {
    fail(model.file, "the model has more than ", max_nodes, " nodes");
  }
}

std::string function_key(const onnx::NodeProto& node) {
  return key_of(node.domain(), node.op_type(), unknown_text(node, node_overload_field));
}

std::string function_key(const onnx::FunctionProto& function) {
  return key_of(function.domain(), function.name(),
                unknown_text(function, function_overload_field));
}

const onnx::FunctionProto* find_function(const Model& model, const onnx::NodeProto& node) {
  if (model.functions.empty()) return nullptr;
  const auto found = model.functions.find(function_key(node));
  return found == model.functions.end() ? nullptr : found->second;
}

std::map<std::string, onnx::AttributeProto> bind_attributes(const Model& model,
                                                            const onnx::NodeProto& call,
                                                            const onnx::FunctionProto& function,
                                                            const Scope& scope) {
  std::map<std::string, onnx::AttributeProto> bound;
  for (const onnx::AttributeProto& given : call.attribute()) {
    const onnx::AttributeProto* attribute = resolved(given, scope);
    if (attribute == nullptr) continue;
    if (attribute->has_g()) {
      fail(place_of(model, call),
           "passes a sub-graph to a function of the model, which is not "
           "supported; inline the function before exporting");
    }
    onnx::AttributeProto copy = *attribute;
    copy.set_name(given.name());
    bound[given.name()] = copy;
  }
  for (const onnx::AttributeProto& attribute : default_attributes(function)) {
    bound.emplace(attribute.name(), attribute);
  }
  return bound;
}

}  // namespace mlfc
