// Operators about shapes: they change how elements are indexed, or tell how they are.
#include <algorithm>

#include "frontend/tflite/ops/moving.h"

namespace mlfc {
namespace {

/// Shapes of results that the model computes are known here, since shapes of inputs are.
std::vector<int64_t> wanted_shape(TfliteNode& node) {
  if (node.has_input(1)) return node.constant_integers(1);
  return node.integers("new_shape");
}

void reshape(TfliteNode& node) {
  check_same_scale(node, 0);
  std::vector<int64_t> shape = wanted_shape(node);
  // Old converters write [0] for a scalar.
  if (shape == std::vector<int64_t>{0} && node.input(0).type.elements() == 1) shape = {};
  node.set_output(0, node.add("reshape", {&node.input(0), &node.integers_constant(shape)},
                              {{"allowzero", int64_t{1}}}));
}

void squeeze(TfliteNode& node) {
  check_same_scale(node, 0);
  const Shape& before = node.shape(0);
  std::vector<int64_t> axes = node.integers("squeeze_dims");
  for (int64_t& axis : axes) axis = axis_in(node, axis, node.rank(0));
  Shape after;
  for (size_t i = 0; i < before.size(); ++i) {
    const bool is_listed = std::ranges::count(axes, static_cast<int64_t>(i)) > 0;
    if (is_listed && before[i] != 1) fail(node, "dimension ", i, " of ", before, " is not 1");
    if (is_listed || (axes.empty() && before[i] == 1)) continue;
    after.push_back(before[i]);
  }
  node.set_output(0, node.reshaped(node.input(0), after));
}

void expand_dims(TfliteNode& node) {
  check_same_scale(node, 0);
  Shape shape = node.shape(0);
  const int64_t axis = axis_in(node, constant_integer(node, 1), node.rank(0) + 1);
  shape.insert(shape.begin() + axis, 1);
  node.set_output(0, node.reshaped(node.input(0), shape));
}

void transpose(TfliteNode& node) {
  check_same_scale(node, 0);
  std::vector<int64_t> perm = node.constant_integers(1);
  for (int64_t& axis : perm) axis = axis_in(node, axis, node.rank(0));
  node.set_output(0, node.transposed(node.input(0), perm));
}

void shape_of(TfliteNode& node) {
  std::vector<double> extents(node.shape(0).begin(), node.shape(0).end());
  const auto count = static_cast<int64_t>(extents.size());
  node.set_output(0, node.constant(tensor_of(node.output_tensor(0).dtype, {count}, extents)));
}

void rank(TfliteNode& node) {
  node.set_output(0, node.scalar(node.output_tensor(0).dtype, node.rank(0)));
}

void concatenation(TfliteNode& node) {
  std::vector<Value*> parts;
  for (int i = 0; i < node.input_count(); ++i) {
    check_same_scale(node, i);
    // A part without elements adds nothing; its other dimensions may even disagree.
    if (node.input(i).type.elements() > 0) parts.push_back(&node.input(i));
  }
  if (parts.empty()) parts.push_back(&node.input(0));
  const int64_t axis = axis_in(node, node.integer("axis"), parts.front()->type.rank());
  Value& whole = node.add("concat", parts, {{"axis", axis}});
  const bool is_quantized = !node.output_quantization(0).empty();
  if (is_quantized && node.text("fused_activation_function", "NONE") != "NONE") {
    fail(node, "its fused activation on quantised numbers is not supported");
  }
  node.set_output(0, node.activated(whole));
}

void pack(TfliteNode& node) {
  const int64_t axis = axis_in(node, node.integer("axis"), node.rank(0) + 1);
  std::vector<Value*> parts;
  for (int i = 0; i < node.input_count(); ++i) {
    check_same_scale(node, i);
    Shape shape = node.shape(i);
    if (shape != node.shape(0)) {
      fail(node, "packs tensors of different shapes, ", node.shape(0), " and ", shape);
    }
    shape.insert(shape.begin() + axis, 1);
    parts.push_back(&node.reshaped(node.input(i), shape));
  }
  node.set_output(0, node.add("concat", parts, {{"axis", axis}}));
}

void set_parts(TfliteNode& node, Value& x, int64_t axis, const std::vector<int64_t>& lengths) {
  const auto count = static_cast<int>(lengths.size());
  if (count != node.output_count()) {
    fail(node, "cuts into ", count, " parts but has ", node.output_count(), " outputs");
  }
  const std::vector<Value*> parts =
      node.add_all("split", {&x, &node.integers_constant(lengths)}, count, {{"axis", axis}});
  for (int i = 0; i < count; ++i) node.set_output(i, *parts[static_cast<size_t>(i)]);
}

void unpack(TfliteNode& node) {
  check_same_scale(node, 0);
  const int64_t axis = axis_in(node, node.integer("axis"), node.rank(0));
  Shape shape = node.shape(0);
  const int64_t count = shape[static_cast<size_t>(axis)];
  if (count != node.output_count()) {
    fail(node, "unpacks ", count, " tensors into ", node.output_count(), " outputs");
  }
  shape.erase(shape.begin() + axis);
  const std::vector<int64_t> ones(static_cast<size_t>(count), 1);
  const std::vector<Value*> parts =
      node.add_all("split", {&node.input(0), &node.integers_constant(ones)},
                   static_cast<int>(count), {{"axis", axis}});
  for (int i = 0; i < count; ++i) {
    node.set_output(i, node.reshaped(*parts[static_cast<size_t>(i)], shape));
  }
}

void split(TfliteNode& node) {
  check_same_scale(node, 1);
  const int64_t axis = axis_in(node, constant_integer(node, 0), node.rank(1));
  const int64_t extent = node.shape(1)[static_cast<size_t>(axis)];
  const int64_t parts = node.output_count();
  if (extent % parts != 0) fail(node, extent, " does not divide into ", parts, " equal parts");
  set_parts(node, node.input(1), axis,
            std::vector<int64_t>(static_cast<size_t>(parts), extent / parts));
}

void split_v(TfliteNode& node) {
  check_same_scale(node, 0);
  std::vector<int64_t> lengths = node.constant_integers(1);
  const int64_t axis = axis_in(node, constant_integer(node, 2), node.rank(0));
  int64_t rest = node.shape(0)[static_cast<size_t>(axis)];
  for (const int64_t length : lengths) rest -= std::max<int64_t>(length, 0);
  if (std::ranges::count(lengths, -1) == 1) std::ranges::replace(lengths, -1, rest);
  set_parts(node, node.input(0), axis, lengths);
}

void expand(TfliteNode& node) {
  check_same_scale(node, 0);
  const std::vector<int64_t> shape = node.constant_integers(1);
  node.set_output(0, node.add("expand", {&node.input(0), &node.integers_constant(shape)}));
}

void tile(TfliteNode& node) {
  check_same_scale(node, 0);
  const std::vector<int64_t> repeats = node.constant_integers(1);
  node.set_output(0, node.add("tile", {&node.input(0), &node.integers_constant(repeats)}));
}

/// The shape that two shapes broadcast to.
void broadcast_args(TfliteNode& node) {
  std::vector<int64_t> a = node.constant_integers(0), b = node.constant_integers(1);
  if (a.size() < b.size()) std::swap(a, b);
  const size_t lead = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t& extent = a[lead + i];
    if (extent != b[i] && extent != 1 && b[i] != 1) {
      fail(node, "shapes ", Shape(a), " and ", Shape(b), " do not broadcast to one shape");
    }
    if (extent == 1) extent = b[i];
  }
  const std::vector<double> extents(a.begin(), a.end());
  node.set_output(0, node.constant(tensor_of(node.output_tensor(0).dtype,
                                             {static_cast<int64_t>(a.size())}, extents)));
}

void fill(TfliteNode& node) {
  const std::vector<int64_t> shape = node.constant_integers(0);
  node.set_output(0, node.add("expand", {&node.input(1), &node.integers_constant(shape)}));
}

void zeros_like(TfliteNode& node) {
  Value& zero = node.scalar(node.dtype(0), 0);
  node.set_output(0, node.add("expand", {&zero, &node.integers_constant(node.shape(0))}));
}

void range(TfliteNode& node) {
  std::vector<Value*> limits;
  for (int i = 0; i < 3; ++i) limits.push_back(&node.constant(node.constant(i)));
  node.set_output(0, node.add("range", limits));
}

void one_hot(TfliteNode& node) {
  Value& values =
      node.add("concat", {&node.reshaped(node.input(3), {1}), &node.reshaped(node.input(2), {1})},
               {{"axis", int64_t{0}}});
  node.set_output(0, node.add("one_hot", {&node.input(0), &node.input(1), &values},
                              {{"axis", node.integer("axis")}}));
}

const RegisteredTfliteRules registered({
    {.name = "BROADCAST_ARGS", .inputs = 2, .convert = broadcast_args},
    {.name = "BROADCAST_TO", .computes = Computes::either, .inputs = 2, .convert = expand},
    {.name = "CONCATENATION", .convert = concatenation},
    {.name = "EXPAND_DIMS", .computes = Computes::either, .inputs = 2, .convert = expand_dims},
    {.name = "FILL", .computes = Computes::either, .inputs = 2, .convert = fill},
    {.name = "ONE_HOT", .inputs = 4, .convert = one_hot},
    {.name = "PACK", .computes = Computes::either, .convert = pack},
    {.name = "RANGE", .inputs = 3, .convert = range},
    {.name = "RANK", .computes = Computes::either, .convert = rank},
    {.name = "RESHAPE", .computes = Computes::either, .convert = reshape},
    {.name = "SHAPE", .computes = Computes::either, .convert = shape_of},
    {.name = "SPLIT", .computes = Computes::either, .inputs = 2, .convert = split},
    {.name = "SPLIT_V", .computes = Computes::either, .inputs = 3, .convert = split_v},
    {.name = "SQUEEZE", .computes = Computes::either, .convert = squeeze},
    {.name = "TILE", .computes = Computes::either, .inputs = 2, .convert = tile},
    {.name = "TRANSPOSE", .computes = Computes::either, .inputs = 2, .convert = transpose},
    {.name = "UNPACK", .computes = Computes::either, .convert = unpack},
    {.name = "ZEROS_LIKE", .computes = Computes::either, .convert = zeros_like},
});

}  // namespace
}  // namespace mlfc
