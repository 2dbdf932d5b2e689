// Element type conversion, by name or to the type of another value.
#include "ir/ops/adopt.h"
#include "ir/ops/convert.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer_cast(const Node& node) {
  const std::optional<DType> dtype = dtype_named(node.text("to"));
  if (!dtype || *dtype == DType::none) {
    fail(node, "'to' is '", node.text("to"), "', which is no element type");
  }
  check_bits(node, *dtype);
  return {{*dtype, node.input(0).type.shape}};
}

std::vector<TensorType> infer_cast_like(const Node& node) {
  return {{node.input(1).type.dtype, node.input(0).type.shape}};
}

/// The number that the low `bits` bits of an integer stand for.
Expr low_bits(const Expr& value, int64_t bits, bool has_sign) {
  const int64_t count = int64_t{1} << bits;
  const int64_t shift = has_sign ? count / 2 : 0;
  return floor_mod(value + Expr(shift), Expr(count)) - Expr(shift);
}

Expr convert(const Node& node, const std::vector<Expr>& x) {
  const DType dtype = node.output().type.dtype;
  const int64_t bits = node.integer("bits");
  if (bits == 0) return converted_expr(dtype, x[0]);
  const bool has_sign = info(dtype).kind == DTypeKind::signed_integer;
  return cast_expr(dtype, low_bits(converted_expr(DType::i32, x[0]), bits, has_sign));
}

Kernel kernel_cast(const Node& node) {
  return elementwise_kernel(node, convert);
}

void adopt_cast(ForeignNode& node) {
  onnx_dtype_to_text_and_bits(node, "to");
  drop_attributes(node, {"saturate", "round_mode"});  // about 8-bit floats, which we do not have
}

void offer_cast(ForeignNode& node) {
  if (foreign_integer(node, "bits", 0) == 4) fail(place_of(node), "4 bits cannot be written yet");
  node.attributes.erase("bits");
  text_to_onnx_dtype(node, "to");
}

void adopt_cast_like(ForeignNode& node) {
  drop_attributes(node, {"saturate", "round_mode"});
  if (is_four_bit(node, 1)) node.attributes["bits"] = int64_t{4};
}

/// A cast to the type that the other operand, otherwise unused, has.
std::vector<Value*> expand_cast_like(Expansion& expansion) {
  const Node& node = expansion.node();
  const std::string to = to_text(node.output().type.dtype);
  return {&expansion.add("cast", {node.inputs[0]}, {{"to", to}, {"bits", node.integer("bits")}})};
}

const Operator cast{
    .name = "cast",
    .summary = "Converts every element to another type.",
    .onnx = {"Cast"},
    .inputs = {"x"},
    .attributes = {required(text("to", "f32")), integer("bits", 0)},
    .adopt = adopt_cast,
    .offer = offer_cast,
    .infer = infer_cast,
    .kernel = kernel_cast,
};
const RegisteredOperator registered_cast{cast};

const Operator cast_like{
    .name = "cast_like",
    .summary = "Converts every element to the type of another value.",
    .onnx = {"CastLike"},
    .onnx_opset = 15,
    .inputs = {"x", "like"},
    .attributes = {integer("bits", 0)},
    .adopt = adopt_cast_like,
    .infer = infer_cast_like,
    .expand = expand_cast_like,
};
const RegisteredOperator registered_cast_like{cast_like};

}  // namespace
}  // namespace mlfc
