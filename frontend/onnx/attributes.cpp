// Attributes from protobuf to the neutral variants of ir/graph.h, and their comparison with what
// the operator declares.
#include "frontend/onnx/model.h"
#include "frontend/onnx/tensor_data.h"

namespace mlfc {
namespace {

using Proto = onnx::AttributeProto;

/// Models before IR version 2 leave the type out; the field that is filled tells it.
Proto::AttributeType type_of(const Proto& attribute) {
  if (attribute.type() != Proto::UNDEFINED) return attribute.type();
  if (attribute.has_f()) return Proto::FLOAT;
  if (attribute.has_i()) return Proto::INT;
  if (attribute.has_s()) return Proto::STRING;
  if (attribute.has_t()) return Proto::TENSOR;
  if (attribute.has_g()) return Proto::GRAPH;
  if (attribute.floats_size() > 0) return Proto::FLOATS;
  if (attribute.ints_size() > 0) return Proto::INTS;
  if (attribute.strings_size() > 0) return Proto::STRINGS;
  return Proto::UNDEFINED;
}

Attribute convert(const Proto& attribute, const std::string& folder, const std::string& where) {
  switch (type_of(attribute)) {
    case Proto::FLOAT:
      return static_cast<double>(attribute.f());
    case Proto::INT:
      return static_cast<int64_t>(attribute.i());
    case Proto::STRING:
      return attribute.s();
    case Proto::TENSOR:
      return to_tensor(attribute.t(), folder, where);
    case Proto::SPARSE_TENSOR:
      return to_tensor(attribute.sparse_tensor(), folder, where);
    case Proto::FLOATS:
      return std::vector<double>(attribute.floats().begin(), attribute.floats().end());
    case Proto::INTS:
      return std::vector<int64_t>(attribute.ints().begin(), attribute.ints().end());
    case Proto::STRINGS:
      return std::vector<std::string>(attribute.strings().begin(), attribute.strings().end());
    default:
      fail(where, "has a type of value that is not supported (number ",
           static_cast<int>(attribute.type()), ")");
  }
}

const char* kind_name(const Attribute& attribute) {
  constexpr const char* names[] = {"an integer",   "a real number", "a text",  "integers",
                                   "real numbers", "texts",         "a tensor"};
  return names[attribute.index()];
}

const AttributeSpec* find_spec(const Operator& op, const std::string& name) {
  for (const AttributeSpec& spec : op.attributes) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

/// An empty list carries no type of its own in some exporters' files, and integers are acceptable
/// where reals are declared.
void harmonise(Attribute& value, const Attribute& declared) {
  if (std::holds_alternative<double>(declared)) {
    if (const auto* whole = std::get_if<int64_t>(&value)) value = static_cast<double>(*whole);
  } else if (std::holds_alternative<std::vector<double>>(declared)) {
    if (const auto* whole = std::get_if<std::vector<int64_t>>(&value)) {
      value = std::vector<double>(whole->begin(), whole->end());
    }
  } else if (std::holds_alternative<std::vector<int64_t>>(declared)) {
    const auto* reals = std::get_if<std::vector<double>>(&value);
    if (reals != nullptr && reals->empty()) value = std::vector<int64_t>{};
  }
}

std::string declared_names(const Operator& op) {
  std::string names;
  for (const AttributeSpec& spec : op.attributes) names += (names.empty() ? "" : ", ") + spec.name;
  return names.empty() ? "none" : names;
}

}  // namespace

const onnx::AttributeProto* resolved(const Proto& attribute, const Scope& scope) {
  if (attribute.ref_attr_name().empty()) return &attribute;
  if (scope.bound == nullptr) return nullptr;
  const auto found = scope.bound->find(attribute.ref_attr_name());
  return found == scope.bound->end() ? nullptr : &found->second;
}

Attributes convert_attributes(const onnx::NodeProto& node, const Model& model, const Scope& scope) {
  Attributes attributes;
  for (const Proto& given : node.attribute()) {
    const Proto* attribute = resolved(given, scope);
    if (attribute == nullptr || attribute->has_g()) continue;
    const std::string where = place_of(model, node) + ": attribute '" + given.name() + "'";
    const bool is_new =
        attributes.emplace(given.name(), convert(*attribute, model.options.folder, where)).second;
    if (!is_new) fail(where, "is given twice");
  }
  return attributes;
}

void check_attributes(const ForeignNode& node, const Operator& op, Attributes& attributes,
                      const std::string& where) {
  for (auto& [name, value] : attributes) {
    const AttributeSpec* spec = find_spec(op, name);
    if (spec == nullptr) {
      fail(where, "attribute '", name, "' is not supported for ", node.op_type, " at opset ",
           node.opset, " (known: ", declared_names(op), "); export the model without it");
    }
    harmonise(value, spec->fallback);
    if (value.index() != spec->fallback.index()) {
      fail(where, "attribute '", name, "' must be ", kind_name(spec->fallback), " but is ",
           kind_name(value));
    }
  }
  for (const AttributeSpec& spec : op.attributes) {
    if (spec.required && !attributes.contains(spec.name)) {
      fail(where, "attribute '", spec.name, "' is missing");
    }
  }
}

}  // namespace mlfc
