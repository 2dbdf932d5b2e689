// Turns kernels that dequantize, compute and quantize into kernels that compute with integers.
//
//   acc = sum from b[oc] * sb[oc] of ((x - 3) * sx) * (w * sw[oc])        reals
//   y = i8(clamp(round(acc / sy) + 5))
//
//   acc: i32 = sum from b[oc] of (x - 3) * w                              integers
//   y = i8(clamp(round(f32(acc) * m[oc])) + 5)                            m = sx * sw / sy
//
// It is algebra on declared kernels, so it holds for every operator whose kernel sums products
// (convolutions, matrix products, poolings) or looks for an extreme, and no operator is named:
// a factor that does not depend on the reduced axes leaves the sum; a function that keeps order
// leaves a maximum. What does not have this form is computed as written. Integer sums are exact;
// a sum that could overflow 32 bits is made in 64.
#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "passes/kernel/fusion.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/requantize.h"
#include "passes/kernel/scaled_form.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// Replaces the scalar a reduction names, everywhere after it.
void replace_scalar(Kernel& kernel, const std::string& name, const Expr& value) {
  for (Stage& stage : kernel.stages) {
    const auto replace = [&](const Expr& expr) {
      return rewritten(expr, [&](const Expr& part) -> Expr {
        return part->kind == ExprKind::local && part->name == name ? value : Expr();
      });
    };
    if (stage.store) stage.store->value = replace(stage.store->value);
    if (!stage.reduction || stage.reduction->name == name) continue;
    stage.reduction->init = replace(stage.reduction->init);
    stage.reduction->body = replace(stage.reduction->body);
  }
}

// --- sums ------------------------------------------------------------------------------------

int64_t turns_of(const Stage& stage) {
  int64_t turns = 1;
  for (const Axis& axis : stage.reduce) turns *= axis.extent;
  return turns;
}

// Known factors of a product of integers are joined into one constant: weights less zero point.
Expr with_known_factors(const Expr& number, KnownValues& known) {
  if (known.knows(number)) return known.precomputed(number, "weights");
  if (!is_call(number, "mul")) return number;
  return with_known_factors(number->args[0], known) * with_known_factors(number->args[1], known);
}

// The largest magnitude of sum(|number|) that the types and, where known, the weights allow.
double largest_sum(const Stage& stage, const Expr& number, const KnownValues& known) {
  double largest = static_cast<double>(turns_of(stage));
  Expr rest = number;
  if (is_call(number, "mul")) {
    for (int i = 0; i < 2; ++i) {
      const Expr& weights = number->args[i];
      if (!known.knows(weights)) continue;
      const auto [low, high] = known.extremes(weights);
      largest *= std::max(std::fabs(low), std::fabs(high));
      rest = number->args[1 - i];
      break;
    }
  }
  const std::optional<Range> range = value_range(rest);
  if (!range) return INFINITY;
  return largest * std::max(std::fabs(static_cast<double>(range->first)),
                            std::fabs(static_cast<double>(range->last)));
}

// The start of the sum in integers: a bias whose scale is that of the products. Empty when it is
// none of these; then it is added as a real, after the sum.
Expr integer_init(const Expr& init, const Expr& scale, const Stage& stage, KnownValues& known) {
  if (is_literal(init, 0)) return integer_expr(0, DType::i32);
  const auto form = scaled_form(init, stage.reduce, known);
  if (!form || !known.knows(form->number)) return {};
  constexpr double kSameScale = 0x1p-21;  // a product of two f32, rounded in one order or another
  const auto [low, high] = known.extremes(form->scale / scale);
  const bool agrees = std::fabs(low - 1) < kSameScale && std::fabs(high - 1) < kSameScale;
  return agrees ? known.precomputed(form->number, "bias") : Expr();
}

double largest_init(const Expr& init, const KnownValues& known) {
  if (!known.knows(init)) return INFINITY;
  const auto [low, high] = known.extremes(init);
  return std::max(std::fabs(low), std::fabs(high));
}

bool is_whole_range(const Range& range) {
  return range.last - range.first >= dtype_range(DType::i32)->last;
}

bool has_data(const Expr& number, const KnownValues& known) {
  return !known.knows(number);
}

// How large a product may get if nothing wraps.
double largest_product(const Expr& number) {
  if (is_call(number, "mul")) {
    return largest_product(number->args[0]) * largest_product(number->args[1]);
  }
  const std::optional<Range> range = value_range(number);
  if (!range) return INFINITY;
  return std::max(std::fabs(static_cast<double>(range->first)),
                  std::fabs(static_cast<double>(range->last)));
}

// The same number in 64 bits, made in 64 bits where 32 do not hold what it is made of.
Expr in_64_bits(const Expr& number) {
  const bool is_product = is_call(number, "mul") && any_may_wrap(number);
  if (!is_product) return cast_expr(DType::i64, number);
  return in_64_bits(number->args[0]) * in_64_bits(number->args[1]);
}

bool sum_integers(Kernel& kernel, Stage& stage, KnownValues& known) {
  Reduction& reduction = *stage.reduction;
  if (reduction.combine != Combine::sum || reduction.dtype != DType::f32) return false;
  const std::optional<ScaledForm> form = scaled_form(reduction.body, stage.reduce, known);
  if (!form || !has_data(form->number, known)) return false;
  const Expr scale = known.precomputed(form->scale, "scale");
  const Expr number = with_known_factors(form->number, known);
  Expr init = integer_init(reduction.init, scale, stage, known);
  const Expr real_init = reduction.init;
  const bool has_real_bias = init.empty();
  if (has_real_bias) init = integer_expr(0, DType::i32);

  const double largest = largest_sum(stage, number, known) + largest_init(init, known);
  const bool fits = largest < 0x1p31;
  const double largest_wide =
      largest_product(number) * static_cast<double>(turns_of(stage)) + largest_init(init, known);
  if (!fits && !(largest_wide < 0x1p63)) return false;
  reduction.dtype = fits ? DType::i32 : DType::i64;
  reduction.body = fits ? number : in_64_bits(number);
  // A sum that starts from what its type says is small can be seen to fit; a wide bias comes last.
  const bool starts_small = value_range(init) && !is_whole_range(*value_range(init));
  Expr sum = local_expr(reduction.name, reduction.dtype);
  if (!starts_small) sum = sum + cast_expr(reduction.dtype, init);
  reduction.init =
      starts_small ? cast_expr(reduction.dtype, init) : integer_expr(0, reduction.dtype);
  Expr value = cast_expr(DType::f32, sum) * scale;
  if (has_real_bias) value = value + real_init;
  replace_scalar(kernel, reduction.name, value);
  return true;
}

// --- extremes --------------------------------------------------------------------------------

// The read inside an expression that grows with it: widened, shifted, and scaled by something
// positive. Empty when it has another form.
Expr growing_read(const Expr& expr, const std::vector<Axis>& reduced, const KnownValues& known) {
  if (expr->kind == ExprKind::read) return expr;
  if (expr->kind == ExprKind::cast) return growing_read(expr->args[0], reduced, known);
  if (expr->kind != ExprKind::call || expr->args.size() != 2) return {};
  const Expr& other = expr->args[1];
  const bool depends = std::any_of(reduced.begin(), reduced.end(), [&](const Axis& axis) {
    return mentions_axis(other, axis.name);
  });
  if (depends || !known.knows(other)) return {};
  const bool grows = is_call(expr, "add") || is_call(expr, "sub") ||
                     (is_call(expr, "mul") && known.extremes(other).first > 0);
  return grows ? growing_read(expr->args[0], reduced, known) : Expr();
}

bool find_extreme_of_integers(Kernel& kernel, Stage& stage, const KnownValues& known) {
  Reduction& reduction = *stage.reduction;
  const bool is_extreme = reduction.combine == Combine::max || reduction.combine == Combine::min;
  if (!is_extreme || !is_float(reduction.dtype)) return false;
  if (!same(reduction.init, neutral_element(reduction.combine, reduction.dtype))) return false;
  const Expr read = growing_read(reduction.body, stage.reduce, known);
  if (read.empty() || !is_integer(read.dtype()) || bytes_of(read.dtype()) > 2) return false;
  const Expr scalar = local_expr(reduction.name, read.dtype());
  const Expr value = rewritten(reduction.body, [&](const Expr& part) -> Expr {
    return part->kind == ExprKind::read && part->name == read->name ? scalar : Expr();
  });
  reduction.dtype = read.dtype();
  reduction.body = read;
  reduction.init = neutral_element(reduction.combine, read.dtype());
  replace_scalar(kernel, reduction.name, value);
  return true;
}

// --- differences -----------------------------------------------------------------------------

// f32(a) * s - f32(b) * s is f32(a - b) * s: what softmax takes the exponential of.
Expr joined_difference(const Expr& part) {
  if (!is_call(part, "sub") || part.dtype() != DType::f32) return {};
  const Expr& a = part->args[0];
  const Expr& b = part->args[1];
  const bool products = is_call(a, "mul") && is_call(b, "mul") && same(a->args[1], b->args[1]);
  if (!products || a->args[1]->kind != ExprKind::constant) return {};
  const auto integer_of = [](const Expr& factor) -> Expr {
    const bool is_cast = factor->kind == ExprKind::cast && factor->args[0].dtype() == DType::i32;
    const auto range = is_cast ? value_range(factor->args[0]) : std::nullopt;
    const bool small = range && std::max(-range->first, range->last) < (1 << 23);
    return small ? factor->args[0] : Expr();
  };
  const Expr left = integer_of(a->args[0]), right = integer_of(b->args[0]);
  if (left.empty() || right.empty()) return {};
  const auto offset = [](const Expr& number) -> int64_t {
    const bool shifted = is_call(number, "sub") && number->args[1]->kind == ExprKind::constant;
    return shifted ? -number->args[1]->integer : 0;
  };
  const int64_t left_offset = offset(left), right_offset = offset(right);
  const Expr difference = plus_constant(left, -left_offset) - plus_constant(right, -right_offset);
  const Expr number = plus_constant(difference, left_offset - right_offset);
  return cast_expr(DType::f32, number) * a->args[1];
}

void fold_node(Graph& graph, Node& node) {
  Kernel& kernel = *node.kernel;
  KnownValues known(graph, node);
  for (Stage& stage : kernel.stages) {
    if (!stage.reduction) continue;
    if (!sum_integers(kernel, stage, known)) find_extreme_of_integers(kernel, stage, known);
  }
  rewrite_exprs(kernel, joined_difference);
  rewrite_exprs(kernel, tidied_integers);
  for (Stage& stage : kernel.stages) {
    if (stage.store) stage.store->value = with_normal_quantization(stage.store->value, known);
  }
  drop_unread_inputs(node);
}

void normalize_rounding(Kernel& kernel) {
  for (Stage& stage : kernel.stages) {
    if (stage.store) stage.store->value = with_normal_rounding(stage.store->value);
  }
}

bool reads_integers(const Node& node) {
  return std::any_of(node.kernel->inputs.begin(), node.kernel->inputs.end(),
                     [](const Param& param) { return is_integer(param.type.dtype); });
}

void fold_quantization(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) fold_quantization(*region, context);
    if (!node->kernel || node->is_free) continue;
    if (reads_integers(*node)) {
      fold_node(graph, *node);
    } else {
      normalize_rounding(*node->kernel);
    }
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "fold-quantization",
    .level = Level::kernel,
    .summary = "Compute with integers what is dequantized before and quantized after.",
    .run = fold_quantization,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
