// Element types as a table, and shape arithmetic with overflow checked.
#include "ir/type.h"

#include <array>

#include "ir/error.h"

namespace mlfc {
namespace {

constexpr auto kTypes = std::to_array<DTypeInfo>({
    {DType::none, "none", "", "", DTypeKind::none, 0},
    {DType::boolean, "bool", "bool", "uint8_t", DTypeKind::boolean, 1},
    {DType::i8, "i8", "int8", "int8_t", DTypeKind::signed_integer, 1},
    {DType::i16, "i16", "int16", "int16_t", DTypeKind::signed_integer, 2},
    {DType::i32, "i32", "int32", "int32_t", DTypeKind::signed_integer, 4},
    {DType::i64, "i64", "int64", "int64_t", DTypeKind::signed_integer, 8},
    {DType::u8, "u8", "uint8", "uint8_t", DTypeKind::unsigned_integer, 1},
    {DType::u16, "u16", "uint16", "uint16_t", DTypeKind::unsigned_integer, 2},
    {DType::u32, "u32", "uint32", "uint32_t", DTypeKind::unsigned_integer, 4},
    {DType::u64, "u64", "uint64", "uint64_t", DTypeKind::unsigned_integer, 8},
    {DType::f16, "f16", "float16", "uint16_t", DTypeKind::floating, 2},
    {DType::bf16, "bf16", "bfloat16", "uint16_t", DTypeKind::floating, 2},
    {DType::f32, "f32", "float32", "float", DTypeKind::floating, 4},
    {DType::f64, "f64", "float64", "double", DTypeKind::floating, 8},
});

constexpr int64_t kMostElements = int64_t{1} << 40;

}  // namespace

const DTypeInfo& info(DType dtype) {
  return kTypes.at(static_cast<size_t>(dtype));
}

bool is_integer(DType dtype) {
  const DTypeKind kind = info(dtype).kind;
  return kind == DTypeKind::signed_integer || kind == DTypeKind::unsigned_integer;
}

std::string to_text(DType dtype) {
  return std::string(info(dtype).name);
}

std::optional<DType> dtype_named(std::string_view name) {
  for (const DTypeInfo& row : kTypes) {
    if (row.dtype != DType::none && (row.name == name || row.numpy_name == name)) return row.dtype;
  }
  return std::nullopt;
}

DType compute_dtype(DType dtype) {
  return dtype == DType::f16 || dtype == DType::bf16 ? DType::f32 : dtype;
}

std::string to_text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 0) fail("", "shape ", shape, " has a negative dimension");
    const bool overflows = extent > kMostElements || (extent > 0 && count > kMostElements / extent);
    if (overflows) fail("", "shape ", shape, " has more than 2^40 elements");
    count *= extent;
  }
  return count;
}

std::vector<int64_t> row_major_strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

int64_t TensorType::storage_elements() const {
  return layout ? layout->span() : element_count(shape);
}

Layout TensorType::explicit_layout() const {
  return layout ? *layout : Layout::row_major(shape);
}

std::string to_text(const TensorType& type) {
  std::string text = to_text(type.dtype);
  text += fmt::format("[{}", fmt::join(type.shape, ","));
  if (type.layout) text += " | " + to_text(*type.layout);
  return text + "]";
}

}  // namespace mlfc
