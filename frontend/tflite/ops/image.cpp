// Padding, resizing, and exchanging space for batch or depth.
#include <algorithm>

#include "frontend/tflite/ops/moving.h"

namespace mlfc {
namespace {

/// Pairs of a [count, 2] constant input: what is before and after each dimension.
struct Margins {
  std::vector<int64_t> before = {}, after = {};
};

Margins margins_of(TfliteNode& node, int index, size_t count) {
  const std::vector<int64_t> pairs = node.constant_integers(index);
  if (pairs.size() != 2 * count) {
    fail(node, "needs ", count, " pairs but has ", node.input(index).type);
  }
  Margins margins;
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i] < 0) fail(node, "has the negative margin ", pairs[i]);
    (i % 2 == 0 ? margins.before : margins.after).push_back(pairs[i]);
  }
  return margins;
}

/// What padding holds: a number where it is known, so that whoever reads the result can make it up
/// itself; a value otherwise.
Value& padded(TfliteNode& node, Value& x, const Margins& margins, Value& value,
              const std::string& mode = "constant") {
  std::vector<int64_t> pads = margins.before;
  pads.insert(pads.end(), margins.after.begin(), margins.after.end());
  if (std::ranges::all_of(pads, [](int64_t pad) { return pad == 0; })) return x;
  std::vector<Value*> operands = {&x, &node.integers_constant(pads)};
  Attributes attributes = {{"mode", mode}};
  if (value.is_constant()) {
    attributes["value"] = value.constant->real(0);
  } else {
    operands.push_back(&value);
  }
  return node.add("pad", operands, std::move(attributes));
}

void pad(TfliteNode& node) {
  check_same_scale(node, 0);
  const Margins margins = margins_of(node, 1, node.shape(0).size());
  Value& value = node.has_input(2) ? node.reshaped(node.input(2), {}) : real_zero(node);
  node.set_output(0, padded(node, node.input(0), margins, value));
}

/// Mirrors with the border itself doubled, which no mode of ours does: pieces are put together.
Value& symmetric(TfliteNode& node, Value& x, int64_t axis, int64_t before, int64_t after) {
  const int64_t extent = x.type.shape[static_cast<size_t>(axis)];
  if (before > extent || after > extent) {
    fail(node, "mirrors ", before, " and ", after, " of ", extent, " elements");
  }
  const auto mirrored = [&](int64_t start, int64_t end) -> Value& {
    Value& piece = sliced(node, x, axis, start, end);
    return sliced(node, piece, axis, -1, std::numeric_limits<int64_t>::min() / 2, -1);
  };
  std::vector<Value*> pieces;
  if (before > 0) pieces.push_back(&mirrored(0, before));
  pieces.push_back(&x);
  if (after > 0) pieces.push_back(&mirrored(extent - after, extent));
  return pieces.size() == 1 ? x : node.add("concat", pieces, {{"axis", axis}});
}

void mirror_pad(TfliteNode& node) {
  check_same_scale(node, 0);
  const Shape shape = node.shape(0);
  const Margins margins = margins_of(node, 1, shape.size());
  Value* x = &node.input(0);
  const std::string mode = node.text("mode", "REFLECT");
  if (mode == "SYMMETRIC") {
    for (size_t i = 0; i < shape.size(); ++i) {
      x = &symmetric(node, *x, static_cast<int64_t>(i), margins.before[i], margins.after[i]);
    }
    node.set_output(0, *x);
    return;
  }
  if (mode != "REFLECT") fail(node, "its mode ", mode, " is not supported");
  for (size_t i = 0; i < shape.size(); ++i) {
    if (std::max(margins.before[i], margins.after[i]) >= shape[i]) {
      fail(node, "reflects more of dimension ", i, " than ", shape, " has");
    }
  }
  node.set_output(0, padded(node, *x, margins, real_zero(node), "reflect"));
}

// --- space, batch, depth ------------------------------------------------------------------------

/// Block sizes of the dimensions after the batch.
std::vector<int64_t> block_of(TfliteNode& node) {
  const std::vector<int64_t> block = node.constant_integers(1);
  const bool is_positive = std::ranges::all_of(block, [](int64_t extent) { return extent > 0; });
  if (!is_positive || block.size() + 1 > node.shape(0).size()) {
    fail(node, "its block ", Shape(block), " does not fit ", node.shape(0));
  }
  return block;
}

/// [n, h, w, c] -> [n, h/b, b, w/b, b, c] -> [b, b, n, h/b, w/b, c] -> [b*b*n, h/b, w/b, c]
void space_to_batch(TfliteNode& node) {
  check_same_scale(node, 0);
  const std::vector<int64_t> block = block_of(node);
  const Margins inner = margins_of(node, 2, block.size());
  Margins margins{{0}, {0}};
  margins.before.insert(margins.before.end(), inner.before.begin(), inner.before.end());
  margins.after.insert(margins.after.end(), inner.after.begin(), inner.after.end());
  margins.before.resize(node.shape(0).size(), 0);
  margins.after.resize(node.shape(0).size(), 0);
  Value& x = padded(node, node.input(0), margins, real_zero(node));
  const Shape& shape = x.type.shape;
  Shape parts = {shape[0]}, result = {shape[0]};
  std::vector<int64_t> steps = {}, rest = {0};
  for (size_t i = 0; i < block.size(); ++i) {
    if (shape[i + 1] % block[i] != 0) {
      fail(node, "its block ", Shape(block), " does not divide ", shape);
    }
    rest.push_back(static_cast<int64_t>(parts.size()));
    steps.push_back(static_cast<int64_t>(parts.size()) + 1);
    parts.insert(parts.end(), {shape[i + 1] / block[i], block[i]});
    result[0] *= block[i];
    result.push_back(shape[i + 1] / block[i]);
  }
  for (size_t i = block.size() + 1; i < shape.size(); ++i) {
    rest.push_back(static_cast<int64_t>(parts.size()));
    parts.push_back(shape[i]);
    result.push_back(shape[i]);
  }
  steps.insert(steps.end(), rest.begin(), rest.end());
  node.set_output(0, node.reshaped(node.transposed(node.reshaped(x, parts), steps), result));
}

/// [b*b*n, h, w, c] -> [b, b, n, h, w, c] -> [n, h, b, w, b, c] -> [n, h*b, w*b, c], then cut.
void batch_to_space(TfliteNode& node) {
  check_same_scale(node, 0);
  const std::vector<int64_t> block = block_of(node);
  const Margins crops = margins_of(node, 2, block.size());
  const Shape shape = node.shape(0);
  const auto count = static_cast<int64_t>(block.size());
  int64_t batch = shape[0];
  Shape parts = block;
  for (const int64_t extent : block) {
    if (batch % extent != 0) fail(node, "its block ", Shape(block), " does not divide ", shape);
    batch /= extent;
  }
  parts.push_back(batch);
  parts.insert(parts.end(), shape.begin() + 1, shape.end());
  std::vector<int64_t> perm = {count};
  Shape result = {batch};
  for (int64_t i = 0; i < count; ++i) {
    perm.insert(perm.end(), {count + 1 + i, i});
    result.push_back(shape[static_cast<size_t>(i) + 1] * block[static_cast<size_t>(i)]);
  }
  for (auto i = static_cast<size_t>(count) + 1; i < shape.size(); ++i) {
    perm.push_back(count + static_cast<int64_t>(i));
    result.push_back(shape[i]);
  }
  Value* x = &node.reshaped(node.transposed(node.reshaped(node.input(0), parts), perm), result);
  for (size_t i = 0; i < block.size(); ++i) {
    if (crops.before[i] == 0 && crops.after[i] == 0) continue;
    const int64_t end = result[i + 1] - crops.after[i];
    if (crops.before[i] >= end) fail(node, "cuts everything away from ", result);
    x = &sliced(node, *x, static_cast<int64_t>(i) + 1, crops.before[i], end);
  }
  node.set_output(0, *x);
}

void exchange_depth(TfliteNode& node, const char* op) {
  check_same_scale(node, 0);
  if (node.rank(0) != 4) fail(node, "its image must have 4 dimensions but is ", node.input(0).type);
  Value& result = node.add(op, {&node.channels_first(node.input(0))},
                           {{"blocksize", node.integer("block_size")}});
  node.set_output(0, node.channels_last(result));
}

// --- resizing -----------------------------------------------------------------------------------

void resize(TfliteNode& node, const std::string& mode, const std::string& rounding) {
  check_same_scale(node, 0);
  if (node.rank(0) != 4) fail(node, "its image must have 4 dimensions but is ", node.input(0).type);
  const std::vector<int64_t> size = node.constant_integers(1);
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) fail(node, "resizes to ", Shape(size));
  const Shape& shape = node.shape(0);
  Value& sizes = node.integers_constant({shape[0], shape[3], size[0], size[1]});
  const bool is_aligned = node.flag("align_corners");
  const std::string places = is_aligned                        ? "align_corners"
                             : node.flag("half_pixel_centers") ? "half_pixel"
                                                               : "asymmetric";
  Value& result = node.add(
      "resize", {&node.channels_first(node.input(0)), nullptr, nullptr, &sizes},
      {{"mode", mode}, {"coordinate_transformation_mode", places}, {"nearest_mode", rounding}});
  node.set_output(0, node.channels_last(result));
}

void resize_nearest(TfliteNode& node) {
  const bool rounds = node.flag("align_corners") || node.flag("half_pixel_centers");
  resize(node, "nearest", rounds ? "round_prefer_ceil" : "floor");
}

void resize_bilinear(TfliteNode& node) {
  resize(node, "linear", "floor");
}

const RegisteredTfliteRules registered({
    {.name = "BATCH_TO_SPACE_ND",
     .computes = Computes::either,
     .inputs = 3,
     .convert = batch_to_space},
    {.name = "DEPTH_TO_SPACE",
     .computes = Computes::either,
     .convert = [](TfliteNode& node) { exchange_depth(node, "depth_to_space"); }},
    {.name = "MIRROR_PAD", .computes = Computes::either, .inputs = 2, .convert = mirror_pad},
    {.name = "PAD", .computes = Computes::either, .inputs = 2, .convert = pad},
    {.name = "PADV2", .computes = Computes::either, .inputs = 3, .convert = pad},
    {.name = "RESIZE_BILINEAR", .inputs = 2, .convert = resize_bilinear},
    {.name = "RESIZE_NEAREST_NEIGHBOR",
     .computes = Computes::either,
     .inputs = 2,
     .convert = resize_nearest},
    {.name = "SPACE_TO_BATCH_ND",
     .computes = Computes::either,
     .inputs = 3,
     .convert = space_to_batch},
    {.name = "SPACE_TO_DEPTH",
     .computes = Computes::either,
     .convert = [](TfliteNode& node) { exchange_depth(node, "space_to_depth"); }},
});

}  // namespace
}  // namespace mlfc
