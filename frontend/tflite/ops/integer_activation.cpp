// Functions of one quantised tensor. Of bytes they are tables of 256 entries, computed here with
// the arithmetic of the reference: float where it uses float, fixed point where it uses that.
// Functions of 16-bit elements are computed or interpolated at run time.
#include <algorithm>
#include <cmath>
#include <functional>

#include "frontend/tflite/quantized.h"
#include "ir/fixed_point.h"
#include "ir/fixed_point_series.h"
#include "ir/ops/convert.h"

namespace mlfc {
namespace {

bool is_byte(DType dtype) {
  return dtype == DType::i8 || dtype == DType::u8;
}

void check_bytes(TfliteNode& node) {
  if (is_byte(node.dtype(0)) && is_byte(node.output_tensor(0).dtype)) return;
  fail(node, "is quantised as ", node.dtype(0), " to ", node.output_tensor(0).dtype,
       "; only 8-bit integers are supported for it");
}

void set_table(TfliteNode& node, Tensor table) {
  node.set_output(0, node.add("lookup", {&node.input(0), &node.constant(std::move(table))}));
}

/// The table of a function from an element's distance from the zero point to the result's.
void set_steps(TfliteNode& node, const std::function<int64_t(int32_t)>& steps) {
  const TfliteTensor& output = node.output_tensor(0);
  const auto first = static_cast<int64_t>(lowest_of(node.dtype(0)));
  const auto low = static_cast<int64_t>(lowest_of(output.dtype));
  const auto high = static_cast<int64_t>(highest_of(output.dtype));
  Tensor table(TensorType{output.dtype, {256}, {}});
  for (int64_t entry = 0; entry < 256; ++entry) {
    const int64_t distance = first + entry - zero_of(node, node.input_tensor(0));
    const int64_t place = steps(static_cast<int32_t>(distance)) + zero_of(node, output);
    table.set_integer(entry, std::clamp(place, low, high));
  }
  set_table(node, std::move(table));
}

// --- rectifiers -----------------------------------------------------------------------------

/// The operator's name is that of the activation. Scales are divided in float.
void rectifier(TfliteNode& node) {
  check_per_tensor(node, node.input_tensor(0));
  const TfliteTensor& output = node.output_tensor(0);
  check_per_tensor(node, output);
  const auto [low, high] = activation_range(node, node.name(), output);
  const TfliteQuantization& from = node.input_quantization(0);
  const TfliteQuantization& to = output.quantization;
  if (from.scales == to.scales && from.zero_points == to.zero_points &&
      node.dtype(0) == output.dtype) {
    node.set_output(0, limited(node, node.input(0), {low, high}));
    return;
  }
  const auto ratio = static_cast<double>(from.scale() / to.scale());
  const ScaleConstants scale = scale_constants(node, {ratio});
  Attributes attributes = stored_as_output(node);
  attributes["x_zero_point"] = from.zero_point();
  attributes["low"] = low;
  attributes["high"] = high;
  node.set_output(
      0, node.add("requantize_fixed", {&node.input(0), scale.multiplier, scale.shift}, attributes));
}

void leaky_relu(TfliteNode& node) {
  const float in = scale_of(node, node.input_tensor(0)),
              out = scale_of(node, node.output_tensor(0));
  const auto alpha = static_cast<float>(node.real("alpha"));
  const auto above = static_cast<double>(in / out), below = static_cast<double>(in * alpha / out);
  if (is_byte(node.dtype(0))) {
    const FixedScale rising = fixed_scale(above), leaking = fixed_scale(below);
    set_steps(node, [&](int32_t x) { return rescaled(node, x, x >= 0 ? rising : leaking); });
    return;
  }
  Attributes attributes = stored_as_output(node);
  attributes["x_zero_point"] = zero_of(node, node.input_tensor(0));
  set_scale(attributes, "above", above);
  set_scale(attributes, "below", below);
  node.set_output(0, node.add("fixed_leaky_relu", {&node.input(0)}, attributes));
}

void prelu(TfliteNode& node) {
  for (const int index : {0, 1}) check_per_tensor(node, node.input_tensor(index));
  const auto in = static_cast<double>(scale_of(node, node.input_tensor(0)));
  const auto slope = static_cast<double>(scale_of(node, node.input_tensor(1)));
  const auto out = static_cast<double>(scale_of(node, node.output_tensor(0)));
  Attributes attributes = stored_as_output(node);
  attributes["x_zero_point"] = zero_of(node, node.input_tensor(0));
  attributes["slope_zero_point"] = zero_of(node, node.input_tensor(1));
  set_scale(attributes, "above", in / out);
  set_scale(attributes, "below", in * slope / out);
  node.set_output(0, node.add("fixed_prelu", {&node.input(0), &node.input(1)}, attributes));
}

// --- functions by float tables --------------------------------------------------------------

/// Squashing functions end at scales of their own.
void check_output(TfliteNode& node, float scale, int64_t signed_zero) {
  const TfliteTensor& output = node.output_tensor(0);
  const int64_t zero = output.dtype == DType::u8 ? signed_zero + 128 : signed_zero;
  if (output.quantization.scales == std::vector<float>{scale} &&
      output.quantization.zero_points == std::vector<int64_t>{zero}) {
    return;
  }
  fail(node, "its result must have the scale ", scale, " and the zero point ", zero);
}

template <float (*function)(float)>
void by_table(TfliteNode& node) {
  check_bytes(node);
  check_per_tensor(node, node.input_tensor(0));
  check_per_tensor(node, node.output_tensor(0));
  set_table(node, table_of(node, node.input_tensor(0), node.output_tensor(0), function));
}

float logistic_of(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}
float tanh_of(float x) {
  return std::tanh(x);
}
float elu_of(float x) {
  return x < 0.0F ? std::expm1(x) : x;
}
float exp_of(float x) {
  return std::exp(x);
}
float log_of(float x) {
  return std::log(x);
}
float sqrt_of(float x) {
  return std::sqrt(x);
}
float neg_of(float x) {
  return -x;
}
float square_of(float x) {
  return x * x;
}
float gelu_of(float x) {
  return 0.5F * x * std::erfc(x * static_cast<float>(-M_SQRT1_2));
}
float rough_gelu_of(float x) {
  const auto slope = static_cast<float>(M_2_SQRTPI * M_SQRT1_2);
  return 0.5F * x * (1.0F + std::tanh(slope * (x + 0.044715F * x * x * x)));
}

void gelu(TfliteNode& node) {
  return node.flag("approximate") ? by_table<rough_gelu_of>(node) : by_table<gelu_of>(node);
}

/// The factor from 16-bit elements to units of 1 / (3 * 4096): a number of 15 bits and a right
/// shift; of a scale that is 2^-12 (or 2^-11 for tanh) exactly 3 or 6.
struct WideScale {
  int64_t multiplier = 0, shift = 0;
};
WideScale wide_scale(float scale, int largest_shift) {
  const double log2 = std::log2(static_cast<double>(scale));
  const double shift = 12 + std::round(log2);
  const bool is_power = std::abs(log2 - std::round(log2)) < 1e-3;
  if (is_power && shift >= 0 && shift <= largest_shift) {
    return {int64_t{3} << static_cast<int>(shift), 0};
  }
  WideScale wide;
  double multiplier = static_cast<double>(scale) * 4096.0 * 3.0;
  while (multiplier <= 32767.0 / 2.0 && wide.shift <= 30) {
    ++wide.shift;
    multiplier *= 2.0;
  }
  wide.multiplier = static_cast<int64_t>(multiplier);
  return wide;
}

void squash(TfliteNode& node, const char* op, int largest_shift) {
  check_output(node, 1.0F / 32768, 0);
  if (zero_of(node, node.input_tensor(0)) != 0) fail(node, "the zero point must be 0");
  const WideScale scale = wide_scale(scale_of(node, node.input_tensor(0)), largest_shift);
  node.set_output(0, node.add(op, {&node.input(0), &node.constant(sigmoid_table())},
                              {{"multiplier", scale.multiplier}, {"shift", scale.shift}}));
}

void logistic(TfliteNode& node) {
  if (node.dtype(0) == DType::i16) return squash(node, "fixed_sigmoid", 0);
  check_output(node, 1.0F / 256, -128);
  by_table<logistic_of>(node);
}

void hyperbolic_tangent(TfliteNode& node) {
  if (node.dtype(0) == DType::i16) return squash(node, "fixed_tanh", 1);
  by_table<tanh_of>(node);
}

// --- functions in fixed point ---------------------------------------------------------------

/// Scales are divided in float.
void absolute(TfliteNode& node) {
  const auto ratio = static_cast<double>(scale_of(node, node.input_tensor(0)) /
                                         scale_of(node, node.output_tensor(0)));
  const FixedScale scale = fixed_scale(ratio);
  if (is_byte(node.dtype(0))) {
    set_steps(node, [&](int32_t x) { return rescaled(node, std::abs(x), scale); });
    return;
  }
  if (zero_of(node, node.input_tensor(0)) != 0) fail(node, "the zero point must be 0");
  Value& wide = node.add("cast", {&node.input(0)}, {{"to", std::string("i32")}});
  node.set_output(0, requantized(node, node.add("abs", {&wide}), {ratio}, -1));
}

/// The inverse root with 20 bits more, then on the output's scale; 0 becomes the largest number.
void rsqrt(TfliteNode& node) {
  check_bytes(node);
  constexpr int extra_bits = 20;
  const float root = std::sqrt(scale_of(node, node.input_tensor(0)));
  FixedScale scale =
      fixed_scale(1. / static_cast<double>(root * scale_of(node, node.output_tensor(0))));
  scale.shift -= extra_bits;
  set_steps(node, [&](int32_t x) -> int64_t {
    if (x <= 0) return INT32_MAX;
    const FixedScale inverse = {inverse_sqrt_multiplier(x), inverse_sqrt_shift(x) + extra_bits};
    return rescaled(node, rescaled(node, 1, inverse), scale);
  });
}

// --- hard swish -----------------------------------------------------------------------------

int32_t saturated(int64_t value) {
  return static_cast<int32_t>(std::clamp<int64_t>(value, INT16_MIN, INT16_MAX));
}
/// a * b / 2^15 of 16-bit numbers, to the nearest or towards zero.
int32_t narrow_product(int32_t a, int32_t b) {
  return saturated((int64_t{a} * b + (1 << 14)) >> 15);
}
int32_t truncated_product(int32_t a, int32_t b) {
  return saturated(int64_t{a} * b / (1 << 15));
}
/// A multiplier of 31 bits as one of 15.
FixedScale narrowed(FixedScale scale) {
  scale.multiplier = std::min<int64_t>((scale.multiplier + (1 << 15)) >> 16, INT16_MAX);
  return scale;
}

/// x * relu6(x + 3) / 6 on 16-bit numbers: elements gain seven bits; the second factor is on a
/// scale where 3 is 2^15, so that saturation is the limiting.
void hard_swish(TfliteNode& node) {
  check_bytes(node);
  const float fine = (1.0F / 128.0F) * scale_of(node, node.input_tensor(0));
  const float to_output = fine / scale_of(node, node.output_tensor(0));
  const FixedScale output = narrowed(fixed_scale(static_cast<double>(to_output)));
  const FixedScale gate = narrowed(fixed_scale(static_cast<double>(fine / (3.0F / 32768.0F))));
  if (output.shift > 0) fail(node, "the scale of its result is more than 128 times too fine");
  set_steps(node, [&](int32_t x) -> int64_t {
    const int32_t value = x * 128;
    const int32_t value_out = narrow_product(value, static_cast<int32_t>(output.multiplier));
    int32_t factor = value;
    const int up = static_cast<int>(std::max<int64_t>(gate.shift, 0));
    if (up > 1) factor = saturated(int64_t{factor} << (up - 1));
    factor = narrow_product(factor, static_cast<int32_t>(gate.multiplier));
    if (up > 0) factor = saturated(int64_t{factor} * 2);
    if (gate.shift < 0) factor = halved(factor, static_cast<int>(-gate.shift));
    factor = (factor + (1 << 15)) >> 1;
    return halved(truncated_product(factor, value_out), static_cast<int>(-output.shift));
  });
}

TfliteRule unary(const char* name, void (*convert)(TfliteNode&)) {
  return {.name = name, .computes = Computes::quantized, .convert = convert};
}

const RegisteredTfliteRules registered({
    unary("RELU", rectifier),
    unary("RELU6", rectifier),
    unary("RELU_N1_TO_1", rectifier),
    unary("RELU_0_TO_1", rectifier),
    unary("LEAKY_RELU", leaky_relu),
    {.name = "PRELU", .computes = Computes::quantized, .inputs = 2, .convert = prelu},
    unary("LOGISTIC", logistic),
    unary("TANH", hyperbolic_tangent),
    unary("HARD_SWISH", hard_swish),
    unary("ELU", by_table<elu_of>),
    unary("GELU", gelu),
    unary("EXP", by_table<exp_of>),
    unary("LOG", by_table<log_of>),
    unary("SQRT", by_table<sqrt_of>),
    unary("RSQRT", rsqrt),
    unary("ABS", absolute),
    unary("NEG", by_table<neg_of>),
    unary("SQUARE", by_table<square_of>),
});

}  // namespace
}  // namespace mlfc
