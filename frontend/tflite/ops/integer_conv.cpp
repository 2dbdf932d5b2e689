// Convolutions and matrix products of quantised tensors: sums of products counted from the zero
// points, then one rescaling per output channel that fuses into the kernel. Elements of 16 bits sum
// into 64 bits unless the bias says that 32 suffice.
#include <algorithm>
#include <cmath>

#include "frontend/tflite/ops/windows.h"
#include "frontend/tflite/quantized.h"
#include "ir/ops/convert.h"

namespace mlfc {
namespace {

/// Which inputs of an operator hold what; -1: there is none.
struct Operands {
  int x = 0, w = 1, bias = 2;

  bool has_bias(const TfliteNode& node) const { return bias >= 0 && node.has_input(bias); }
};

void check_images(TfliteNode& node, const Operands& operands) {
  if (node.rank(operands.x) == 4 && node.rank(operands.w) == 4) return;
  fail(node, "its image and its filter must have 4 dimensions but are ",
       node.input(operands.x).type, " and ", node.input(operands.w).type);
}

std::string accumulator(TfliteNode& node, const Operands& operands) {
  if (operands.has_bias(node)) return to_text(node.dtype(operands.bias));
  return node.dtype(operands.x) == DType::i16 ? "i64" : "i32";
}

/// Whether no sum of products, bias included, can leave 32 bits whatever x is. Slices of the
/// weights along `axis` belong to one output channel.
bool sums_fit_32_bits(TfliteNode& node, const Operands& operands, const Value& w, int axis) {
  const bool has_bias = operands.has_bias(node);
  if (!w.is_constant() || (has_bias && !node.is_constant(operands.bias))) return false;
  const DType dtype = node.dtype(operands.x);
  const auto zero = static_cast<double>(zero_of(node, node.input_tensor(operands.x)));
  const double largest = std::max(highest_of(dtype) - zero, zero - lowest_of(dtype));
  const Shape& shape = w.type.shape;
  const auto channels = static_cast<size_t>(shape[static_cast<size_t>(axis)]);
  const size_t inner =
      static_cast<size_t>(element_count(Shape(shape.begin() + axis + 1, shape.end())));
  std::vector<double> sums(channels, 0);
  const std::vector<int64_t> weights = w.constant->integers();
  for (size_t i = 0; i < weights.size(); ++i) {
    sums[i / inner % channels] += largest * std::abs(static_cast<double>(weights[i]));
  }
  const std::vector<int64_t> bias =
      has_bias ? node.constant(operands.bias).integers() : std::vector<int64_t>();
  for (size_t i = 0; i < channels; ++i) {
    if (i < bias.size()) sums[i] += std::abs(static_cast<double>(bias[i]));
    if (sums[i] >= 0x1p31) return false;
  }
  return bias.empty() || bias.size() == channels;
}

/// Sums of products of x and w, by one of our operators for integers. Sums of 64 bits are computed
/// in 32 where that is the same, as 64 bits take a small processor several times as long.
Value& sums_of(TfliteNode& node, const char* op, const Operands& operands, Value& x, Value& w,
               int channel_axis, Attributes attributes) {
  for (const int index : {operands.x, operands.w}) {
    const DType dtype = node.dtype(index);
    if (is_integer(dtype) && bytes_of(dtype) <= 2) continue;
    fail(node, "its operand ", index, " is ", dtype, " but must hold integers of 8 or 16 bits");
  }
  Value* bias = operands.has_bias(node) ? &node.input(operands.bias) : nullptr;
  const std::string wanted = accumulator(node, operands);
  const bool is_narrowed = wanted == "i64" && sums_fit_32_bits(node, operands, w, channel_axis);
  if (is_narrowed && bias != nullptr) {
    bias = &node.constant(converted(node.constant(operands.bias), DType::i32));
  }
  attributes["accumulator"] = is_narrowed ? "i32" : wanted;
  Value& sums = node.add(op,
                         {&x, &w, zero_point_of(node, node.input_tensor(operands.x)),
                          zero_point_of(node, node.input_tensor(operands.w)), bias},
                         std::move(attributes));
  return is_narrowed ? node.add("cast", {&sums}, {{"to", std::string("i64")}}) : sums;
}

/// The scale of the sums over the output's, per channel; double arithmetic.
std::vector<double> channel_scales(TfliteNode& node, const Operands& operands) {
  check_per_tensor(node, node.input_tensor(operands.x));
  check_per_tensor(node, node.output_tensor(0));
  const auto in = static_cast<double>(scale_of(node, node.input_tensor(operands.x)));
  const auto out = static_cast<double>(scale_of(node, node.output_tensor(0)));
  std::vector<double> scales;
  for (const float scale : node.input_quantization(operands.w).scales) {
    scales.push_back(in * static_cast<double>(scale) / out);
  }
  if (scales.empty()) fail(node, "its weights have no scale");
  return scales;
}

/// The same for a product of matrices; when there is one scale, the product of the operands' scales
/// is float arithmetic.
std::vector<double> product_scales(TfliteNode& node, const Operands& operands) {
  if (node.input_quantization(operands.w).per_axis()) return channel_scales(node, operands);
  for (const int index : {operands.x, operands.w}) check_per_tensor(node, node.input_tensor(index));
  check_per_tensor(node, node.output_tensor(0));
  const float product =
      scale_of(node, node.input_tensor(operands.x)) * scale_of(node, node.input_tensor(operands.w));
  return {static_cast<double>(product) /
          static_cast<double>(scale_of(node, node.output_tensor(0)))};
}

/// Filters come as output, input channels of a group, height, width.
void convolve(TfliteNode& node, Value& filter, int64_t groups) {
  const Operands operands;
  const Shape& image = node.shape(operands.x);
  const Shape& shape = filter.type.shape;
  Attributes attributes = window_attributes_2d(node, {image[1], image[2]}, {shape[2], shape[3]});
  attributes["group"] = groups;
  Value& sums = sums_of(node, "conv_integer", operands, node.channels_first(node.input(operands.x)),
                        filter, 0, std::move(attributes));
  const std::vector<double> scales = channel_scales(node, operands);
  Value& y =
      groups == 1 ? requantized_product(node, sums, scales, 1) : requantized(node, sums, scales, 1);
  node.set_output(0, node.channels_last(y));
}

void conv_2d(TfliteNode& node) {
  check_images(node, {});
  const int64_t channels = node.shape(0)[3], taken = node.shape(1)[3];
  if (taken < 1 || channels % taken != 0) {
    fail(node, "its filter takes ", taken, " channels, which do not divide ", channels);
  }
  convolve(node, node.transposed(node.input(1), {0, 3, 1, 2}), channels / taken);
}

void depthwise_conv_2d(TfliteNode& node) {
  check_images(node, {});
  if (node.shape(1)[0] != 1) fail(node, "its filter ", node.shape(1), " must begin with 1");
  convolve(node, node.transposed(node.input(1), {3, 0, 1, 2}), node.shape(0)[3]);
}

/// The first input states the shape of the result, where it is known; otherwise the tensor does.
/// The padding is that of the convolution which would lead back.
void transpose_conv(TfliteNode& node) {
  const Operands operands = {.x = 2, .w = 1, .bias = 3};
  check_images(node, operands);
  const std::vector<int64_t> shape =
      node.is_constant(0) ? node.constant_integers(0) : node.output_tensor(0).shape;
  if (shape.size() != 4) fail(node, "the shape of its result, ", Shape(shape), ", is no image");
  const Shape strides = {node.integer("stride_h"), node.integer("stride_w")};
  std::vector<int64_t> pads(4, 0), extra(2, 0);
  for (size_t i = 0; i < 2; ++i) {
    const int64_t taps = node.shape(operands.w)[i + 1], input = node.shape(operands.x)[i + 1];
    pads[i] = node.window_padding(shape[i + 1], taps, strides[i]).first;
    const int64_t rest = (input - 1) * strides[i] + taps - pads[i] - shape[i + 1];
    pads[i + 2] = std::max<int64_t>(rest, 0);
    extra[i] = std::max<int64_t>(-rest, 0);
  }
  Value& sums =
      sums_of(node, "conv_transpose_integer", operands, node.channels_first(node.input(operands.x)),
              node.transposed(node.input(operands.w), {3, 0, 1, 2}), 1,
              {{"strides", strides}, {"pads", pads}, {"output_padding", extra}});
  Value& y = requantized(node, sums, channel_scales(node, operands), 1);
  node.set_output(0, node.channels_last(y));
}

/// x * transposed weights + bias. What is left of x's shape beside the last dimension of the
/// weights is the batch.
void fully_connected(TfliteNode& node) {
  const Operands operands;
  if (node.text("weights_format", "DEFAULT") != "DEFAULT") {
    fail(node, "its weights are shuffled (", node.text("weights_format", ""),
         "), which is not supported");
  }
  if (node.rank(1) != 2) fail(node, "its weights must be a matrix but are ", node.input(1).type);
  const int64_t depth = node.shape(1)[1];
  const int64_t elements = node.input(0).type.elements();
  if (depth < 1 || elements % depth != 0) {
    fail(node, "its weights take rows of ", depth, " but x is ", node.input(0).type);
  }
  Value& rows = node.reshaped(node.input(0), {elements / depth, depth});
  Value& sums = sums_of(node, "matmul_integer", operands, rows,
                        node.transposed(node.input(1), {1, 0}), 1, {});
  Value& y = requantized_product(node, sums, product_scales(node, operands), 1);
  Shape shape = y.type.shape;
  if (node.flag("keep_num_dims")) {
    shape = node.shape(0);
    if (shape.empty() || shape.back() != depth) {
      fail(node, "keeps the dimensions of x, ", node.input(0).type, ", but takes rows of ", depth);
    }
    shape.back() = node.shape(1)[0];
  }
  node.set_output(0, node.reshaped(y, shape));
}

/// Products of matrices, those in front broadcast.
void batch_matmul(TfliteNode& node) {
  const Operands operands = {.x = 0, .w = 1, .bias = -1};
  const auto operand = [&](int index, const char* adjoint) -> Value& {
    Value& matrix = node.input(index);
    const int rank = matrix.type.rank();
    if (rank < 2) fail(node, "its operand ", index, " must be a matrix but is ", matrix.type);
    if (!node.flag(adjoint)) return matrix;
    std::vector<int64_t> perm;
    for (int i = 0; i < rank; ++i) perm.push_back(i);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    return node.transposed(matrix, perm);
  };
  Value& a = operand(0, "adj_x");
  Value& b = operand(1, "adj_y");
  Value& sums = sums_of(node, "matmul_integer", operands, a, b, b.type.rank() - 1, {});
  node.set_output(0, requantized_product(node, sums, product_scales(node, operands), -1));
}

const RegisteredTfliteRules registered({
    {.name = "CONV_2D", .computes = Computes::quantized, .inputs = 2, .convert = conv_2d},
    {.name = "DEPTHWISE_CONV_2D",
     .computes = Computes::quantized,
     .inputs = 2,
     .convert = depthwise_conv_2d},
    {.name = "TRANSPOSE_CONV",
     .computes = Computes::quantized,
     .inputs = 3,
     .convert = transpose_conv},
    {.name = "FULLY_CONNECTED",
     .computes = Computes::quantized,
     .inputs = 2,
     .convert = fully_connected},
    {.name = "BATCH_MATMUL", .computes = Computes::quantized, .inputs = 2, .convert = batch_matmul},
});

}  // namespace
}  // namespace mlfc
