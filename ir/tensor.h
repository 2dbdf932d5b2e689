// Tensors with data: constants of the graph, inputs and outputs of the interpreter, test data.
// The bytes follow the type's layout; everything that computes on tensors wants them row-major.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "ir/type.h"

namespace mlfc {

struct Tensor {
  TensorType type = {};
  std::vector<std::byte> bytes = {};

  Tensor() = default;
  /// Zero-filled storage for `type`.
  explicit Tensor(TensorType type);

  template <typename T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  /// Element `place` (storage order) converted to double / int64; any dtype.
  double real(int64_t place) const;
  int64_t integer(int64_t place) const;
  /// Stores with the dtype's own rounding (f16, f32: to nearest even; integers wrap).
  void set_real(int64_t place, double value);
  void set_integer(int64_t place, int64_t value);

  /// The values of an integer tensor (any integer dtype or boolean) in logical order.
  std::vector<int64_t> integers() const;

  bool operator==(const Tensor&) const = default;
};

Tensor integer_tensor(const std::vector<int64_t>& values);  ///< i64, rank 1
Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<double>& values);
Tensor splat(const TensorType& type, double value);

/// The same values stored in another layout (padding is zero).
Tensor repacked(const Tensor& tensor, const TensorType& type);
/// The same bytes under another shape of equally many elements; row-major only.
Tensor reshaped(Tensor tensor, const Shape& shape);
/// Every element converted: real to integer truncates, to boolean is `!= 0`, floats round to even.
Tensor converted(const Tensor& tensor, DType dtype);

/// Bit patterns of the small floats.
float half_to_float(uint16_t bits);
uint16_t float_to_half(float value);
float bfloat_to_float(uint16_t bits);
uint16_t float_to_bfloat(float value);

}  // namespace mlfc
