// Stores integers of four bits two to a byte, and lets kernels take them apart:
//
//   w[oc, k]   becomes   i8((i32(nibbles[oc, k // 2]) >> 4 * (k % 2) & 15) - 8)
//
// It halves the weights of models quantized to four bits. Taking apart is arithmetic of the kernel,
// so every later step and the interpreter do it too.
#include <algorithm>

#include "ir/affine.h"
#include "passes/kernel/fusion.h"
#include "passes/kernel/nibbles.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

bool is_reduced(const Kernel& kernel, const std::string& axis) {
  return std::any_of(kernel.stages.begin(), kernel.stages.end(),
                     [&](const Stage& stage) { return find_axis(stage.reduce, axis) != nullptr; });
}

// Neighbours along a reduced axis share a byte if that can be: they are read one after the other.
int preference(const Kernel& kernel, const std::string& axis, int64_t extent) {
  return (extent % 2 == 0 ? 2 : 0) + (is_reduced(kernel, axis) ? 1 : 0);
}

// The dimension whose neighbours share a byte: all reads index it by one and the same axis.
std::optional<size_t> shared_dimension(const Kernel& kernel, const Param& param) {
  const std::vector<Expr> reads = reads_of(kernel, param.name);
  std::optional<size_t> best;
  int most = -1;
  for (size_t dim = 0; dim < param.type.shape.size(); ++dim) {
    const bool plain = std::all_of(reads.begin(), reads.end(), [&](const Expr& read) {
      return read->otherwise.empty() && read->args[dim]->kind == ExprKind::axis &&
             same(read->args[dim], reads.front()->args[dim]);
    });
    const int64_t extent = param.type.shape[dim];
    if (reads.empty() || !plain || extent < 2) continue;
    const int here = preference(kernel, reads.front()->args[dim]->name, extent);
    if (here < most) continue;
    most = here;
    best = dim;
  }
  return best;
}

bool is_packable(const Tensor& tensor) {
  const DType dtype = tensor.type.dtype;
  if (tensor.type.layout || (dtype != DType::i8 && dtype != DType::u8)) return false;
  const std::vector<int64_t> numbers = tensor.integers();
  if (numbers.empty()) return false;
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  return fits_nibbles(static_cast<double>(*least), static_cast<double>(*most),
                      tensor.type.elements());
}

int64_t lowest(const Tensor& tensor) {
  const std::vector<int64_t> numbers = tensor.integers();
  return *std::min_element(numbers.begin(), numbers.end()) < 0 ? -8 : 0;
}

Tensor packed(const Tensor& tensor, size_t dim) {
  const Shape& shape = tensor.type.shape;
  int64_t inner = 1;
  for (size_t i = dim + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t extent = shape[dim], halves = (extent + 1) / 2, low = lowest(tensor);
  TensorType type{DType::u8, shape, {}};
  type.shape[dim] = halves;
  Tensor bytes(type);
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    const int64_t outer = i / (inner * extent), along = i / inner % extent;
    const int64_t place = (outer * halves + along / 2) * inner + i % inner;
    const int64_t nibble = (tensor.integer(i) - low) << (4 * (along % 2));
    bytes.set_integer(place, bytes.integer(place) | nibble);
  }
  return bytes;
}

Expr taken_apart(const Expr& read, const std::string& name, size_t dim, int64_t low) {
  const auto number = [](int64_t value) { return integer_expr(value, DType::i32); };
  std::vector<Expr> place = read->args;
  const Expr along = place[dim];
  place[dim] = floor_div(along, Expr(2));
  const Expr byte = cast_expr(DType::i32, read_expr(name, DType::u8, place));
  const Expr distance = cast_expr(DType::i32, floor_mod(along, Expr(2)) * Expr(4));
  const Expr nibble =
      call_expr("bit_and", {call_expr("shift_right", {byte, distance}), number(15)});
  return cast_expr(read.dtype(), low == 0 ? nibble : nibble - number(-low));
}

// Dimensions of parallel axes last: lanes find neighbours, and read no byte twice.
Layout lanes_last(const Kernel& kernel, const Param& param, const Shape& shape) {
  const Expr read = reads_of(kernel, param.name).front();
  const auto is_parallel = [&](size_t dim) {
    const Expr& index = read->args[dim];
    return index->kind == ExprKind::axis && !is_reduced(kernel, index->name);
  };
  std::vector<Layout::Term> terms;
  for (const bool parallel : {false, true}) {
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      if (is_parallel(dim) == parallel) terms.push_back({static_cast<int>(dim), 0});
    }
  }
  return Layout::ordered(shape, terms);
}

void pack(Graph& graph, Node& node, size_t input, Param& param) {
  const Tensor& tensor = *node.inputs[input]->constant;
  const std::optional<size_t> dim = shared_dimension(*node.kernel, param);
  if (!dim) return;
  const int64_t low = lowest(tensor);
  const std::string name = param.name;
  Tensor bytes = packed(tensor, *dim);
  const Layout layout = lanes_last(*node.kernel, param, bytes.type.shape);
  if (layout != Layout::row_major(bytes.type.shape)) {
    TensorType type = bytes.type;
    type.layout = layout;
    bytes = repacked(bytes, type);
  }
  Value& value = graph.add_constant(node.inputs[input]->name + "/nibbles", std::move(bytes));
  rewrite_exprs(*node.kernel, [&](const Expr& part) -> Expr {
    const bool is_read = part->kind == ExprKind::read && part->name == name;
    return is_read ? taken_apart(part, name, *dim, low) : Expr();
  });
  // What only widened the byte widens the number.
  rewrite_exprs(*node.kernel, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::cast || part->args[0]->kind != ExprKind::cast) return {};
    const Expr& number = part->args[0]->args[0];
    const bool is_it = number.dtype() == DType::i32 && reads_tensor(number, name);
    return is_it ? cast_expr(part.dtype(), number) : Expr();
  });
  node.inputs[input] = &value;
  param.type = value.type;
}

void pack_nibbles(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) pack_nibbles(*region, context);
    if (!node->kernel || node->is_free) continue;
    size_t position = 0;
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      if (node->inputs[i] == nullptr) continue;
      Param& param = node->kernel->inputs[position++];
      const Value& value = *node->inputs[i];
      if (value.is_constant() && is_packable(*value.constant)) pack(graph, *node, i, param);
    }
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "pack-nibbles",
    .level = Level::kernel,
    .summary = "Store constants of four bits two to a byte.",
    .run = pack_nibbles,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
