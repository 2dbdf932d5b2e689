// An operator of one's own, loaded with --plugin: the largest of every `pieces` neighbouring
// channels. A file of ir/ops looks the same; only the ONNX name lies in a domain of its own.
//
//   mlfc compile model.onnx --plugin maxout.so
#include "ir/kernel_builder.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  TensorType type = node.input(0).type;
  const int64_t pieces = node.integer("pieces");
  if (type.rank() < 2) fail(node, "x must have channels but is ", type);
  if (pieces < 1 || type.shape[1] % pieces != 0) {
    fail(node, "the ", type.shape[1], " channels of x cannot be dealt out to groups of ", pieces,
         "; check 'pieces'");
  }
  type.shape[1] /= pieces;
  return {type};
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> place = k.axes(node.output().type.shape);
  const int64_t pieces = node.integer("pieces");
  std::vector<Expr> read = place;
  read[1] = place[1] * pieces + k.reduce("piece", pieces);
  k.store(k.out().at(place), k.reduction(Combine::max, k.in(0).at(read)));
  return k.done();
}

const Operator maxout{
    .name = "maxout",
    .summary = "The largest of every few neighbouring channels.",
    .onnx = {"com.example.Maxout"},
    .inputs = {"x"},
    .attributes = {integer("pieces", 2)},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{maxout};

}  // namespace
}  // namespace mlfc
