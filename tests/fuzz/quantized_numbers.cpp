// See the header.
#include "tests/fuzz/quantized_numbers.h"

#include <algorithm>
#include <cmath>

#include "ir/value_range.h"

namespace mlfc::fuzz {
namespace {

constexpr int64_t kMostElements = 4000;

}  // namespace

int64_t size_of(const Shape& shape, size_t from) {
  int64_t size = 1;
  for (size_t i = from; i < shape.size(); ++i) size *= shape[i];
  return size;
}

DType QuantizedNumbers::random_dtype() {
  return one_of(std::array{DType::u8, DType::u8, DType::u8, DType::i8, DType::i8, DType::i8,
                           DType::i8, DType::i16, DType::u16});
}

int64_t QuantizedNumbers::random_zero(DType dtype) {
  const Range range = *dtype_range(dtype);
  switch (below(5)) {
    case 0:
      return 0;
    case 1:
      return range.first;
    case 2:
      return range.last;
    case 3:
      return (range.first + range.last + 1) / 2;
    default:
      return between(range.first, range.last);
  }
}

double QuantizedNumbers::random_scale(DType dtype, double magnitude) {
  const Range range = *dtype_range(dtype);
  const double exact = 2 * magnitude / static_cast<double>(range.last - range.first);
  const double scale = exact * std::exp2(static_cast<double>(between(-150, 100)) / 100);
  const double power = std::exp2(std::round(std::log2(scale)));
  return static_cast<float>(chance(4) ? power : scale);
}

std::string QuantizedNumbers::scalar(double value) {
  return constant(number(value), {DType::f32, {}, {}});
}
std::string QuantizedNumbers::scalar(int64_t value, DType dtype) {
  return constant(fmt::format("{}", value), {dtype, {}, {}});
}

std::string QuantizedNumbers::integer_list(DType dtype, const Shape& shape) {
  const Range range = *dtype_range(dtype);
  const int64_t count = size_of(shape, 0);
  if (count > 2000) return constant(fmt::format("random({})", below(1000)), {dtype, shape, {}});
  const bool extremes = chance(6);
  const bool small = chance(3);
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < count; ++i) {
    int64_t value = between(range.first, range.last);
    if (extremes) value = chance(8) ? range.last : range.first;
    if (small) value = std::max(between(-8, 7), range.first);  // four bits
    numbers.push_back(value);
  }
  return constant(fmt::format("[{}]", fmt::join(numbers, ", ")), {dtype, shape, {}});
}

std::optional<Real> QuantizedNumbers::computed(const std::string& right, double magnitude,
                                               DType dtype) {
  const std::string name = fresh();
  const std::string line = fmt::format("  %{} = {}\n", name, right);
  const auto type = inferred(text_.lines + pending_ + line, name);
  if (!type || type->dtype != dtype) return std::nullopt;
  if (type->elements() == 0 || type->elements() > kMostElements) return std::nullopt;
  pending_ += line;
  return Real{"%" + name, type->shape, std::max(magnitude, 1e-6)};
}

Real QuantizedNumbers::dequantized(const Stored& value) {
  const std::string name = fresh();
  const std::string scale = scalar(value.scale);
  const bool says_zero = value.zero != 0 || chance(2);
  const std::string zero = says_zero ? ", " + scalar(value.zero, value.type.dtype) : "";
  pending_ += fmt::format("  %{} = dequantize_linear({}, {}{})\n", name, value.name, scale, zero);
  return {"%" + name, value.type.shape, value.magnitude};
}

std::string QuantizedNumbers::weights(const Shape& shape, int64_t axis, double& scale) {
  const DType dtype = one_of(std::array{DType::i8, DType::i8, DType::i8, DType::u8, DType::i16});
  const std::string stored = integer_list(dtype, shape);
  scale = random_scale(dtype, 1);
  const int64_t entries = shape[static_cast<size_t>(axis)];
  const bool per_entry = chance(2);
  std::string scales = number(scale), zeros = fmt::format("{}", random_zero(dtype));
  if (per_entry) {
    std::vector<std::string> many, zero_of;
    for (int64_t i = 0; i < entries; ++i) {
      many.push_back(number(random_scale(dtype, 1)));
      zero_of.push_back(fmt::format("{}", dtype == DType::u8 ? random_zero(dtype) : 0));
    }
    scales = fmt::format("[{}]", fmt::join(many, ", "));
    zeros = fmt::format("[{}]", fmt::join(zero_of, ", "));
  }
  const Shape one = per_entry ? Shape{entries} : Shape{};
  const std::string scale_name = constant(scales, {DType::f32, one, {}});
  const bool has_zero = dtype == DType::u8 || chance(4);
  const std::string zero = has_zero ? ", " + constant(zeros, {dtype, one, {}}) : "";
  const std::string name = fresh();
  pending_ += fmt::format("  %{} = dequantize_linear({}, {}{}) {{axis={}}}\n", name, stored,
                          scale_name, zero, axis);
  scales_ = scale_name;
  return "%" + name;
}

std::string QuantizedNumbers::bias(int64_t count, double x_scale) {
  if (chance(3)) return "";
  if (chance(3)) return ", " + reals({count});
  const std::string stored = constant(
      fmt::format("[{}]", fmt::join(several(static_cast<size_t>(count), -20000, 20000), ", ")),
      {DType::i32, {count}, {}});
  const std::string name = fresh(), scale = fresh();
  if (chance(4)) {
    pending_ += fmt::format("  %{} = constant 0.0003 : f32[]\n", scale);
  } else {
    pending_ += fmt::format("  %{} = mul({}, {})\n", scale, scalar(x_scale), scales_);
  }
  pending_ += fmt::format("  %{} = dequantize_linear({}, %{}) {{axis=0}}\n", name, stored, scale);
  return ", %" + name;
}

}  // namespace mlfc::fuzz
