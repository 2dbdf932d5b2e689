// Cuts a tensor into parts along an axis: into given lengths, or into as equal ones as possible.
#include <algorithm>
#include <numeric>

#include "ir/operator.h"
#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

int axis_of(const Node& node) {
  return normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
}

std::vector<int64_t> equal_parts(const Node& node, int64_t extent, int64_t parts) {
  // From opset 18 on the last part may be shorter; older models must divide evenly.
  if (!node.has("num_outputs") && extent % parts != 0) {
    fail(node, extent, " does not divide into ", parts, " equal parts; give 'split'");
  }
  const int64_t length = (extent + parts - 1) / parts;
  std::vector<int64_t> lengths;
  for (int64_t done = 0; static_cast<int64_t>(lengths.size()) < parts; done += length) {
    lengths.push_back(std::clamp<int64_t>(extent - done, 0, length));
  }
  return lengths;
}

std::vector<int64_t> lengths_of(const Node& node) {
  const int64_t extent = node.input(0).type.shape[axis_of(node)];
  const auto parts = static_cast<int64_t>(node.outputs.size());
  if (!node.has_input(1)) {
    if (node.has("num_outputs") && node.integer("num_outputs") != parts) {
      fail(node, "num_outputs is ", node.integer("num_outputs"), " but there are ", parts);
    }
    return equal_parts(node, extent, parts);
  }
  const std::vector<int64_t> lengths = constant_integers(node, 1);
  const bool negative =
      std::any_of(lengths.begin(), lengths.end(), [](int64_t n) { return n < 0; });
  const int64_t total = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  if (negative || total != extent || static_cast<int64_t>(lengths.size()) != parts) {
    fail(node, "split ", Shape(lengths), " does not cut ", extent, " elements into ", parts,
         " parts");
  }
  return lengths;
}

std::vector<TensorType> infer(const Node& node) {
  std::vector<TensorType> types;
  for (const int64_t length : lengths_of(node)) {
    types.push_back(node.input(0).type.plain());
    types.back().shape[axis_of(node)] = length;
  }
  return types;
}

Kernel kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const int axis = axis_of(node);
  const std::vector<int64_t> lengths = lengths_of(node);
  KernelBuilder k(node);
  const std::vector<Expr> outer = parallel_axes(k, Shape(shape.begin(), shape.begin() + axis));
  int64_t offset = 0;
  bool first = true;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const int index = static_cast<int>(i);
    if (k.has_out(index)) {
      if (!first) k.stage();
      first = false;
      std::vector<Expr> to = outer;
      for (size_t dim = static_cast<size_t>(axis); dim < shape.size(); ++dim) {
        const int64_t extent = dim == static_cast<size_t>(axis) ? lengths[i] : shape[dim];
        to.push_back(row_axis(k, "i" + std::to_string(dim), extent));
      }
      std::vector<Expr> from = to;
      from[axis] = to[axis] + Expr(offset);
      k.store(k.out(index).at(to), stored_element(k.in(0), from));
    }
    offset += lengths[i];
  }
  return k.done();
}

const Operator split{
    .name = "split",
    .summary = "Cuts a tensor into parts along an axis.",
    .onnx = {"Split"},
    .inputs = {"x", "split?!"},
    .outputs = {"ys..."},
    .attributes = {integer("axis", 0), integer("num_outputs", 0)},
    .adopt = [](ForeignNode& node) { attribute_to_input(node, "split", 1); },
    .offer =
        [](ForeignNode& node) {
          if (foreign_integer(node, "num_outputs", 0) == 0) node.attributes.erase("num_outputs");
          if (node.attributes.contains("num_outputs")) node.opset = 18;
        },
    .infer = infer,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered{split};

}  // namespace
}  // namespace mlfc
