// Normalisations of quantised rows - softmax, its logarithm, division by the length - and images
// resized between their pixels. Exponentials of bytes are tables computed here in fixed point;
// those of 16-bit elements are tables to interpolate in.
#include <algorithm>
#include <cmath>

#include "frontend/tflite/ops/moving.h"
#include "frontend/tflite/quantized.h"
#include "ir/fixed_point.h"

namespace mlfc {
namespace {

constexpr int difference_bits = 5;

/// How differences of elements become numbers with five integer bits, and how large they may be.
struct Differences {
  FixedScale scale = {};
  int64_t radius = 0;
};
Differences differences_of(const TfliteNode& node, double beta) {
  const double scale = static_cast<double>(scale_of(node, node.input_tensor(0)));
  const double factor = std::min(beta * scale * (1 << (31 - difference_bits)), 0x1p31 - 1);
  const FixedScale fixed = fixed_scale(factor);
  const double largest = ((1 << difference_bits) - 1) * std::ldexp(1.0, 31 - difference_bits);
  const double radius = std::floor(std::ldexp(largest, static_cast<int>(-fixed.shift)));
  return {fixed, static_cast<int64_t>(std::min(radius, 0x1p30))};
}

/// exp(-d * scale * beta) for distances d = 0 .. 255, in units of 2^-31; 0 where the reference
/// does not look.
Tensor exponentials(const TfliteNode& node, const Differences& differences) {
  Tensor table(TensorType{DType::i32, {256}, {}});
  for (int32_t distance = 0; distance < 256; ++distance) {
    if (distance > differences.radius) continue;
    const int32_t difference = rescaled(node, -distance, differences.scale);
    table.set_integer(distance, exp_of_negative(difference, difference_bits));
  }
  return table;
}

/// Entries of a function over [first, last] in units of 2^-15, 512 steps apart. Where lines between
/// entries run beside the curve, entries give way by half of what they miss halfway.
Tensor wide_table(double first, double last, double (*function)(double)) {
  constexpr int64_t steps = 512;
  const double step = (last - first) / static_cast<double>(steps);
  const auto at = [&](double place) { return 32768 * function(first + place * step); };
  Tensor table(TensorType{DType::i16, {steps + 1}, {}});
  for (int64_t i = 0; i <= steps; ++i) {
    const auto place = static_cast<double>(i);
    double entry = std::round(at(place));
    if (i < steps) {
      const double halfway = std::round((at(place + 1) + entry) / 2);
      entry -= std::round((halfway - std::round(at(place + 0.5))) / 2);
    }
    table.set_integer(i, static_cast<int64_t>(std::clamp(entry, -32768.0, 32767.0)));
  }
  return table;
}

/// Differences of elements are taken to a scale where 65535 steps stand for 10.
void wide_softmax(TfliteNode& node) {
  const TfliteTensor& output = node.output_tensor(0);
  if (output.dtype != DType::i16 || zero_of(node, output) != 0 ||
      zero_of(node, node.input_tensor(0)) != 0) {
    fail(node, "its operands must be 16-bit integers with zero point 0");
  }
  Tensor powers = wide_table(-10, 0, [](double x) { return std::exp(x); });
  Tensor reciprocals = wide_table(0, 1, [](double x) { return 1 / (1 + x); });
  const double scale = static_cast<double>(scale_of(node, node.input_tensor(0)));
  Attributes attributes = rounded_as_wanted(node, {{"dtype", std::string("i16")}});
  set_scale(attributes, "x", scale * node.real("beta") / (10.0 / 65535.0));
  node.set_output(0, node.add("softmax_interpolated",
                              {&node.input(0), &node.constant(std::move(powers)),
                               &node.constant(std::move(reciprocals))},
                              attributes));
}

void check_byte_rows(TfliteNode& node) {
  check_per_tensor(node, node.input_tensor(0));
  check_per_tensor(node, node.output_tensor(0));
  const DType dtype = node.dtype(0);
  if (dtype != DType::i8 && dtype != DType::u8) {
    fail(node, "is quantised as ", dtype, ", not as i8 or u8");
  }
}

void softmax(TfliteNode& node) {
  if (node.dtype(0) == DType::i16) return wide_softmax(node);
  check_byte_rows(node);
  const TfliteTensor& output = node.output_tensor(0);
  Tensor table = exponentials(node, differences_of(node, node.real("beta")));
  node.set_output(
      0, node.add("softmax_fixed", {&node.input(0), &node.constant(std::move(table))},
                  {{"zero_point", zero_of(node, output)}, {"dtype", to_text(output.dtype)}}));
}

/// The result is in units of 2^-4 below 0.
void log_softmax(TfliteNode& node) {
  check_byte_rows(node);
  const TfliteTensor& output = node.output_tensor(0);
  const Differences differences = differences_of(node, 1);
  const double back = std::ldexp(1.0, static_cast<int>(31 - differences.scale.shift)) /
                      static_cast<double>(differences.scale.multiplier);
  Attributes attributes = rounded_as_wanted(node, {{"zero_point", zero_of(node, output)},
                                                   {"dtype", to_text(output.dtype)},
                                                   {"radius", differences.radius},
                                                   {"x_multiplier", differences.scale.multiplier},
                                                   {"x_shift", differences.scale.shift}});
  set_scale(attributes, "back", back);
  Tensor table = exponentials(node, differences);
  node.set_output(0, node.add("log_softmax_fixed",
                              {&node.input(0), &node.constant(std::move(table))}, attributes));
}

void l2_normalization(TfliteNode& node) {
  check_byte_rows(node);
  Attributes attributes = stored_as_output(node);
  attributes["x_zero_point"] = zero_of(node, node.input_tensor(0));
  node.set_output(0, node.add("l2_normalization_fixed", {&node.input(0)}, attributes));
}

/// The second input states the size of the result: height and width.
void resize_bilinear(TfliteNode& node) {
  check_same_scale(node, 0);
  if (node.rank(0) != 4) fail(node, "its image must have 4 dimensions but is ", node.input(0).type);
  Value& resized =
      node.add("resize_bilinear_fixed", {&node.channels_first(node.input(0))},
               {{"size", node.constant_integers(1)},
                {"align_corners", int64_t{node.flag("align_corners") ? 1 : 0}},
                {"half_pixel_centers", int64_t{node.flag("half_pixel_centers") ? 1 : 0}}});
  node.set_output(0, node.channels_last(resized));
}

const RegisteredTfliteRules registered({
    {.name = "SOFTMAX", .computes = Computes::quantized, .convert = softmax},
    {.name = "LOG_SOFTMAX", .computes = Computes::quantized, .convert = log_softmax},
    {.name = "L2_NORMALIZATION", .computes = Computes::quantized, .convert = l2_normalization},
    {.name = "RESIZE_BILINEAR",
     .computes = Computes::quantized,
     .inputs = 2,
     .convert = resize_bilinear},
});

}  // namespace
}  // namespace mlfc
