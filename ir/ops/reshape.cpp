// Operators that keep the elements and their order and change only the shape: reshape, flatten,
// squeeze and unsqueeze. They usually end as views and cost nothing.
#include <algorithm>

#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

Kernel kernel(const Node& node) {
  const Shape& from = node.input(0).type.shape;
  const Shape& to = node.output().type.shape;
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, to);
  k.store(k.out().at(at), stored_element(k.in(0), regrouped_index(at, to, from)));
  return k.done();
}

// --- reshape --------------------------------------------------------------------------------

/// The requested shape with 0 replaced by the input's dimension; -1 stays.
Shape with_copied_dims(const Node& node, Shape wanted) {
  const TensorType& x = node.input(0).type;
  const bool zero_copies = node.integer("allowzero") == 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] < -1) fail(node, "shape ", wanted, " holds ", wanted[i], ", which is negative");
    if (wanted[i] != 0 || !zero_copies) continue;
    if (i >= x.shape.size()) {
      fail(node, "shape ", wanted, " copies dimension ", i, " but x is only ", x);
    }
    wanted[i] = x.shape[i];
  }
  return wanted;
}

std::vector<TensorType> infer_reshape(const Node& node) {
  const TensorType& x = node.input(0).type;
  Shape shape = with_copied_dims(node, constant_integers(node, 1));
  const auto open = std::find(shape.begin(), shape.end(), -1);
  if (open != shape.end()) {
    if (std::find(open + 1, shape.end(), -1) != shape.end()) {
      fail(node, "shape ", shape, " leaves more than one dimension open");
    }
    *open = 1;
    const int64_t rest = element_count(shape);
    if (rest == 0 || x.elements() % rest != 0) {
      fail(node, x, " cannot be reshaped: its ", x.elements(), " elements do not divide by ", rest);
    }
    *open = x.elements() / rest;
  }
  if (element_count(shape) != x.elements()) {
    fail(node, x, " has ", x.elements(), " elements and cannot become ", shape);
  }
  return {{x.dtype, shape}};
}

const Operator reshape{
    .name = "reshape",
    .summary = "The same elements in another shape.",
    .onnx = {"Reshape"},
    .inputs = {"x", "shape!"},
    .attributes = {integer("allowzero", 0)},
    .offer =
        [](ForeignNode& node) {
          const auto found = node.attributes.find("allowzero");
          if (found == node.attributes.end()) return;
          if (std::get<int64_t>(found->second) == 0) {
            node.attributes.erase(found);
          } else {
            node.opset = 14;
          }
        },
    .infer = infer_reshape,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_reshape{reshape};

// --- flatten --------------------------------------------------------------------------------

std::vector<TensorType> infer_flatten(const Node& node) {
  const TensorType& x = node.input(0).type;
  const int64_t axis = node.integer("axis");
  const bool at_end = axis == x.rank();  // everything becomes rows
  const int split = at_end ? x.rank() : x.rank() == 0 ? 0 : normalized_axis(node, axis, x.rank());
  const Shape rows(x.shape.begin(), x.shape.begin() + split);
  const Shape columns(x.shape.begin() + split, x.shape.end());
  return {{x.dtype, {element_count(rows), element_count(columns)}}};
}

const Operator flatten{
    .name = "flatten",
    .summary = "A matrix: the dimensions before axis as rows, the others as columns.",
    .onnx = {"Flatten"},
    .inputs = {"x"},
    .attributes = {integer("axis", 1)},
    .infer = infer_flatten,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_flatten{flatten};

// --- squeeze and unsqueeze ------------------------------------------------------------------

std::vector<TensorType> infer_squeeze(const Node& node) {
  const TensorType& x = node.input(0).type;
  std::vector<bool> gone(x.shape.size(), false);
  if (node.has_input(1)) {
    for (const int axis : normalized_axes(node, constant_integers(node, 1), x.rank())) {
      if (x.shape[axis] != 1) fail(node, "axis ", axis, " of ", x, " is not 1 and cannot go away");
      gone[axis] = true;
    }
  } else {
    for (int i = 0; i < x.rank(); ++i) gone[i] = x.shape[i] == 1;
  }
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) {
    if (!gone[i]) shape.push_back(x.shape[i]);
  }
  return {{x.dtype, shape}};
}

std::vector<TensorType> infer_unsqueeze(const Node& node) {
  const TensorType& x = node.input(0).type;
  const std::vector<int64_t> axes = constant_integers(node, 1);
  const int rank = x.rank() + static_cast<int>(axes.size());
  std::vector<bool> added(rank, false);
  for (const int axis : normalized_axes(node, axes, rank)) added[axis] = true;
  Shape shape(rank, 1);
  auto next = x.shape.begin();
  for (int i = 0; i < rank; ++i) {
    if (!added[i]) shape[i] = *next++;
  }
  return {{x.dtype, shape}};
}

void axes_to_input(ForeignNode& node) {
  attribute_to_input(node, "axes", 1);
}

const Operator squeeze{
    .name = "squeeze",
    .summary = "Drops dimensions of extent 1.",
    .onnx = {"Squeeze"},
    .inputs = {"x", "axes?!"},
    .adopt = axes_to_input,
    .infer = infer_squeeze,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_squeeze{squeeze};

const Operator unsqueeze{
    .name = "unsqueeze",
    .summary = "Adds dimensions of extent 1.",
    .onnx = {"Unsqueeze"},
    .inputs = {"x", "axes!"},
    .adopt = axes_to_input,
    .infer = infer_unsqueeze,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_unsqueeze{unsqueeze};

}  // namespace
}  // namespace mlfc
