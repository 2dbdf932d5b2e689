// Reads of elements whose places are data: along one axis, element by element, or by index tuples.
// Negative places count from the end. Indices that are constants are checked at compile time;
// those the model computes must be in range, as the source formats demand.
#include <algorithm>

#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

void check_index_type(const Node& node) {
  const TensorType& indices = node.input(1).type;
  if (is_integer(indices.dtype)) return;
  fail(node, "indices are ", indices, " but must be integers");
}

/// The index `read` yields, made to count from the start; constants are checked.
Expr position(const Node& node, const Expr& read, int64_t extent) {
  const Expr index = cast_expr(DType::i64, read);
  const Value& indices = node.input(1);
  if (!indices.is_constant()) return wrapped_index(index, extent);
  const std::vector<int64_t> values = indices.constant->integers();
  return std::all_of(values.begin(), values.end(), [](int64_t value) { return value >= 0; })
             ? index
             : wrapped_index(index, extent);
}

void check_range(const Node& node, int64_t extent) {
  const Value& indices = node.input(1);
  if (!indices.is_constant()) return;
  for (const int64_t value : indices.constant->integers()) {
    if (value < -extent || value >= extent) {
      fail(node, "index ", value, " is outside an axis of ", extent, " elements");
    }
  }
}

// --- gather ---------------------------------------------------------------------------------

std::vector<TensorType> infer_gather(const Node& node) {
  check_index_type(node);
  const TensorType& x = node.input(0).type;
  const int axis = normalized_axis(node, node.integer("axis"), x.rank());
  check_range(node, x.shape[axis]);
  const Shape& indices = node.input(1).type.shape;
  Shape shape(x.shape.begin(), x.shape.begin() + axis);
  shape.insert(shape.end(), indices.begin(), indices.end());
  shape.insert(shape.end(), x.shape.begin() + axis + 1, x.shape.end());
  return {{x.dtype, shape}};
}

Kernel gather_kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const int axis = normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
  const size_t index_rank = node.input(1).type.shape.size();
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> from = part(at, 0, axis);
  from.push_back(position(node, k.in(1).at(part(at, axis, axis + index_rank)), shape[axis]));
  for (size_t i = axis + index_rank; i < at.size(); ++i) from.push_back(at[i]);
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

const Operator gather{
    .name = "gather",
    .summary = "Slices of x along an axis, by index.",
    .onnx = {"Gather"},
    .inputs = {"x", "indices"},
    .attributes = {integer("axis", 0)},
    .infer = infer_gather,
    .kernel = gather_kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_gather{gather};

// --- gather_elements ------------------------------------------------------------------------

std::vector<TensorType> infer_elements(const Node& node) {
  check_index_type(node);
  const TensorType& x = node.input(0).type;
  const TensorType& indices = node.input(1).type;
  const int axis = normalized_axis(node, node.integer("axis"), x.rank());
  if (indices.rank() != x.rank()) {
    fail(node, "indices, ", indices, ", must have as many dimensions as x, ", x);
  }
  for (int i = 0; i < x.rank(); ++i) {
    if (i != axis && indices.shape[i] > x.shape[i]) {
      fail(node, "dimension ", i, " of indices, ", indices, ", is larger than that of x, ", x);
    }
  }
  check_range(node, x.shape[axis]);
  return {{x.dtype, indices.shape}};
}

Kernel elements_kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const int axis = normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> from = at;
  from[axis] = position(node, k.in(1).at(at), shape[axis]);
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

const Operator gather_elements{
    .name = "gather_elements",
    .summary = "Elements of x, each from its own place along an axis.",
    .onnx = {"GatherElements"},
    .inputs = {"x", "indices"},
    .attributes = {integer("axis", 0)},
    .infer = infer_elements,
    .kernel = elements_kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_elements{gather_elements};

// --- gather_nd ------------------------------------------------------------------------------

struct Tuples {
  int batch = 0;   ///< leading dimensions both tensors share
  int length = 0;  ///< entries of one index tuple
};

Tuples tuples_of(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& indices = node.input(1).type;
  const int64_t batch = node.integer("batch_dims");
  if (indices.rank() == 0) fail(node, "indices must have at least one dimension");
  if (batch < 0 || batch >= std::min(x.rank(), indices.rank())) {
    fail(node, "batch_dims ", batch, " does not fit ", x, " and ", indices);
  }
  const Tuples tuples = {static_cast<int>(batch), static_cast<int>(indices.shape.back())};
  if (tuples.length < 1 || tuples.batch + tuples.length > x.rank()) {
    fail(node, "index tuples of ", tuples.length, " entries do not fit ", x);
  }
  for (int i = 0; i < tuples.batch; ++i) {
    if (x.shape[i] != indices.shape[i]) {
      fail(node, "batch dimension ", i, " differs: ", x, " and ", indices);
    }
  }
  return tuples;
}

std::vector<TensorType> infer_nd(const Node& node) {
  check_index_type(node);
  const TensorType& x = node.input(0).type;
  const Tuples tuples = tuples_of(node);
  Shape shape = node.input(1).type.shape;
  shape.pop_back();
  shape.insert(shape.end(), x.shape.begin() + tuples.batch + tuples.length, x.shape.end());
  return {{x.dtype, shape}};
}

Kernel nd_kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const Tuples tuples = tuples_of(node);
  const size_t tuple_rank = node.input(1).type.shape.size() - 1;
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  std::vector<Expr> from = part(at, 0, tuples.batch);
  for (int entry = 0; entry < tuples.length; ++entry) {
    std::vector<Expr> place = part(at, 0, tuple_rank);
    place.emplace_back(entry);
    from.push_back(position(node, k.in(1).at(place), shape[tuples.batch + entry]));
  }
  for (size_t i = tuple_rank; i < at.size(); ++i) from.push_back(at[i]);
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

const Operator gather_nd{
    .name = "gather_nd",
    .summary = "Slices of x, each by a tuple of indices.",
    .onnx = {"GatherND"},
    .inputs = {"x", "indices"},
    .attributes = {integer("batch_dims", 0)},
    .infer = infer_nd,
    .kernel = nd_kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered_nd{gather_nd};

}  // namespace
}  // namespace mlfc
