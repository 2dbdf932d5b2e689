// Lets a scalar FPU make sums of integers, exactly: f32 holds every integer up to 2^24, and where
// the known weights prove that no sum gets there, multiplying and adding reals is the same thing.
// A RISC-V core fuses the two for reals and not for integers, and has as many registers again.
#include <algorithm>
#include <cmath>

#include "passes/kernel/fusion.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/scaled_form.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

constexpr double kExactIntegers = 0x1p24;
constexpr int64_t kLargestBuffer = 4096;  // elements that are kept as reals between stages

bool has_fused_reals_only(const Machine& machine) {
  return machine.has_fma && machine.vector_bytes <= 4 && machine.integer_multiply_add > 1;
}

// The product of one known factor and one that is read.
struct Product {
  Expr data = {};
  Expr weights = {};
};

std::optional<Product> product_of(const Expr& body, const KnownValues& known) {
  if (!is_call(body, "mul")) return std::nullopt;
  for (int i = 0; i < 2; ++i) {
    if (known.knows(body->args[1 - i]) && !known.knows(body->args[i])) {
      return Product{body->args[i], body->args[1 - i]};
    }
  }
  return std::nullopt;
}

int64_t largest_magnitude(const Range& range) {
  return std::max(std::abs(range.first), std::abs(range.last));
}

// The largest magnitude a partial sum may have; infinite when that is not known.
double largest_sum(const Stage& stage, const Product& product, const KnownValues& known) {
  const std::optional<Range> range = value_range(product.data);
  if (!range || !known.knows(stage.reduction->init)) return INFINITY;
  const Expr magnitudes = call_expr("abs", {product.weights});
  const Tensor sums = known.summed(magnitudes, stage.reduce);
  int64_t largest = 0;
  for (int64_t i = 0; i < sums.type.elements(); ++i) largest = std::max(largest, sums.integer(i));
  const auto [low, high] = known.extremes(stage.reduction->init);
  const double start = std::max(std::fabs(low), std::fabs(high));
  return start + static_cast<double>(largest) * static_cast<double>(largest_magnitude(*range));
}

// The same expression of reals: additions of small integers are exact as well.
Expr in_reals(const Expr& expr) {
  const bool is_sum = is_call(expr, "add") || is_call(expr, "sub");
  if (is_sum) return call_expr(*expr->function, {in_reals(expr->args[0]), in_reals(expr->args[1])});
  if (expr->kind == ExprKind::cast) return cast_expr(DType::f32, expr->args[0]);
  return cast_expr(DType::f32, expr);
}

// Uses of the sum read it as an integer again; f32(i32(sum)) needs neither conversion, nor does
// f32(i32(sum) + bias) where f32 holds that sum, too.
void replace_sum(Kernel& kernel, const std::string& name, double largest,
                 const KnownValues& known) {
  const auto stays_exact = [&](const Expr& added) {
    if (!known.knows(added)) return false;
    const auto [low, high] = known.extremes(added);
    return largest + std::max(std::fabs(low), std::fabs(high)) < kExactIntegers;
  };
  const Expr real = local_expr(name, DType::f32);
  const Expr integer = cast_expr(DType::i32, real);
  for (Stage& stage : kernel.stages) {
    if (!stage.store) continue;
    const Expr replaced = rewritten(stage.store->value, [&](const Expr& part) -> Expr {
      const bool is_sum = part->kind == ExprKind::local && part->name == name;
      return is_sum && is_integer(part.dtype()) ? integer : Expr();
    });
    stage.store->value = rewritten(replaced, [&](const Expr& part) -> Expr {
      if (part->kind != ExprKind::cast || part.dtype() != DType::f32) return {};
      const Expr& number = part->args[0];
      if (same(number, integer)) return real;
      const bool adds = is_call(number, "add") && same(number->args[0], integer);
      return adds && stays_exact(number->args[1]) ? real + cast_expr(DType::f32, number->args[1])
                                                  : Expr();
    });
  }
}

// Rows that were gathered for this sum are kept as reals, so that each is converted once.
void widen_buffer(Kernel& kernel, const std::string& name) {
  const auto found = std::find_if(kernel.locals.begin(), kernel.locals.end(),
                                  [&](const Param& local) { return local.name == name; });
  if (found == kernel.locals.end() || found->type.elements() > kLargestBuffer) return;
  found->type.dtype = DType::f32;
  for (Stage& stage : kernel.stages) {
    if (stage.store && stage.store->target == name) {
      stage.store->value = cast_expr(DType::f32, stage.store->value);
    }
  }
  rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
    const bool narrow =
        part->kind == ExprKind::read && part->name == name && part.dtype() != DType::f32;
    return narrow ? read_expr(name, DType::f32, part->args) : Expr();
  });
}

bool is_used_by_reductions(const Kernel& kernel, const std::string& scalar) {
  return std::any_of(kernel.stages.begin(), kernel.stages.end(), [&](const Stage& stage) {
    bool used = false;
    if (!stage.reduction) return false;
    for_each(stage.reduction->body, [&](const Expr& part) {
      used |= part->kind == ExprKind::local && part->name == scalar;
    });
    return used;
  });
}

void sum_stage(Kernel& kernel, Stage& stage, const KnownValues& known) {
  Reduction& reduction = *stage.reduction;
  const bool sums = reduction.combine == Combine::sum && reduction.dtype == DType::i32;
  const auto product = sums ? product_of(reduction.body, known) : std::nullopt;
  if (!product || is_used_by_reductions(kernel, reduction.name)) return;
  const double largest = largest_sum(stage, *product, known);
  if (!(largest < kExactIntegers)) return;
  reduction.dtype = DType::f32;
  reduction.init = cast_expr(DType::f32, reduction.init);
  reduction.body = in_reals(product->data) * in_reals(product->weights);
  replace_sum(kernel, reduction.name, largest, known);
  std::vector<std::string> buffers;
  for_each(reduction.body, [&](const Expr& part) {
    if (part->kind == ExprKind::read) buffers.push_back(part->name);
  });
  for (const std::string& buffer : buffers) widen_buffer(kernel, buffer);
}

void sum_on_fpu(Graph& graph, const PassContext& context) {
  if (!has_fused_reals_only(context.machine)) return;
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) sum_on_fpu(*region, context);
    if (!node->kernel || node->is_free) continue;
    const KnownValues known(graph, *node);
    for (Stage& stage : node->kernel->stages) {
      if (stage.reduction) sum_stage(*node->kernel, stage, known);
    }
  }
}

const Pass pass{
    .name = "sum-on-fpu",
    .level = Level::kernel,
    .summary = "Make sums of integers on a scalar FPU where f32 is exact.",
    .run = sum_on_fpu,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
