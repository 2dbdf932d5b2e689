// Pools of reals, and what looks along channels: normalisations and softmax.
#include "frontend/tflite/ops/windows.h"

namespace mlfc {
namespace {

Attributes pool_attributes(TfliteNode& node) {
  if (node.rank(0) != 4) fail(node, "its image must have 4 dimensions but is ", node.input(0).type);
  const Shape taps = {node.integer("filter_height"), node.integer("filter_width")};
  Attributes attributes = window_attributes_2d(node, {node.shape(0)[1], node.shape(0)[2]}, taps);
  attributes["kernel_shape"] = taps;
  return attributes;
}

void pool(TfliteNode& node, const char* op) {
  const Attributes attributes = pool_attributes(node);
  Value& x = node.channels_first(node.input(0));
  Value& result = node.add(op, {&x}, attributes);
  node.set_output(0, node.channels_last(node.activated(result)));
}

void l2_pool(TfliteNode& node) {
  const Attributes attributes = pool_attributes(node);
  Value& x = node.channels_first(node.input(0));
  Value& mean = node.add("average_pool", {&node.add("mul", {&x, &x})}, attributes);
  node.set_output(0, node.channels_last(node.activated(node.add("sqrt", {&mean}))));
}

void softmax(TfliteNode& node) {
  const double beta = node.real("beta");
  Value* x = &node.input(0);
  if (beta != 1) x = &node.add("mul", {x, &node.scalar(x->type.dtype, beta)});
  node.set_output(0, node.add("softmax", {x}, {{"axis", int64_t{-1}}}));
}

void log_softmax(TfliteNode& node) {
  node.set_output(0, node.add("log_softmax", {&node.input(0)}, {{"axis", int64_t{-1}}}));
}

/// x / |x|, the length taken along the last dimension.
void l2_normalization(TfliteNode& node) {
  Value& x = node.input(0);
  Value& length =
      node.add("reduce_l2", {&x, &node.integers_constant({-1})}, {{"keepdims", int64_t{1}}});
  Value& positive = node.add("max", {&length, &node.scalar(x.type.dtype, 1e-6)});
  node.set_output(0, node.activated(node.add("div", {&x, &positive})));
}

/// The format sums squares within `radius` channels and scales by alpha; ours takes their mean.
void local_response_normalization(TfliteNode& node) {
  if (node.rank(0) != 4) fail(node, "its image must have 4 dimensions but is ", node.input(0).type);
  const int64_t size = 2 * node.integer("radius") + 1;
  Value& result = node.add("lrn", {&node.channels_first(node.input(0))},
                           {{"alpha", node.real("alpha") * static_cast<double>(size)},
                            {"beta", node.real("beta")},
                            {"bias", node.real("bias")},
                            {"size", size}});
  node.set_output(0, node.channels_last(result));
}

const RegisteredTfliteRules registered({
    {.name = "AVERAGE_POOL_2D", .convert = [](TfliteNode& node) { pool(node, "average_pool"); }},
    {.name = "MAX_POOL_2D", .convert = [](TfliteNode& node) { pool(node, "max_pool"); }},
    {.name = "L2_POOL_2D", .convert = l2_pool},
    {.name = "SOFTMAX", .convert = softmax},
    {.name = "LOG_SOFTMAX", .convert = log_softmax},
    {.name = "L2_NORMALIZATION", .convert = l2_normalization},
    {.name = "LOCAL_RESPONSE_NORMALIZATION", .convert = local_response_normalization},
});

}  // namespace
}  // namespace mlfc
