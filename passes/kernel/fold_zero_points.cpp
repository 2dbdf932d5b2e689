// Takes zero points out of sums of products: sum of (x - z) * w is the sum of x * w, less z times
// the sum of the weights, which is known. Nothing is subtracted per product any more.
//
// Machines with vectors multiply unsigned by signed bytes best, so signed data are shifted to
// unsigned there; that, too, only changes the constant.
#include <algorithm>

#include "passes/kernel/fusion.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/scaled_form.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// (data + shift) * weights, with a read that is always inside.
struct ShiftedProduct {
  Expr data = {};  ///< i32(x[...])
  int64_t shift = 0;
  Expr weights = {};
};

// The widened read in i32(x[...]) + constant.
std::optional<ShiftedProduct> shifted_read(const Expr& factor) {
  ShiftedProduct product{.data = factor};
  const bool is_sum = is_call(factor, "add") || is_call(factor, "sub");
  if (is_sum && factor->args[1]->kind == ExprKind::constant) {
    product.data = factor->args[0];
    product.shift = (is_call(factor, "add") ? 1 : -1) * factor->args[1]->integer;
  }
  const bool widens = product.data->kind == ExprKind::cast &&
                      product.data->args[0]->kind == ExprKind::read &&
                      is_integer(product.data->args[0].dtype());
  if (!widens || !product.data->args[0]->otherwise.empty()) return std::nullopt;
  return product;
}

std::optional<ShiftedProduct> shifted_product(const Expr& body, const KnownValues& known) {
  if (!is_call(body, "mul")) return std::nullopt;
  for (int i = 0; i < 2; ++i) {
    if (!known.knows(body->args[1 - i]) || known.knows(body->args[i])) continue;
    std::optional<ShiftedProduct> product = shifted_read(body->args[i]);
    if (product) product->weights = body->args[1 - i];
    return product;
  }
  return std::nullopt;
}

// What is best added to data of this type on this machine.
int64_t wanted_shift(DType dtype, const Machine& machine) {
  const bool has_vectors = machine.vector_bytes > 4;
  return has_vectors && dtype == DType::i8 ? 128 : 0;
}

bool is_used_by_reductions(const Kernel& kernel, const std::string& scalar) {
  return std::any_of(kernel.stages.begin(), kernel.stages.end(), [&](const Stage& stage) {
    bool used = false;
    if (!stage.reduction) return false;
    for (const Expr* expr : {&stage.reduction->init, &stage.reduction->body}) {
      for_each(*expr, [&](const Expr& part) {
        used |= part->kind == ExprKind::local && part->name == scalar;
      });
    }
    return used;
  });
}

// What is added to the sum after it has been made: acc + bias[oc]. The literal 0 when nothing is,
// or not the same everywhere.
Expr added_later(const Kernel& kernel, const Expr& scalar, const KnownValues& known) {
  Expr found;
  bool alike = true;
  int uses = 0, sums = 0;
  for (const Stage& stage : kernel.stages) {
    if (!stage.store) continue;
    for_each(stage.store->value, [&](const Expr& part) {
      if (same(part, scalar)) ++uses;
      if (!is_call(part, "add") || !same(part->args[0], scalar)) return;
      ++sums;
      alike &= known.knows(part->args[1]) && (found.empty() || same(found, part->args[1]));
      found = part->args[1];
    });
  }
  const bool everywhere = sums > 0 && uses == sums && alike;
  return everywhere ? found : integer_expr(0, scalar.dtype());
}

void replace_sum(Kernel& kernel, const Expr& old, const Expr& value) {
  for (Stage& stage : kernel.stages) {
    if (!stage.store) continue;
    stage.store->value = rewritten(stage.store->value, [&](const Expr& part) -> Expr {
      return same(part, old) ? value : Expr();
    });
  }
}

// One constant takes the start of the sum, what is added later, and the correction.
void fold_stage(Kernel& kernel, Stage& stage, KnownValues& known, const Machine& machine) {
  Reduction& reduction = *stage.reduction;
  const bool sums = reduction.combine == Combine::sum && reduction.dtype == DType::i32;
  const auto product = sums ? shifted_product(reduction.body, known) : std::nullopt;
  if (!product || is_used_by_reductions(kernel, reduction.name)) return;
  const DType dtype = product->data->args[0].dtype();
  const int64_t shift = wanted_shift(dtype, machine);
  if (shift == product->shift || bytes_of(dtype) != 1 || !known.knows(reduction.init)) return;

  const Expr scalar = local_expr(reduction.name, reduction.dtype);
  const Expr later = added_later(kernel, scalar, known);
  const Expr start = cast_expr(DType::i64, reduction.init) + cast_expr(DType::i64, later);
  const std::vector<Axis> axes = known.axes_without(product->weights, stage.reduce);
  for (const Axis& axis : known.axes_of(start)) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) return;
  }
  Tensor constant = known.summed(product->weights, stage.reduce);
  const Tensor starts = known.evaluated(start, axes);
  int64_t largest = 0;
  for (int64_t i = 0; i < constant.type.elements(); ++i) {
    const int64_t value = constant.integer(i) * (product->shift - shift) + starts.integer(i);
    constant.set_integer(i, value);
    largest = std::max(largest, std::abs(value));
  }
  if (largest >= int64_t{1} << 30) return;
  const Expr all = known.constant(std::move(constant), axes, "bias");
  reduction.init = integer_expr(0, DType::i32);
  reduction.body = plus_constant(product->data, shift) * product->weights;
  const Expr old = is_literal(later, 0) ? scalar : scalar + later;
  replace_sum(kernel, old, scalar + cast_expr(DType::i32, all));
}

void fold_zero_points(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) fold_zero_points(*region, context);
    if (!node->kernel || node->is_free) continue;
    KnownValues known(graph, *node);
    for (Stage& stage : node->kernel->stages) {
      if (stage.reduction) fold_stage(*node->kernel, stage, known, context.machine);
    }
    drop_unread_inputs(*node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "fold-zero-points",
    .level = Level::kernel,
    .summary = "Take zero points out of sums of products.",
    .run = fold_zero_points,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
