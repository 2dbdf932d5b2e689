// Functions given as tables: an 8-bit element has one entry for each of its 256 values, a 16-bit
// one lies between two of 513 entries 128 steps apart and is interpolated. Tables are computed
// where the function is known, so that no arithmetic but this is left for run time.
#include "ir/operator.h"
#include "ir/ops/axes.h"
#include "ir/ops/convert.h"
#include "ir/ops/fixed.h"

namespace mlfc {
namespace {

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& table = node.input(1).type;
  if (!is_integer(x.dtype) || bytes_of(x.dtype) != 1) {
    fail(node, "x is ", x, " but must hold 8-bit integers");
  }
  if (table.shape != Shape{256}) fail(node, "table is ", table, " but must have 256 entries");
  return {{table.dtype, x.shape}};
}

Kernel kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const auto first = static_cast<int64_t>(lowest_of(node.input(0).type.dtype));
  const Expr index = cast_expr(DType::i64, k.in(0).at(at)) - Expr(first);
  k.store(k.out().at(at), stored_element(k.in(1), {index}));
  return k.done();
}

const Operator lookup{
    .name = "lookup",
    .summary = "The entry of a table for every 8-bit element, the lowest element's first.",
    .inputs = {"x", "table"},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{lookup};

// --- lookup_interpolated --------------------------------------------------------------------

std::vector<TensorType> infer_interpolated(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& table = node.input(1).type;
  if (x.dtype != DType::i16 || table != TensorType{DType::i16, {513}, {}}) {
    fail(node, "x must hold i16 and the table be i16[513], but they are ", x, " and ", table);
  }
  return {{DType::i16, x.shape}};
}

Kernel interpolated_kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  const Expr x = cast_expr(DType::i32, k.in(0).at(at));
  k.store(k.out().at(at), cast_expr(DType::i16, interpolated(k.in(1), x)));
  return k.done();
}

const Operator lookup_interpolated{
    .name = "lookup_interpolated",
    .summary = "The value between two entries of a table for every 16-bit element.",
    .inputs = {"x", "table"},
    .infer = infer_interpolated,
    .kernel = interpolated_kernel,
};
const RegisteredOperator registered_interpolated{lookup_interpolated};

}  // namespace
}  // namespace mlfc
