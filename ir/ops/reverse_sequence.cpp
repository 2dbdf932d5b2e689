// Reverses the first elements of each sequence of a batch; how many is data.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

struct Dims {
  int batch = 1;
  int time = 0;
};

Dims dims_of(const Node& node) {
  const int rank = node.input(0).type.rank();
  const Dims dims = {normalized_axis(node, node.integer("batch_axis"), rank),
                     normalized_axis(node, node.integer("time_axis"), rank)};
  if (dims.batch == dims.time) fail(node, "batch_axis and time_axis are both ", dims.batch);
  return dims;
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 1, Accepts::integers);
  if (node.input(1).type.shape != Shape{x.shape[dims_of(node).batch]}) {
    fail(node, "sequence_lens is ", node.input(1).type, " but x is ", x);
  }
  return {x.plain()};
}

Kernel kernel(const Node& node) {
  const Dims dims = dims_of(node);
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const Expr length = cast_expr(DType::i64, k.in(1)(at[dims.batch]));
  std::vector<Expr> from = at;
  from[dims.time] =
      select_expr(less(at[dims.time], length), length - Expr(1) - at[dims.time], at[dims.time]);
  k.store(k.out().at(at), stored_element(k.in(0), from));
  return k.done();
}

const Operator reverse_sequence{
    .name = "reverse_sequence",
    .summary = "Each sequence of a batch backwards.",
    .onnx = {"ReverseSequence"},
    .inputs = {"x", "sequence_lens"},
    .attributes = {integer("batch_axis", 1), integer("time_axis", 0)},
    .infer = infer,
    .kernel = kernel,
    .moves_data_only = true,
};
const RegisteredOperator registered{reverse_sequence};

}  // namespace
}  // namespace mlfc
