// Convolutions and fully connected layers of reals. The format keeps images as batch, height,
// width, channels; filters as output, height, width, input - or, depthwise, 1, height, width,
// output.
#include "frontend/tflite/ops/hybrid.h"
#include "frontend/tflite/ops/weights.h"
#include "frontend/tflite/ops/windows.h"

namespace mlfc {
namespace {

void check_image(TfliteNode& node, int image, int filter, int rank) {
  if (node.rank(image) == rank && node.rank(filter) == rank) return;
  fail(node, "its image and its filter must have ", rank, " dimensions but are ",
       node.input(image).type, " and ", node.input(filter).type);
}

Value* bias_of(TfliteNode& node, int index) {
  return node.has_input(index) ? &real_weights(node, index) : nullptr;
}

/// Integers of hybrid convolutions stay integers.
Value& filter_of(TfliteNode& node) {
  return is_hybrid(node) ? node.input(1) : real_weights(node, 1);
}

/// Filters come as output channels, input channels of a group, height, width.
void convolve(TfliteNode& node, Value& filter, int64_t groups, bool always_asymmetric) {
  const Shape& image = node.shape(0);
  const Shape& shape = filter.type.shape;
  Attributes attributes = window_attributes_2d(node, {image[1], image[2]}, {shape[2], shape[3]});
  attributes["group"] = groups;
  Value& x = node.channels_first(node.input(0));
  Value& result =
      is_hybrid(node)
          ? hybrid_convolution(node, x, filter, std::move(attributes), always_asymmetric)
          : node.add("conv", {&x, &filter, bias_of(node, 2)}, std::move(attributes));
  node.set_output(0, node.channels_last(node.activated(result)));
}

void conv_2d(TfliteNode& node) {
  check_image(node, 0, 1, 4);
  const int64_t channels = node.shape(0)[3];
  const int64_t taken = node.shape(1)[3];
  if (taken < 1 || channels % taken != 0) {
    fail(node, "its filter takes ", taken, " channels, which do not divide ", channels);
  }
  convolve(node, node.transposed(filter_of(node), {0, 3, 1, 2}), channels / taken, false);
}

void depthwise_conv_2d(TfliteNode& node) {
  check_image(node, 0, 1, 4);
  if (node.shape(1)[0] != 1) fail(node, "its filter ", node.shape(1), " must begin with 1");
  convolve(node, node.transposed(filter_of(node), {3, 0, 1, 2}), node.shape(0)[3], true);
}

void conv_3d(TfliteNode& node) {
  check_image(node, 0, 1, 5);
  // Filters are depth, height, width, input, output.
  const Shape& filter = node.shape(1);
  const Shape strides = {node.integer("stride_d"), node.integer("stride_h"),
                         node.integer("stride_w")};
  const Shape dilations = {node.integer("dilation_d_factor", 1),
                           node.integer("dilation_h_factor", 1),
                           node.integer("dilation_w_factor", 1)};
  std::vector<int64_t> pads(6, 0);
  for (size_t i = 0; i < 3; ++i) {
    std::tie(pads[i], pads[i + 3]) =
        node.window_padding(node.shape(0)[i + 1], filter[i], strides[i], dilations[i]);
  }
  Value& weights = node.transposed(real_weights(node, 1), {4, 3, 0, 1, 2});
  Value& result =
      node.add("conv", {&node.channels_first(node.input(0)), &weights, bias_of(node, 2)},
               {{"strides", strides}, {"dilations", dilations}, {"pads", pads}});
  node.set_output(0, node.channels_last(node.activated(result)));
}

/// The first input states the shape of the result; its padding is that of the convolution which
/// would lead back.
void transpose_conv(TfliteNode& node) {
  check_image(node, 2, 1, 4);
  const std::vector<int64_t> shape = node.constant_integers(0);
  if (shape.size() != 4) fail(node, "the shape of its result, ", Shape(shape), ", is no image");
  const Shape strides = {node.integer("stride_h"), node.integer("stride_w")};
  std::vector<int64_t> pads(4, 0), extra(2, 0);
  for (size_t i = 0; i < 2; ++i) {
    const int64_t taps = node.shape(1)[i + 1];
    const int64_t whole = (node.shape(2)[i + 1] - 1) * strides[i] + taps;
    const bool is_same = node.text("padding", "SAME") == "SAME";
    const int64_t total = std::max<int64_t>(0, whole - shape[i + 1]);
    if (strides[i] < 1) fail(node, "has the strides ", strides);
    pads[i] = is_same ? total / 2 : 0;
    pads[i + 2] = total - pads[i];
    extra[i] = std::max<int64_t>(0, shape[i + 1] - whole);
  }
  Value& weights = node.transposed(real_weights(node, 1), {3, 0, 1, 2});
  Value& result =
      node.add("conv_transpose", {&node.channels_first(node.input(2)), &weights, bias_of(node, 3)},
               {{"strides", strides}, {"pads", pads}, {"output_padding", extra}});
  node.set_output(0, node.channels_last(node.activated(result)));
}

/// x * transposed weights + bias. What is left of x's shape beside the last dimension of the
/// weights is the batch.
void fully_connected(TfliteNode& node) {
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
  Value& result = is_hybrid(node)
                      ? hybrid_product(node, rows)
                      : node.add("gemm", {&rows, &real_weights(node, 1), bias_of(node, 2)},
                                 {{"transB", int64_t{1}}});
  Shape shape = result.type.shape;
  if (node.flag("keep_num_dims")) {
    shape = node.shape(0);
    if (shape.empty() || shape.back() != depth) {
      fail(node, "keeps the dimensions of x, ", node.input(0).type, ", but takes rows of ", depth);
    }
    shape.back() = node.shape(1)[0];
  }
  node.set_output(0, node.reshaped(node.activated(result), shape));
}

/// Products of matrices, those in front broadcast.
void batch_matmul(TfliteNode& node) {
  const auto operand = [&](int index, const char* adjoint) -> Value& {
    Value& matrix = real_weights(node, index);
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
  node.set_output(0, node.add("matmul", {&a, &b}));
}

const RegisteredTfliteRules registered({
    {.name = "CONV_2D", .inputs = 2, .convert = conv_2d},
    {.name = "DEPTHWISE_CONV_2D", .inputs = 2, .convert = depthwise_conv_2d},
    {.name = "CONV_3D", .inputs = 2, .convert = conv_3d},
    {.name = "TRANSPOSE_CONV", .inputs = 3, .convert = transpose_conv},
    {.name = "FULLY_CONNECTED", .inputs = 2, .convert = fully_connected},
    {.name = "BATCH_MATMUL", .inputs = 2, .convert = batch_matmul},
});

}  // namespace
}  // namespace mlfc
