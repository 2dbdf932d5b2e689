// Softmax, its logarithm and its hard form along one axis. Each is a few stages over one row, so
// that what lies between them is a row and not a tensor.
//
// Before opset 13 a row was everything from `axis` on; `flattened` keeps that meaning.
#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

/// Which dimensions form a row: [first, last].
struct Row {
  int first = 0;
  int last = 0;
};

Row row_of(const Node& node) {
  const int rank = node.input(0).type.rank();
  if (rank == 0) fail(node, "x is a scalar; a row needs at least one dimension");
  const int axis = normalized_axis(node, node.integer("axis"), rank);
  return {axis, node.integer("flattened") != 0 ? rank - 1 : axis};
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::reals);
  row_of(node);
  return {node.input(0).type.plain()};
}

/// Builds the stages: indices with the row's part made of reduced or of parallel axes.
class RowStages {
 public:
  explicit RowStages(const Node& node) : k(node), row_(row_of(node)) {
    const Shape& dims = node.input(0).type.shape;
    at_.assign(dims.size(), Expr(0));
    for (int i = 0; i < static_cast<int>(dims.size()); ++i) {
      const bool in_row = i >= row_.first && i <= row_.last;
      if (in_row) shape.push_back(dims[i]);
      if (!in_row) at_[i] = parallel_axis(k, "i" + std::to_string(i), dims[i]);
    }
  }

  /// Reduces what `term` says about the element at `at`, whose place in the row is `row`.
  template <typename Term>
  Expr reduced(Combine combine, const std::string& name, Term term) {
    next_stage();
    std::vector<Expr> row;
    for (size_t i = 0; i < shape.size(); ++i) row.push_back(k.reduce(row_name(i), shape[i]));
    return k.reduction(combine, term(row), {}, name);
  }
  /// Stores `value` of each element of the row into `target`.
  template <typename Value>
  void stored(Value value) {
    next_stage();
    std::vector<Expr> row;
    for (size_t i = 0; i < shape.size(); ++i) row.push_back(row_axis(k, row_name(i), shape[i]));
    value(row);
  }
  /// The index of the whole tensor for an index of the row.
  std::vector<Expr> at(const std::vector<Expr>& row) const {
    std::vector<Expr> indices = at_;
    for (size_t i = 0; i < row.size(); ++i) indices[row_.first + static_cast<int>(i)] = row[i];
    return indices;
  }
  Expr x(const std::vector<Expr>& row) const { return k.in(0).at(at(row)); }

  KernelBuilder k;
  Shape shape = {};

 private:
  void next_stage() {
    if (started_) k.stage();
    started_ = true;
  }
  std::string row_name(size_t i) const { return shape.size() == 1 ? "r" : "r" + std::to_string(i); }

  Row row_;
  std::vector<Expr> at_ = {};
  bool started_ = false;
};

using Indices = std::vector<Expr>;

Kernel softmax_kernel(const Node& node) {
  RowStages row(node);
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  // The largest element is subtracted so that no exponential overflows.
  const Expr top = row.reduced(Combine::max, "top", [&](const Indices& i) { return row.x(i); });
  const TensorRef powers = row.k.local("powers", dtype, row.shape);
  row.stored([&](const Indices& i) { row.k.store(powers.at(i), exp(row.x(i) - top)); });
  const Expr total =
      row.reduced(Combine::sum, "total", [&](const Indices& i) { return powers.at(i); });
  row.stored(
      [&](const Indices& i) { row.k.store(row.k.out().at(row.at(i)), powers.at(i) / total); });
  return row.k.done();
}

Kernel log_softmax_kernel(const Node& node) {
  RowStages row(node);
  const Expr top = row.reduced(Combine::max, "top", [&](const Indices& i) { return row.x(i); });
  const Expr total =
      row.reduced(Combine::sum, "total", [&](const Indices& i) { return exp(row.x(i) - top); });
  row.stored([&](const Indices& i) {
    row.k.store(row.k.out().at(row.at(i)), row.x(i) - top - log(total));
  });
  return row.k.done();
}

Kernel hardmax_kernel(const Node& node) {
  RowStages row(node);
  const Expr beyond = integer_expr(element_count(row.shape), DType::i64);
  const Expr top = row.reduced(Combine::max, "top", [&](const Indices& i) { return row.x(i); });
  const Expr winner = row.reduced(Combine::min, "winner", [&](const Indices& i) {
    return select_expr(equal(row.x(i), top), flat_index(i, row.shape), beyond);
  });
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  row.stored([&](const Indices& i) {
    row.k.store(row.k.out().at(row.at(i)), select_expr(equal(winner, flat_index(i, row.shape)),
                                                       with_dtype(1, dtype), with_dtype(0, dtype)));
  });
  return row.k.done();
}

void adopt(ForeignNode& node) {
  if (node.opset >= 13) return;
  node.attributes["axis"] = foreign_integer(node, "axis", 1);
  node.attributes["flattened"] = int64_t{1};
}

void offer(ForeignNode& node) {
  if (foreign_integer(node, "flattened", 0) != 0) {
    const Shape& shape = node.inputs[0]->type.shape;
    int64_t axis = foreign_integer(node, "axis", -1);
    if (axis < 0) axis += static_cast<int64_t>(shape.size());
    for (size_t i = static_cast<size_t>(axis) + 1; i < shape.size(); ++i) {
      if (shape[i] == 1) continue;
      fail(place_of(node), "a row of several dimensions, of ", shape, " from axis ", axis,
           " on, cannot be written since opset 13; reshape around it");
    }
  }
  node.attributes.erase("flattened");
}

const std::vector<AttributeSpec> attributes = {integer("axis", -1), integer("flattened", 0)};

const Operator softmax{
    .name = "softmax",
    .summary = "Exponentials of each row, scaled to sum 1.",
    .onnx = {"Softmax"},
    .inputs = {"x"},
    .attributes = attributes,
    .adopt = adopt,
    .offer = offer,
    .infer = infer,
    .kernel = softmax_kernel,
};
const RegisteredOperator registered_softmax{softmax};

const Operator log_softmax{
    .name = "log_softmax",
    .summary = "Logarithm of the softmax of each row.",
    .onnx = {"LogSoftmax"},
    .inputs = {"x"},
    .attributes = attributes,
    .adopt = adopt,
    .offer = offer,
    .infer = infer,
    .kernel = log_softmax_kernel,
};
const RegisteredOperator registered_log{log_softmax};

const Operator hardmax{
    .name = "hardmax",
    .summary = "1 at the first largest element of each row, 0 elsewhere.",
    .onnx = {"Hardmax"},
    .inputs = {"x"},
    .attributes = attributes,
    .adopt = adopt,
    .offer = offer,
    .infer = infer,
    .kernel = hardmax_kernel,
};
const RegisteredOperator registered_hardmax{hardmax};

}  // namespace
}  // namespace mlfc
