// Scales as multipliers and shifts, activation ranges and tables, computed with the float and
// double arithmetic of TensorFlow Lite's kernels so that not even a last bit differs.
#include "frontend/tflite/quantized.h"

#include <algorithm>
#include <cmath>

#include "frontend/tflite/import.h"
#include "ir/fixed_point.h"
#include "ir/ops/convert.h"

namespace mlfc {

float scale_of(const TfliteNode& node, const TfliteTensor& tensor) {
  check_per_tensor(node, tensor);
  return tensor.quantization.scale();
}
int64_t zero_of(const TfliteNode& node, const TfliteTensor& tensor) {
  check_per_tensor(node, tensor);
  return tensor.quantization.zero_point();
}

FixedScale fixed_scale(double scale) {
  if (scale == 0) return {};
  int shift = 0;
  const double fraction = std::frexp(scale, &shift);
  auto multiplier = static_cast<int64_t>(std::round(fraction * 0x1p31));
  if (multiplier == int64_t{1} << 31) {
    multiplier /= 2;
    ++shift;
  }
  if (shift < -31) return {};
  return {multiplier, shift};
}

void set_scale(Attributes& attributes, const std::string& prefix, double scale) {
  const FixedScale fixed = fixed_scale(scale);
  attributes[prefix + "_multiplier"] = fixed.multiplier;
  attributes[prefix + "_shift"] = fixed.shift;
}

std::pair<int64_t, int64_t> activation_range(const TfliteNode& node, const std::string& name,
                                             const TfliteTensor& tensor) {
  const auto lowest = static_cast<int64_t>(lowest_of(tensor.dtype));
  const auto highest = static_cast<int64_t>(highest_of(tensor.dtype));
  const auto quantized = [&](float real) {
    const float steps = std::round(real / scale_of(node, tensor));
    const double place = static_cast<double>(zero_of(node, tensor)) + steps;
    return static_cast<int64_t>(
        std::clamp(place, static_cast<double>(lowest), static_cast<double>(highest)));
  };
  if (name == "NONE") return {lowest, highest};
  if (name == "RELU") return {quantized(0), highest};
  if (name == "RELU6") return {quantized(0), quantized(6)};
  if (name == "RELU_N1_TO_1") return {quantized(-1), quantized(1)};
  if (name == "RELU_0_TO_1") return {quantized(0), quantized(1)};
  fail(node, "activation ", name, " is not known for integers; quantise it as an operator");
}

std::pair<int64_t, int64_t> activation_range(const TfliteNode& node) {
  return activation_range(node, node.text("fused_activation_function", "NONE"),
                          node.output_tensor(0));
}

Attributes rounded_as_wanted(const TfliteNode& node, Attributes attributes) {
  const bool once = node.import_options().rounding == TfliteRounding::once;
  if (once) attributes["rounding"] = std::string("once");
  return attributes;
}

Attributes stored_as_output(const TfliteNode& node) {
  const TfliteTensor& output = node.output_tensor(0);
  const auto [low, high] = activation_range(node);
  Attributes attributes = {{"zero_point", zero_of(node, output)}, {"dtype", to_text(output.dtype)}};
  if (low > lowest_of(output.dtype)) attributes["low"] = low;
  if (high < highest_of(output.dtype)) attributes["high"] = high;
  return rounded_as_wanted(node, std::move(attributes));
}

Value& limited(TfliteNode& node, Value& value, std::pair<int64_t, int64_t> range) {
  const auto low = static_cast<double>(range.first), high = static_cast<double>(range.second);
  Attributes limits;
  if (low > lowest_of(value.type.dtype)) limits["min"] = low;
  if (high < highest_of(value.type.dtype)) limits["max"] = high;
  return limits.empty() ? value : node.add("clip", {&value}, limits);
}

Value* zero_point_of(TfliteNode& node, const TfliteTensor& tensor) {
  const std::vector<int64_t>& points = tensor.quantization.zero_points;
  const bool all_same = std::all_of(points.begin(), points.end(),
                                    [&](int64_t point) { return point == points.front(); });
  if (!all_same) fail(node, "the zero points of '", tensor.name, "' differ between its slices");
  if (points.empty() || points.front() == 0) return nullptr;
  return &node.scalar(tensor.dtype, static_cast<double>(points.front()));
}

namespace {

Value& numbers_constant(TfliteNode& node, const std::vector<int64_t>& numbers) {
  const bool all_same = std::all_of(numbers.begin(), numbers.end(),
                                    [&](int64_t number) { return number == numbers.front(); });
  Shape shape;
  if (!all_same) shape.push_back(static_cast<int64_t>(numbers.size()));
  Tensor tensor(TensorType{DType::i32, shape, {}});
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    tensor.set_integer(i, numbers[static_cast<size_t>(i)]);
  }
  return node.constant(std::move(tensor));
}

}  // namespace

ScaleConstants scale_constants(TfliteNode& node, const std::vector<double>& scales) {
  std::vector<int64_t> multipliers, shifts;
  for (const double scale : scales) {
    const FixedScale fixed = fixed_scale(scale);
    multipliers.push_back(fixed.multiplier);
    shifts.push_back(fixed.shift);
  }
  return {&numbers_constant(node, multipliers), &numbers_constant(node, shifts)};
}

namespace {

Value& requantized_as(TfliteNode& node, Value& sums, const std::vector<double>& scales,
                      int64_t axis, const char* rounding) {
  const ScaleConstants scale = scale_constants(node, scales);
  Attributes attributes = stored_as_output(node);
  attributes["axis"] = axis;
  if (rounding != nullptr) attributes["rounding"] = std::string(rounding);
  return node.add("requantize_fixed", {&sums, scale.multiplier, scale.shift}, attributes);
}

}  // namespace

Value& requantized(TfliteNode& node, Value& sums, const std::vector<double>& scales, int64_t axis) {
  return requantized_as(node, sums, scales, axis, nullptr);
}

Value& requantized_product(TfliteNode& node, Value& sums, const std::vector<double>& scales,
                           int64_t axis) {
  const bool is_byte = bytes_of(node.output_tensor(0).dtype) == 1;
  const bool up = is_byte && node.import_options().rounding == TfliteRounding::twice_up;
  return requantized_as(node, sums, scales, axis, up ? "twice_up" : nullptr);
}

int32_t rescaled(const TfliteNode& node, int32_t value, const FixedScale& scale) {
  const bool once = node.import_options().rounding == TfliteRounding::once;
  return (once ? rescale_once : rescale)(value, static_cast<int32_t>(scale.multiplier),
                                         static_cast<int>(scale.shift));
}

Tensor table_of(const TfliteNode& node, const TfliteTensor& input, const TfliteTensor& output,
                float (*function)(float)) {
  const auto lowest = static_cast<int64_t>(lowest_of(input.dtype));
  const float inverse = 1 / scale_of(node, output);
  const auto zero_point = static_cast<float>(zero_of(node, output));
  Tensor table(TensorType{output.dtype, {256}, {}});
  for (int64_t entry = 0; entry < 256; ++entry) {
    const auto steps = static_cast<float>(lowest + entry - zero_of(node, input));
    const float result = function(scale_of(node, input) * steps);
    const double place = std::round(result * inverse) + zero_point;
    table.set_integer(entry, static_cast<int64_t>(std::clamp(place, lowest_of(output.dtype),
                                                             highest_of(output.dtype))));
  }
  return table;
}

// Lines between entries run below the curve, so each entry is raised by half of what they miss
// halfway.
Tensor sigmoid_table() {
  const auto sigmoid = [](double place) { return 65536 / (1 + std::exp(-place / 24)); };
  Tensor table(TensorType{DType::u16, {256}, {}});
  for (int64_t i = 0; i < 255; ++i) {
    const auto place = static_cast<double>(i);
    const double missed = sigmoid(place + 0.5) - (sigmoid(place) + sigmoid(place + 1)) / 2;
    table.set_integer(i, static_cast<int64_t>(std::round(sigmoid(place) + missed / 2)));
  }
  table.set_integer(255, 65535);  // what lies beyond is 1
  return table;
}

void check_same_quantization(const TfliteNode& node, const TfliteTensor& a, const TfliteTensor& b) {
  if (a.quantization.scales == b.quantization.scales &&
      a.quantization.zero_points == b.quantization.zero_points) {
    return;
  }
  fail(node, "'", a.name, "' and '", b.name,
       "' must have one scale and one zero point, as this operator does not rescale");
}

void check_per_tensor(const TfliteNode& node, const TfliteTensor& tensor) {
  if (tensor.quantization.scales.size() == 1) return;
  fail(node, "'", tensor.name, "' has ", tensor.quantization.scales.size(),
       " scales but must have one");
}

}  // namespace mlfc
