// Shared steps of `adopt` hooks: ONNX type numbers, attributes that moved, constants they become.
#include "ir/ops/adopt.h"

#include <map>

namespace mlfc {

std::string place_of(const ForeignNode& node) {
  return concat_text(node.op_type, " node '", node.name, "'");
}

namespace {

const std::map<int64_t, DType>& onnx_dtypes() {
  static const std::map<int64_t, DType> dtypes = {
      {1, DType::f32},  {2, DType::u8},   {3, DType::i8},      {4, DType::u16},  {5, DType::i16},
      {6, DType::i32},  {7, DType::i64},  {9, DType::boolean}, {10, DType::f16}, {11, DType::f64},
      {12, DType::u32}, {13, DType::u64}, {16, DType::bf16}};
  return dtypes;
}

}  // namespace

DType dtype_of_onnx(const ForeignNode& node, int64_t number) {
  const std::map<int64_t, DType>& dtypes = onnx_dtypes();
  const auto found = dtypes.find(number);
  if (found == dtypes.end()) {
    fail(place_of(node), "ONNX element type ", number,
         " is not supported; use booleans, 4 to 64-bit integers, float16, bfloat16, float or "
         "double");
  }
  return found->second;
}

void onnx_dtype_to_text(ForeignNode& node, const std::string& name) {
  const auto attribute = node.attributes.find(name);
  if (attribute == node.attributes.end()) return;
  const auto* number = std::get_if<int64_t>(&attribute->second);
  if (number == nullptr) return;  // already a name
  attribute->second = to_text(dtype_of_onnx(node, *number));
}

void onnx_dtype_to_text_and_bits(ForeignNode& node, const std::string& name) {
  constexpr int64_t uint4 = 21, int4 = 22;
  const int64_t number = foreign_integer(node, name, 0);
  if (number == uint4 || number == int4) {
    node.attributes[name] = to_text(number == int4 ? DType::i8 : DType::u8);
    node.attributes["bits"] = int64_t{4};
    return;
  }
  onnx_dtype_to_text(node, name);
}

bool is_four_bit(const ForeignNode& node, int input) {
  const auto index = static_cast<size_t>(input);
  return index < node.is_four_bit.size() && node.is_four_bit[index];
}

int64_t onnx_dtype_number(DType dtype) {
  for (const auto& [number, row] : onnx_dtypes()) {
    if (row == dtype) return number;
  }
  fail("", "the element type ", dtype, " has no number in ONNX");
}

void text_to_onnx_dtype(ForeignNode& node, const std::string& name) {
  const auto attribute = node.attributes.find(name);
  if (attribute == node.attributes.end()) return;
  const auto* text = std::get_if<std::string>(&attribute->second);
  if (text == nullptr) return;  // already a number
  attribute->second = onnx_dtype_number(dtype_named(*text).value_or(DType::none));
}

int64_t foreign_integer(const ForeignNode& node, const std::string& name, int64_t fallback) {
  const auto attribute = node.attributes.find(name);
  if (attribute == node.attributes.end()) return fallback;
  const auto* number = std::get_if<int64_t>(&attribute->second);
  if (number == nullptr) fail(place_of(node), "attribute '", name, "' must be an integer");
  return *number;
}

void add_constant_input(ForeignNode& node, int input, const std::string& name, Tensor tensor) {
  const std::string base = node.name.empty() ? node.outputs.front() : node.name;
  if (node.inputs.size() <= static_cast<size_t>(input)) node.inputs.resize(input + 1, nullptr);
  node.inputs[input] = &node.graph->add_constant(base + "." + name, std::move(tensor));
}

void drop_attributes(ForeignNode& node, std::initializer_list<const char*> names) {
  for (const char* name : names) node.attributes.erase(name);
}

}  // namespace mlfc
