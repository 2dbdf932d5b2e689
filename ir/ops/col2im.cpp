// Adds up overlapping blocks into an image: the inverse of cutting an image into columns. Turned
// around, each pixel sums what the blocks that cover it say about it.
#include "ir/ops/elementwise.h"
#include "ir/ops/window.h"

namespace mlfc {
namespace {

struct Blocks {
  std::vector<Window> windows = {};  ///< input: the image; output: the blocks
  int64_t channels = 0;
  Shape taps = {};
  Shape counts = {};
};

Blocks blocks_of(const Node& node) {
  const TensorType& x = node.input(0).type;
  const Shape image = constant_integers(node, 1);
  const Shape taps = constant_integers(node, 2);
  if (x.rank() != 3) fail(node, "x must have 3 dimensions but is ", x);
  if (image.size() != taps.size()) fail(node, "image ", image, " and block ", taps, " differ");
  const size_t count = taps.size();
  const auto strides = positive_per_axis(node, "strides", count);
  const auto dilations = positive_per_axis(node, "dilations", count);
  const auto pads = explicit_pads(node, count);
  Blocks blocks = {.taps = taps};
  for (size_t i = 0; i < count; ++i) {
    Window window = {.input = image[i],
                     .taps = taps[i],
                     .stride = strides[i],
                     .dilation = dilations[i],
                     .pad_begin = pads[i],
                     .pad_end = pads[i + count]};
    const int64_t room = window.input + window.pad_begin + window.pad_end - window.reach();
    if (taps[i] < 1 || room < 0) fail(node, "blocks ", taps, " do not fit the image ", image);
    window.output = room / window.stride + 1;
    blocks.windows.push_back(window);
    blocks.counts.push_back(window.output);
  }
  const int64_t block = element_count(taps);
  if (x.shape[1] % block != 0 || x.shape[2] != element_count(blocks.counts)) {
    fail(node, "x, ", x, ", does not hold ", element_count(blocks.counts), " blocks of ", block);
  }
  blocks.channels = x.shape[1] / block;
  return blocks;
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  const Blocks blocks = blocks_of(node);
  Shape shape = {node.input(0).type.shape[0], blocks.channels};
  for (const Window& window : blocks.windows) shape.push_back(window.input);
  return {{node.input(0).type.dtype, shape, {}}};
}

Kernel kernel(const Node& node) {
  const Blocks blocks = blocks_of(node);
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const auto names = spatial_names("k", static_cast<int>(blocks.taps.size()));
  std::vector<Expr> taps;
  std::vector<Expr> places;
  Expr covers;
  for (size_t i = 0; i < blocks.windows.size(); ++i) {
    const Window& window = blocks.windows[i];
    const Expr tap = k.reduce(names[i], window.taps);
    const Expr start = at[i + 2] + Expr(window.pad_begin) - tap * Expr(window.dilation);
    const Expr block = floor_div(start, Expr(window.stride));
    const auto and_also = [&](const Expr& condition) {
      if (condition->kind == ExprKind::constant) return;  // a stride of 1 always divides
      covers = covers.empty() ? condition : call_expr("and", {covers, condition});
    };
    and_also(equal(floor_mod(start, Expr(window.stride)), 0));
    and_also(call_expr("less_equal", {Expr(0), block}));
    and_also(less(block, Expr(window.output)));
    taps.push_back(tap);
    // Inside in any case, so that blocks of one row are not taken for those of another.
    places.push_back(min_expr(max_expr(block, Expr(0)), Expr(window.output - 1)));
  }
  const Expr row = at[1] * Expr(element_count(blocks.taps)) + flat_index(taps, blocks.taps);
  const Expr value = k.in(0)(at[0], row, flat_index(places, blocks.counts));
  const Expr zero = with_dtype(0, value.dtype());
  k.store(k.out().at(at), k.reduction(Combine::sum, select_expr(covers, value, zero)));
  return k.done();
}

const Operator col2im{
    .name = "col2im",
    .summary = "Sums overlapping blocks into an image.",
    .onnx = {"Col2Im"},
    .onnx_opset = 18,
    .inputs = {"x", "image_shape!", "block_shape!"},
    .attributes = {ints("strides", {1}), ints("dilations", {1}), ints("pads", {0})},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{col2im};

}  // namespace
}  // namespace mlfc
