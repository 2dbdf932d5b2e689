// What TensorFlow Lite's kernels work out before they run: scales as multipliers and shifts, and
// the range an activation leaves. Rules for quantised operators share it. Where the reference
// computes in float or in double decides about last bits, so each function says which.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "frontend/tflite/rule.h"

namespace mlfc {

/// The scale and the zero point of a tensor; fail unless it has one of each for all elements.
float scale_of(const TfliteNode& node, const TfliteTensor& tensor);
int64_t zero_of(const TfliteNode& node, const TfliteTensor& tensor);

/// scale = multiplier * 2^(shift - 31), as the rescale functions of kernels take it.
struct FixedScale {
  int64_t multiplier = 0;
  int64_t shift = 0;
  bool operator==(const FixedScale&) const = default;
};
/// The nearest such pair: a 31-bit fraction in [1/2, 1) and a power of two; 0 below 2^-32.
FixedScale fixed_scale(double scale);
/// attributes[PREFIX_multiplier] and attributes[PREFIX_shift].
void set_scale(Attributes& attributes, const std::string& prefix, double scale);

/// The integers that activation `name` of the options lets through, within the range of `tensor`'s
/// element type; float arithmetic.
std::pair<int64_t, int64_t> activation_range(const TfliteNode& node, const std::string& name,
                                             const TfliteTensor& tensor);
/// The same for option fused_activation_function and the first output.
std::pair<int64_t, int64_t> activation_range(const TfliteNode& node);
/// Attributes of our fixed-point operators that say how the first output is stored: zero_point,
/// low, high and dtype.
Attributes stored_as_output(const TfliteNode& node);

/// The attributes with the rounding that the user wants of fixed-point products.
Attributes rounded_as_wanted(const TfliteNode& node, Attributes attributes);

/// Elements limited to the range; as they are when it is the whole range of the type.
Value& limited(TfliteNode& node, Value& value, std::pair<int64_t, int64_t> range);

/// A constant zero point for conv_integer and its like; null for 0.
Value* zero_point_of(TfliteNode& node, const TfliteTensor& tensor);
/// One i32 number when all scales agree in it, else one for each.
struct ScaleConstants {
  Value* multiplier = nullptr;
  Value* shift = nullptr;
};
ScaleConstants scale_constants(TfliteNode& node, const std::vector<double>& scales);
/// value * scale, rounded as the user wants it.
int32_t rescaled(const TfliteNode& node, int32_t value, const FixedScale& scale);
/// From sums of products to the first output: times scales (one, or one for each entry of `axis`).
Value& requantized(TfliteNode& node, Value& sums, const std::vector<double>& scales, int64_t axis);
/// The same for sums that optimised kernels compute as a product of matrices, which may round in
/// another way (TfliteRounding::twice_up); those of 16-bit elements are the reference's everywhere.
Value& requantized_product(TfliteNode& node, Value& sums, const std::vector<double>& scales,
                           int64_t axis);

/// A table over the 256 values of 8-bit tensor `input`, computed in float: the real number an
/// element stands for through `function`, on the scale of `output`.
Tensor table_of(const TfliteNode& node, const TfliteTensor& input, const TfliteTensor& output,
                float (*function)(float));

/// sigmoid(i / 24) in units of 2^-16: the table of logistic and tanh for 16-bit elements.
Tensor sigmoid_table();

/// Fails unless both tensors have one scale and zero point.
void check_same_quantization(const TfliteNode& node, const TfliteTensor& a, const TfliteTensor& b);
/// Fails unless the tensor has one scale for all elements.
void check_per_tensor(const TfliteNode& node, const TfliteTensor& tensor);

}  // namespace mlfc
