// Tensor data: element access in every dtype, small-float conversions, repacking between layouts.
#include "ir/tensor.h"

#include <bit>
#include <cmath>
#include <limits>

#include "ir/error.h"

namespace mlfc {
namespace {

// Calls `use` with a value of the C++ type that stores `dtype` (bits of it for the small floats).
template <typename Use>
auto with_storage(DType dtype, Use&& use) {
  switch (dtype) {
    case DType::i8:
      return use(int8_t{});
    case DType::i16:
      return use(int16_t{});
    case DType::i32:
      return use(int32_t{});
    case DType::i64:
      return use(int64_t{});
    case DType::boolean:
    case DType::u8:
      return use(uint8_t{});
    case DType::u16:
      return use(uint16_t{});
    case DType::u32:
      return use(uint32_t{});
    case DType::u64:
      return use(uint64_t{});
    case DType::f32:
      return use(float{});
    case DType::f64:
      return use(double{});
    case DType::f16:
    case DType::bf16:
      return use(uint16_t{});
    case DType::none:
      break;
  }
  throw InternalError("a tensor without dtype has no elements");
}

template <typename T>
T load(const Tensor& tensor, int64_t place) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + static_cast<size_t>(place) * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void store(Tensor& tensor, int64_t place, T value) {
  std::memcpy(tensor.bytes.data() + static_cast<size_t>(place) * sizeof(T), &value, sizeof(T));
}

// Out-of-range reals have no integer; clamping keeps the conversion defined on every machine.
int64_t real_to_integer(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 9223372036854775807.0) return std::numeric_limits<int64_t>::max();
  if (value <= -9223372036854775808.0) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

// Advances a logical index in row-major order; false after the last one.
bool advance(std::vector<int64_t>& index, const Shape& shape) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (++index[axis] < shape[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

}  // namespace

Tensor::Tensor(TensorType tensor_type) : type(std::move(tensor_type)) {
  bytes.resize(static_cast<size_t>(type.storage_bytes()));
}

double Tensor::real(int64_t place) const {
  if (type.dtype == DType::f16) return half_to_float(load<uint16_t>(*this, place));
  if (type.dtype == DType::bf16) return bfloat_to_float(load<uint16_t>(*this, place));
  return with_storage(type.dtype, [&](auto kind) {
    return static_cast<double>(load<decltype(kind)>(*this, place));
  });
}

int64_t Tensor::integer(int64_t place) const {
  if (is_float(type.dtype)) return real_to_integer(real(place));
  return with_storage(type.dtype, [&](auto kind) {
    return static_cast<int64_t>(load<decltype(kind)>(*this, place));
  });
}

void Tensor::set_real(int64_t place, double value) {
  switch (type.dtype) {
    case DType::f16:
      return store(*this, place, float_to_half(static_cast<float>(value)));
    case DType::bf16:
      return store(*this, place, float_to_bfloat(static_cast<float>(value)));
    case DType::f32:
      return store(*this, place, static_cast<float>(value));
    case DType::f64:
      return store(*this, place, value);
    default:
      return set_integer(place, real_to_integer(value));
  }
}

void Tensor::set_integer(int64_t place, int64_t value) {
  if (is_float(type.dtype)) return set_real(place, static_cast<double>(value));
  if (type.dtype == DType::boolean) value = value != 0;
  with_storage(type.dtype, [&](auto kind) {
    store(*this, place, static_cast<decltype(kind)>(value));
    return 0;
  });
}

std::vector<int64_t> Tensor::integers() const {
  check(!type.layout, "integers() wants a row-major tensor");
  check(!is_float(type.dtype), "integers() of a ", type.dtype, " tensor");
  std::vector<int64_t> values(static_cast<size_t>(type.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = integer(static_cast<int64_t>(i));
  return values;
}

Tensor integer_tensor(const std::vector<int64_t>& values) {
  Tensor tensor(TensorType{DType::i64, {static_cast<int64_t>(values.size())}, {}});
  for (size_t i = 0; i < values.size(); ++i) tensor.set_integer(static_cast<int64_t>(i), values[i]);
  return tensor;
}

Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<double>& values) {
  Tensor tensor(TensorType{dtype, shape, {}});
  check(static_cast<int64_t>(values.size()) == tensor.type.elements(), "tensor_of: ", values.size(),
        " values for shape ", shape);
  for (size_t i = 0; i < values.size(); ++i) tensor.set_real(static_cast<int64_t>(i), values[i]);
  return tensor;
}

Tensor splat(const TensorType& type, double value) {
  Tensor tensor(type);
  for (int64_t i = 0; i < type.storage_elements(); ++i) tensor.set_real(i, value);
  return tensor;
}

Tensor repacked(const Tensor& tensor, const TensorType& type) {
  check(tensor.type.shape == type.shape && tensor.type.dtype == type.dtype, "repacking ",
        tensor.type, " as ", type);
  if (tensor.type == type) return tensor;
  Tensor result(type);
  if (type.elements() == 0) return result;
  const Layout from = tensor.type.explicit_layout();
  const Layout to = type.explicit_layout();
  const auto bytes = static_cast<size_t>(bytes_of(type.dtype));
  std::vector<int64_t> index(type.shape.size(), 0);
  do {
    std::memcpy(result.bytes.data() + static_cast<size_t>(to.place(index)) * bytes,
                tensor.bytes.data() + static_cast<size_t>(from.place(index)) * bytes, bytes);
  } while (advance(index, type.shape));
  return result;
}

Tensor reshaped(Tensor tensor, const Shape& shape) {
  check(!tensor.type.layout, "reshaping a tensor that is not row-major");
  check(element_count(shape) == tensor.type.elements(), "reshaping ", tensor.type, " to ", shape);
  tensor.type.shape = shape;
  return tensor;
}

Tensor converted(const Tensor& tensor, DType dtype) {
  if (tensor.type.dtype == dtype) return tensor;
  Tensor result(TensorType{dtype, tensor.type.shape, tensor.type.layout});
  const bool through_integers = !is_float(tensor.type.dtype) && !is_float(dtype);
  for (int64_t i = 0; i < tensor.type.storage_elements(); ++i) {
    if (dtype == DType::boolean) {
      result.set_integer(i, tensor.real(i) != 0);
    } else if (through_integers) {
      result.set_integer(i, tensor.integer(i));
    } else {
      result.set_real(i, tensor.real(i));
    }
  }
  return result;
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1FU;
  const uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float subnormal = static_cast<float>(mantissa) * 0x1p-24F;
  return sign != 0 ? -subnormal : subnormal;
}

uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<uint16_t>(sign | 0x7E00U);
  if (magnitude >= 0x477FF000U) return static_cast<uint16_t>(sign | 0x7C00U);  // rounds to infinity
  if (magnitude < 0x38800000U) {  // subnormal half: the FPU rounds multiples of 2^-24 for us
    const float scaled = std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24F);
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(scaled));
  }
  const uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

float bfloat_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t float_to_bfloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40U);
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace mlfc
