// Moves blocks of channels to pixels and back. The block's position is an axis of its own, so that
// every index is affine.
#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

int64_t block_of(const Node& node) {
  const int64_t block = node.integer("blocksize");
  const TensorType& x = node.input(0).type;
  if (x.rank() != 4) fail(node, "x must have 4 dimensions but is ", x);
  if (block < 1 || block > (1 << 16)) fail(node, "blocksize is ", block);
  return block;
}

std::vector<TensorType> infer_to_space(const Node& node) {
  const int64_t block = block_of(node);
  const TensorType& x = node.input(0).type;
  const std::string& mode = node.text("mode");
  if (mode != "DCR" && mode != "CRD") fail(node, "mode '", mode, "' is neither DCR nor CRD");
  if (x.shape[1] % (block * block) != 0) {
    fail(node, x.shape[1], " channels do not divide into blocks of ", block, " by ", block);
  }
  return {{x.dtype,
           {x.shape[0], x.shape[1] / (block * block), x.shape[2] * block, x.shape[3] * block}}};
}

Kernel to_space_kernel(const Node& node) {
  const Expr block = block_of(node);
  const Shape& in = node.input(0).type.shape;
  const int64_t channels = node.output().type.shape[1];
  KernelBuilder k(node);
  const Expr n = parallel_axis(k, "n", in[0]);
  const Expr c = parallel_axis(k, "c", channels);
  const Expr h = parallel_axis(k, "h", in[2]);
  const Expr bh = parallel_axis(k, "bh", block_of(node));
  const Expr w = parallel_axis(k, "w", in[3]);
  const Expr bw = parallel_axis(k, "bw", block_of(node));
  const Expr place = bh * block + bw;
  const bool depth_first = node.text("mode") == "DCR";
  const Expr channel = depth_first ? place * Expr(channels) + c : c * block * block + place;
  k.store(k.out()(n, c, h * block + bh, w * block + bw),
          stored_element(k.in(0), {n, channel, h, w}));
  return k.done();
}

const Operator depth_to_space{
    .name = "depth_to_space",
    .summary = "Spreads channels over blocks of pixels.",
    .onnx = {"DepthToSpace"},
    .inputs = {"x"},
    .attributes = {required(integer("blocksize", 1)), text("mode", "DCR")},
    .infer = infer_to_space,
    .kernel = to_space_kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_to_space{depth_to_space};

std::vector<TensorType> infer_to_depth(const Node& node) {
  const int64_t block = block_of(node);
  const TensorType& x = node.input(0).type;
  if (x.shape[2] % block != 0 || x.shape[3] % block != 0) {
    fail(node, x, " does not divide into blocks of ", block, " by ", block, " pixels");
  }
  return {
      {x.dtype, {x.shape[0], x.shape[1] * block * block, x.shape[2] / block, x.shape[3] / block}}};
}

Kernel to_depth_kernel(const Node& node) {
  const Expr block = block_of(node);
  const int64_t channels = node.input(0).type.shape[1];
  const Shape& out = node.output().type.shape;
  KernelBuilder k(node);
  const Expr n = parallel_axis(k, "n", out[0]);
  const Expr bh = parallel_axis(k, "bh", block_of(node));
  const Expr bw = parallel_axis(k, "bw", block_of(node));
  const Expr c = parallel_axis(k, "c", channels);
  const Expr h = parallel_axis(k, "h", out[2]);
  const Expr w = parallel_axis(k, "w", out[3]);
  k.store(k.out()(n, (bh * block + bw) * Expr(channels) + c, h, w),
          stored_element(k.in(0), {n, c, h * block + bh, w * block + bw}));
  return k.done();
}

const Operator space_to_depth{
    .name = "space_to_depth",
    .summary = "Gathers blocks of pixels into channels.",
    .onnx = {"SpaceToDepth"},
    .inputs = {"x"},
    .attributes = {required(integer("blocksize", 1))},
    .infer = infer_to_depth,
    .kernel = to_depth_kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_to_depth{space_to_depth};

}  // namespace
}  // namespace mlfc
