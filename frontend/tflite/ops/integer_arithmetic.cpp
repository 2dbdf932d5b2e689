// Arithmetic and comparisons of two quantised tensors, each on a scale of its own. Sums take place
// on a scale that is finer than both by 20 bits for bytes and by 15 for 16-bit elements, products
// on the product of the scales, comparisons on each operand's scale made finer by 8 bits.
#include <cmath>
#include <optional>

#include "frontend/tflite/import.h"
#include "frontend/tflite/quantized.h"

namespace mlfc {
namespace {

void check_operands(TfliteNode& node) {
  for (const int index : {0, 1}) check_per_tensor(node, node.input_tensor(index));
  check_per_tensor(node, node.output_tensor(0));
}

Attributes operands_and_output(TfliteNode& node) {
  check_operands(node);
  Attributes attributes = stored_as_output(node);
  attributes["a_zero_point"] = zero_of(node, node.input_tensor(0));
  attributes["b_zero_point"] = zero_of(node, node.input_tensor(1));
  return attributes;
}

/// The exponent of a scale that is (all but exactly) a power of two.
std::optional<int> exact_exponent(float scale) {
  const double log2 = std::log2(static_cast<double>(scale));
  const double rounded = std::round(log2);
  return std::abs(log2 - rounded) < 1e-3 ? std::optional(static_cast<int>(rounded)) : std::nullopt;
}

/// 16-bit sums whose scales are all powers of two are shifted, unless an option forbids it: one
/// operand is on the output's scale, the other finer. Kernels for small machines know only the
/// general way.
bool add_shifted(TfliteNode& node, const char* op) {
  const bool may_shift = node.import_options().rounding != TfliteRounding::twice;
  const bool is_word = node.output_tensor(0).dtype == DType::i16;
  if (!may_shift || !is_word || !node.flag("pot_scale_int16", true)) return false;
  const auto a = exact_exponent(scale_of(node, node.input_tensor(0)));
  const auto b = exact_exponent(scale_of(node, node.input_tensor(1)));
  const auto y = exact_exponent(scale_of(node, node.output_tensor(0)));
  if (!a || !b || !y) return false;
  const int64_t a_shift = *a - *y, b_shift = *b - *y;
  if ((a_shift != 0 && b_shift != 0) || a_shift > 0 || b_shift > 0) {
    fail(node, "the scales of 16-bit operands are powers of two, ", *a, " and ", *b,
         ", but one must be that of the result, ", *y, ", and none larger");
  }
  Attributes attributes = stored_as_output(node);
  attributes["a_shift"] = a_shift;
  attributes["b_shift"] = b_shift;
  node.set_output(0, node.add(op, {&node.input(0), &node.input(1)}, attributes));
  return true;
}

/// The attributes of a sum; float and double arithmetic as the reference mixes them.
Attributes sum_attributes(TfliteNode& node) {
  const int64_t left_shift = node.output_tensor(0).dtype == DType::i16 ? 15 : 20;
  Attributes attributes = operands_and_output(node);
  const float a = scale_of(node, node.input_tensor(0)), b = scale_of(node, node.input_tensor(1));
  const auto twice_largest = static_cast<double>(2 * std::max(a, b));
  const double output = static_cast<double>(scale_of(node, node.output_tensor(0)));
  attributes["left_shift"] = left_shift;
  set_scale(attributes, "a", static_cast<double>(a) / twice_largest);
  set_scale(attributes, "b", static_cast<double>(b) / twice_largest);
  set_scale(attributes, "y", twice_largest / (static_cast<double>(1 << left_shift) * output));
  return attributes;
}

void sum(TfliteNode& node, const char* op, const char* shifted_op) {
  check_operands(node);
  if (add_shifted(node, shifted_op)) return;
  node.set_output(0, node.add(op, {&node.input(0), &node.input(1)}, sum_attributes(node)));
}

void product(TfliteNode& node) {
  Attributes attributes = operands_and_output(node);
  const float scale = scale_of(node, node.input_tensor(0)) * scale_of(node, node.input_tensor(1)) /
                      scale_of(node, node.output_tensor(0));
  set_scale(attributes, "y", static_cast<double>(scale));
  node.set_output(0, node.add("fixed_mul", {&node.input(0), &node.input(1)}, attributes));
}

void quotient(TfliteNode& node) {
  Attributes attributes = operands_and_output(node);
  const double divisor = static_cast<double>(scale_of(node, node.input_tensor(1))) *
                         static_cast<double>(scale_of(node, node.output_tensor(0)));
  set_scale(attributes, "y", static_cast<double>(scale_of(node, node.input_tensor(0))) / divisor);
  node.set_output(0, node.add("fixed_div", {&node.input(0), &node.input(1)}, attributes));
}

// --- sums of any number of elements ---------------------------------------------------------

constexpr int64_t finer_bits = 20;

/// Bytes on a scale that is finer by 20 bits and coarser by 1.
Value& finer(TfliteNode& node, Value& bytes, int64_t zero_point) {
  const ScaleConstants half = scale_constants(node, {0.5});
  return node.add("requantize_fixed", {&bytes, half.multiplier, half.shift},
                  rounded_as_wanted(node, {{"x_zero_point", zero_point},
                                           {"left_shift", finer_bits},
                                           {"dtype", std::string("i32")}}));
}

/// The sum on the output's scale. Reference kernels begin their sums with the integer 0 instead of
/// the real one; so does this.
void set_sum(TfliteNode& node, Value& sum) {
  const TfliteQuantization& input = node.input_quantization(0);
  const int32_t zero = static_cast<int32_t>(-input.zero_point()) * (1 << finer_bits);
  const int32_t start = rescaled(node, zero, fixed_scale(0.5));
  const double twice = 2 * static_cast<double>(input.scale());
  const double scale = twice / (static_cast<double>(1 << finer_bits) *
                                static_cast<double>(scale_of(node, node.output_tensor(0))));
  Value& whole = node.add("add", {&sum, &node.scalar(DType::i32, start)});
  const ScaleConstants constants = scale_constants(node, {scale});
  node.set_output(0, node.add("requantize_fixed", {&whole, constants.multiplier, constants.shift},
                              stored_as_output(node)));
}

void check_signed_bytes(TfliteNode& node) {
  check_per_tensor(node, node.input_tensor(0));
  check_per_tensor(node, node.output_tensor(0));
  if (node.dtype(0) != DType::i8) fail(node, "is quantised as ", node.dtype(0), ", not as i8");
}

void sum_of_all(TfliteNode& node) {
  check_signed_bytes(node);
  const int64_t zero_point = zero_of(node, node.input_tensor(0));
  Value* sum = &finer(node, node.input(0), zero_point);
  for (int i = 1; i < node.input_count(); ++i) {
    check_same_quantization(node, node.input_tensor(0), node.input_tensor(i));
    sum = &node.add("add", {sum, &finer(node, node.input(i), zero_point)});
  }
  set_sum(node, *sum);
}

void cumulative_sum(TfliteNode& node) {
  check_signed_bytes(node);
  const std::vector<int64_t> axis = node.constant_integers(1);
  if (axis.size() != 1) fail(node, "its axis must be one number, not ", axis.size());
  Value& finer_bytes = finer(node, node.input(0), zero_of(node, node.input_tensor(0)));
  Value& sums =
      node.add("cumsum", {&finer_bytes, &node.scalar(DType::i64, static_cast<double>(axis[0]))},
               {{"exclusive", int64_t{node.flag("exclusive") ? 1 : 0}},
                {"reverse", int64_t{node.flag("reverse") ? 1 : 0}}});
  set_sum(node, sums);
}

// The square of a difference on the finer scale has twice its bits, so 7 bits are all there is, and
// none for 16-bit elements.
void squared_difference(TfliteNode& node) {
  const int64_t left_shift = node.dtype(0) == DType::i16 ? 0 : 7;
  Attributes attributes = operands_and_output(node);
  const auto a = static_cast<double>(scale_of(node, node.input_tensor(0)));
  const auto b = static_cast<double>(scale_of(node, node.input_tensor(1)));
  const auto output = static_cast<double>(scale_of(node, node.output_tensor(0)));
  const double twice_largest = 2 * std::max(a, b);
  attributes["left_shift"] = left_shift;
  set_scale(attributes, "a", a / twice_largest);
  set_scale(attributes, "b", b / twice_largest);
  set_scale(attributes, "y",
            twice_largest * twice_largest /
                (static_cast<double>(int64_t{1} << (2 * left_shift)) * output));
  node.set_output(
      0, node.add("fixed_squared_difference", {&node.input(0), &node.input(1)}, attributes));
}

void extreme(TfliteNode& node, const char* op) {
  check_same_quantization(node, node.input_tensor(0), node.input_tensor(1));
  check_same_quantization(node, node.input_tensor(0), node.output_tensor(0));
  node.set_output(0, node.add(op, {&node.input(0), &node.input(1)}));
}

Value& comparable(TfliteNode& node, int index) {
  check_per_tensor(node, node.input_tensor(index));
  const TfliteQuantization& quantization = node.input_quantization(index);
  const ScaleConstants scale = scale_constants(node, {static_cast<double>(quantization.scale())});
  return node.add("requantize_fixed", {&node.input(index), scale.multiplier, scale.shift},
                  rounded_as_wanted(node, {{"x_zero_point", quantization.zero_point()},
                                           {"left_shift", int64_t{8}},
                                           {"dtype", std::string("i32")}}));
}

Value& compared(TfliteNode& node, const char* op) {
  return node.add(op, {&comparable(node, 0), &comparable(node, 1)});
}

template <typename Convert>
TfliteRule binary(const char* name, Convert convert) {
  return {.name = name, .computes = Computes::quantized, .inputs = 2, .convert = convert};
}

const RegisteredTfliteRules registered({
    binary("ADD", [](TfliteNode& node) { sum(node, "fixed_add", "fixed_add_shifted"); }),
    binary("SUB", [](TfliteNode& node) { sum(node, "fixed_sub", "fixed_sub_shifted"); }),
    binary("MUL", product),
    binary("DIV", quotient),
    {.name = "ADD_N", .computes = Computes::quantized, .convert = sum_of_all},
    binary("CUMSUM", cumulative_sum),
    binary("SQUARED_DIFFERENCE", squared_difference),
    binary("MAXIMUM", [](TfliteNode& node) { extreme(node, "max"); }),
    binary("MINIMUM", [](TfliteNode& node) { extreme(node, "min"); }),
    binary("EQUAL", [](TfliteNode& node) { node.set_output(0, compared(node, "equal")); }),
    binary("NOT_EQUAL",
           [](TfliteNode& node) {
             node.set_output(0, node.add("not", {&compared(node, "equal")}));
           }),
    binary("LESS", [](TfliteNode& node) { node.set_output(0, compared(node, "less")); }),
    binary("LESS_EQUAL",
           [](TfliteNode& node) { node.set_output(0, compared(node, "less_or_equal")); }),
    binary("GREATER", [](TfliteNode& node) { node.set_output(0, compared(node, "greater")); }),
    binary("GREATER_EQUAL",
           [](TfliteNode& node) { node.set_output(0, compared(node, "greater_or_equal")); }),
});

}  // namespace
}  // namespace mlfc
