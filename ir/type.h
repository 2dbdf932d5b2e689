// Element types, shapes and tensor types: what every value of a program is.
// A tensor type is a dtype, a static shape and, when it is not plain row-major, a layout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/layout.h"

namespace mlfc {

/// `none` is the type of a literal that has not met a typed operand yet.
enum class DType : uint8_t {
  none,
  boolean,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  f16,
  bf16,
  f32,
  f64
};

enum class DTypeKind : uint8_t { none, boolean, signed_integer, unsigned_integer, floating };

/// Everything the compiler knows about an element type; one row of a table per dtype.
struct DTypeInfo {
  DType dtype = DType::none;
  std::string_view name = {};        ///< as printed in our text: f32
  std::string_view numpy_name = {};  ///< as in metadata.json and .npy files: float32
  std::string_view c_name = {};      ///< storage type in generated C: float
  DTypeKind kind = DTypeKind::none;
  int bytes = 0;
};

const DTypeInfo& info(DType dtype);
inline int bytes_of(DType dtype) {
  return info(dtype).bytes;
}
inline bool is_float(DType dtype) {
  return info(dtype).kind == DTypeKind::floating;
}
bool is_integer(DType dtype);  ///< signed or unsigned, not boolean
std::string to_text(DType dtype);

/// By our name (f32) or numpy's (float32); nullopt when there is no such type.
std::optional<DType> dtype_named(std::string_view name);

/// The type arithmetic is done in: f16 and bf16 are storage only and compute in f32.
DType compute_dtype(DType dtype);

using Shape = std::vector<int64_t>;

std::string to_text(const Shape& shape);  ///< [1,8,16,16]

/// Product of the dimensions with overflow checked (a user error above 2^40 elements).
int64_t element_count(const Shape& shape);
/// Strides, in elements, of the dense row-major storage of `shape`.
std::vector<int64_t> row_major_strides(const Shape& shape);

struct TensorType {
  DType dtype = DType::none;
  Shape shape = {};
  /// How logical indices map to storage; absent means dense row-major.
  std::optional<Layout> layout = {};

  int64_t elements() const { return element_count(shape); }
  int rank() const { return static_cast<int>(shape.size()); }
  /// Elements of storage, padding of blocked layouts included (views: what the view spans).
  int64_t storage_elements() const;
  int64_t storage_bytes() const { return storage_elements() * bytes_of(dtype); }
  /// The layout, spelled out also when it is row-major.
  Layout explicit_layout() const;
  /// The same tensor type stored row-major.
  TensorType plain() const { return {dtype, shape, std::nullopt}; }

  bool operator==(const TensorType&) const = default;
};

std::string to_text(const TensorType& type);  ///< f32[1,8,16,16] or f32[1,8,16,16 | a c d b]

}  // namespace mlfc
