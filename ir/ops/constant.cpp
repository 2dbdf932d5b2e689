// Values that are known before anything runs: literals of the model and facts about shapes.
#include <algorithm>

#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

// --- constant -------------------------------------------------------------------------------

/// ONNX spells the value in one of several attributes; ours is always the tensor.
void adopt_constant(ForeignNode& node) {
  const auto take = [&](const char* name) -> std::optional<Attribute> {
    const auto found = node.attributes.find(name);
    if (found == node.attributes.end()) return std::nullopt;
    Attribute attribute = found->second;
    node.attributes.erase(found);
    return attribute;
  };
  if (const auto number = take("value_int")) {
    Tensor scalar({DType::i64, {}});
    scalar.set_integer(0, std::get<int64_t>(*number));
    node.attributes["value"] = scalar;
  } else if (const auto real = take("value_float")) {
    node.attributes["value"] = tensor_of(DType::f32, {}, {std::get<double>(*real)});
  } else if (const auto numbers = take("value_ints")) {
    node.attributes["value"] = integer_tensor(std::get<std::vector<int64_t>>(*numbers));
  } else if (const auto reals = take("value_floats")) {
    const auto& values = std::get<std::vector<double>>(*reals);
    node.attributes["value"] = tensor_of(DType::f32, {static_cast<int64_t>(values.size())}, values);
  }
}

std::vector<Tensor> constant_value(const Node& node) {
  return {node.tensor("value")};
}

std::vector<TensorType> infer_constant(const Node& node) {
  return {node.tensor("value").type};
}

/// Every operator here has a `fold`, which says all there is to say.
std::vector<Value*> expand_folded(Expansion& expansion) {
  const Node& node = expansion.node();
  return {&expansion.constant(node.op->fold(node).front())};
}

const Operator constant{
    .name = "constant",
    .summary = "A tensor written in the model.",
    .onnx = {"Constant"},
    .inputs = {},
    .attributes = {required({.name = "value", .fallback = Tensor()})},
    .adopt = adopt_constant,
    .infer = infer_constant,
    .fold = constant_value,
    .expand = expand_folded,
};
const RegisteredOperator registered_constant{constant};

// --- shape and size -------------------------------------------------------------------------

std::vector<Tensor> shape_value(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const auto rank = static_cast<int64_t>(shape.size());
  const auto limited = [&](int64_t place) {
    return std::clamp<int64_t>(place < 0 ? place + rank : place, 0, rank);
  };
  const int64_t first = limited(node.integer("start"));
  const int64_t end = node.has("end") ? limited(node.integer("end")) : rank;
  if (end <= first) return {integer_tensor({})};
  return {integer_tensor({shape.begin() + first, shape.begin() + end})};
}

std::vector<Tensor> size_value(const Node& node) {
  Tensor size({DType::i64, {}});
  size.set_integer(0, node.input(0).type.elements());
  return {size};
}

std::vector<TensorType> infer_folded(const Node& node) {
  return {node.op->fold(node).front().type};
}

const Operator shape{
    .name = "shape",
    .summary = "The dimensions of a tensor.",
    .onnx = {"Shape"},
    .onnx_opset = 15,
    .inputs = {"x"},
    .attributes = {integer("start", 0), integer("end", 0)},
    .infer = infer_folded,
    .fold = shape_value,
    .expand = expand_folded,
};
const RegisteredOperator registered_shape{shape};

const Operator size{
    .name = "size",
    .summary = "The number of elements of a tensor.",
    .onnx = {"Size"},
    .inputs = {"x"},
    .infer = infer_folded,
    .fold = size_value,
    .expand = expand_folded,
};
const RegisteredOperator registered_size{size};

}  // namespace
}  // namespace mlfc
