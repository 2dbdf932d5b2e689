// Makes two sums of integers at once where a machine multiplies and adds f64 as fast as f32: two
// numbers travel in one, 2^26 apart, and stay exact while neither sum reaches 2^25.
//
//   pairs[e] = rows[e] + 2^26 * rows[e + distance]          filled where rows were
//   sum      = sum over k of pairs[...] * w[oc, k]          one product makes two
//   upper    = nearest multiple of 2^26 to the sum          exact: rounding 2^26 * b + a, |a| <
//   2^25 lower    = sum - upper
//
// The pairs are outputs half a row apart, so the buffer has half the columns and takes no more
// bytes than rows of f32 do. It works on kernels with gathered rows (unfold-windows).
#include <algorithm>
#include <cmath>

#include "ir/value_range.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/scaled_form.h"
#include "passes/kernel/stages.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

constexpr int64_t kApart = int64_t{1} << 26;
constexpr int64_t kExactSums = int64_t{1} << 25;
constexpr int64_t kLargestBuffer = 4096;  // elements of pairs, and of sums
constexpr const char* kSums = "sums";

bool pairs_pay(const Machine& machine) {
  return machine.has_fma && machine.has_fast_f64 && machine.vector_bytes <= 4 &&
         machine.integer_multiply_add > 1;
}

// Two stages, one that gathers rows and one that multiplies them.
struct Rows {
  Expr read = {};       ///< of the rows
  Expr weights = {};    ///< the other factor
  Axis row = {};        ///< the parallel axis along which outputs are paired
  Axis column = {};     ///< of the gathering
  int64_t columns = 0;  ///< from one output to the next
  int64_t step = 0;     ///< elements of a column
};

// i32(rows[...]) * weights, the weights known.
bool find_factors(const Kernel& kernel, const KnownValues& known, Rows& rows) {
  const Stage& multiply = kernel.stages[1];
  const Expr& body = multiply.reduction->body;
  if (!is_call(body, "mul") || !known.knows(body->args[1])) return false;
  const Expr& data = body->args[0];
  const bool widens = data->kind == ExprKind::cast && data->args[0]->kind == ExprKind::read;
  if (!widens || data->args[0]->name != kernel.stages[0].store->target) return false;
  rows.read = data->args[0];
  rows.weights = body->args[1];
  return true;
}

// The axes of rows[row * columns * step + k] and of what fills it, rows[column * step + ...].
bool find_axes(const Kernel& kernel, Rows& rows) {
  const Stage& fill = kernel.stages[0];
  const Stage& multiply = kernel.stages[1];
  const auto target = affine_of(fill.store->indices[0]), place = affine_of(rows.read->args[0]);
  if (!target || !place) return false;
  // Elements of a column lie closer than columns do; an axis of one turn says nothing.
  int64_t step = 0;
  for (const auto& [name, coefficient] : target->coefficients) {
    const Axis* axis = find_axis(fill.parallel, name);
    if (axis == nullptr || axis->extent < 2 || coefficient <= step) continue;
    step = coefficient;
    rows.column = *axis;
  }
  int64_t apart = 0;
  for (const auto& [name, coefficient] : place->coefficients) {
    const Axis* axis = find_axis(multiply.parallel, name);
    if (axis == nullptr) continue;
    if (apart != 0) return false;
    apart = coefficient;
    rows.row = *axis;
  }
  if (step == 0 || apart <= 0 || apart % step != 0 || rows.row.extent < 2) return false;
  rows.columns = apart / step;
  rows.step = step;
  return !mentions_axis(rows.weights, rows.row.name);
}

// Neither half of a sum leaves its place, whatever the data are.
bool stays_exact(const Kernel& kernel, const Rows& rows, const KnownValues& known) {
  const Stage& multiply = kernel.stages[1];
  const std::optional<Range> range = value_range(rows.read);
  if (!range || !is_literal(multiply.reduction->init, 0)) return false;
  const Tensor sums = known.summed(call_expr("abs", {rows.weights}), multiply.reduce);
  int64_t largest = 0;
  for (int64_t i = 0; i < sums.type.elements(); ++i) largest = std::max(largest, sums.integer(i));
  const int64_t magnitude = std::max(std::abs(range->first), std::abs(range->last));
  return largest < kExactSums && largest * magnitude < kExactSums;
}

int64_t sums_of(const Kernel& kernel, const Rows& rows, int64_t pairs) {
  for (const Axis& axis : kernel.stages[1].parallel) {
    if (axis.name != rows.row.name) pairs *= axis.extent;
  }
  return pairs;
}

std::optional<Rows> rows_of(const Kernel& kernel, const KnownValues& known) {
  if (kernel.stages.size() != 2 || kernel.locals.size() != 1) return std::nullopt;
  const Stage& fill = kernel.stages[0];
  const Stage& multiply = kernel.stages[1];
  const bool gathers = !fill.reduction && fill.store && multiply.reduction && multiply.store &&
                       fill.store->target == kernel.locals[0].name &&
                       fill.store->indices.size() == 1;
  const bool sums = gathers && multiply.reduction->combine == Combine::sum &&
                    multiply.reduction->dtype == DType::i32;
  Rows rows;
  const bool fits = sums && find_factors(kernel, known, rows) && find_axes(kernel, rows) &&
                    kernel.locals[0].type.elements() <= 2 * kLargestBuffer &&
                    sums_of(kernel, rows, rows.row.extent) <= 2 * kLargestBuffer &&
                    find_param(kernel, kSums) == nullptr && stays_exact(kernel, rows, known);
  return fits ? std::optional(rows) : std::nullopt;
}

Expr f64(double value) {
  return real_expr(value, DType::f64);
}

// Two stages fill the pairs, so that each has one read whose borders loops can decide.
std::vector<Stage> gathering(const Kernel& kernel, const Rows& rows, int64_t distance) {
  Stage lower = kernel.stages[0];
  for (Axis& axis : lower.parallel) {
    if (axis.name == rows.column.name) axis.extent -= distance * rows.columns;
  }
  Stage upper = lower;
  const Expr far = axis_expr(rows.column.name) + Expr(distance * rows.columns);
  const Expr value = substituted(upper.store->value, {{rows.column.name, far}});
  lower.store->value = cast_expr(DType::f64, lower.store->value);
  upper.store->value = read_expr(upper.store->target, DType::f64, upper.store->indices) +
                       cast_expr(DType::f64, value) * f64(kApart);
  return {lower, over_own_axes(kernel, upper)};
}

// i32(sum), or rather what needs no integer: f32(i32(sum) + bias) rounds once, and so does
// f32(sum + bias) of exact reals.
Expr with_real_sum(const Expr& value, const Expr& scalar, const Expr& sum,
                   const KnownValues& known) {
  const auto stays_small = [&](const Expr& added) {
    if (!known.knows(added)) return false;
    const auto [low, high] = known.extremes(added);
    return std::max(-low, high) < static_cast<double>(int64_t{1} << 30);
  };
  const Expr reals = rewritten(value, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::cast || !is_float(part.dtype())) return {};
    const Expr& integer = part->args[0];
    if (same(integer, scalar)) return cast_expr(part.dtype(), sum);
    const bool adds =
        is_call(integer, "add") && same(integer->args[0], scalar) && stays_small(integer->args[1]);
    return adds ? cast_expr(part.dtype(), sum + cast_expr(DType::f64, integer->args[1])) : Expr();
  });
  return rewritten(reals, [&](const Expr& part) -> Expr {
    return same(part, scalar) ? cast_expr(DType::i32, sum) : Expr();
  });
}

// One half of the sums: outputs from `first` on are made of the pairs from `first_pair` on.
struct Half {
  bool is_upper = false;
  int64_t extent = 0;
  int64_t first = 0;
  int64_t first_pair = 0;
};

Expr unpacked(const Expr& sum, bool is_upper) {
  // The last digit of a number that large is worth 2^26, so adding it rounds to a multiple of that.
  const Expr magic = f64(1.5 * std::ldexp(1.0, 52 + 26));
  const Expr upper = sum + magic - magic;
  return is_upper ? upper * f64(std::ldexp(1.0, -26)) : sum - upper;
}

Stage finishing(const Kernel& kernel, const Rows& rows, const Expr& place, const Half& half,
                const KnownValues& known) {
  const Stage& multiply = kernel.stages[1];
  Stage stage{.parallel = multiply.parallel, .store = multiply.store};
  for (Axis& axis : stage.parallel) {
    if (axis.name == rows.row.name) axis.extent = half.extent;
  }
  const auto shifted = [&](const Expr& expr, int64_t distance) {
    const Expr row = plus_constant(axis_expr(rows.row.name), distance);
    return substituted(expr, {{rows.row.name, row}});
  };
  const Expr sum = read_expr(kSums, DType::f64, {shifted(place, half.first_pair)});
  stage.store->value = shifted(stage.store->value, half.first);
  for (Expr& index : stage.store->indices) index = shifted(index, half.first);
  const Expr scalar = local_expr(multiply.reduction->name, DType::i32);
  stage.store->value =
      with_real_sum(stage.store->value, scalar, unpacked(sum, half.is_upper), known);
  return stage;
}

// Where a sum is kept: the rows' axis outermost.
Expr place_of_sum(const Kernel& kernel, const Rows& rows) {
  Expr place = axis_expr(rows.row.name);
  for (const Axis& axis : kernel.stages[1].parallel) {
    if (axis.name != rows.row.name) place = place * Expr(axis.extent) + axis_expr(axis.name);
  }
  return place;
}

void pair(Kernel& kernel, const Rows& rows, const KnownValues& known) {
  const int64_t width = rows.row.extent, pairs = (width + 1) / 2, distance = width / 2;
  const Expr place = place_of_sum(kernel, rows);
  const Half lower{.extent = pairs};
  const Half upper{
      .is_upper = true, .extent = width - pairs, .first = pairs, .first_pair = pairs - distance};
  std::vector<Stage> stages = gathering(kernel, rows, distance);
  const std::vector<Stage> finishes = {finishing(kernel, rows, place, lower, known),
                                       finishing(kernel, rows, place, upper, known)};
  Stage multiply = kernel.stages[1];
  for (Axis& axis : multiply.parallel) {
    if (axis.name == rows.row.name) axis.extent = pairs;
  }
  Reduction& reduction = *multiply.reduction;
  reduction.dtype = DType::f64;
  reduction.init = f64(0);
  reduction.body =
      read_expr(rows.read->name, DType::f64, rows.read->args) *
      cast_expr(DType::f64,
                rows.weights->kind == ExprKind::cast ? rows.weights->args[0] : rows.weights);
  multiply.store = Store{kSums, {place}, local_expr(reduction.name, DType::f64)};
  stages.push_back(multiply);
  kernel.locals[0].type.dtype = DType::f64;
  kernel.locals[0].type.shape = {kernel.locals[0].type.elements() -
                                 distance * rows.columns * rows.step};
  kernel.locals.push_back({kSums, {DType::f64, {sums_of(kernel, rows, pairs)}, {}}});
  kernel.stages = stages;
  for (const Stage& stage : finishes) kernel.stages.push_back(over_own_axes(kernel, stage));
}

void pair_sums(Graph& graph, const PassContext& context) {
  if (!pairs_pay(context.machine)) return;
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) pair_sums(*region, context);
    if (!node->kernel || node->is_free) continue;
    const KnownValues known(graph, *node);
    if (const auto rows = rows_of(*node->kernel, known)) pair(*node->kernel, *rows, known);
  }
}

const Pass pass{
    .name = "pair-sums",
    .level = Level::kernel,
    .summary = "Make two sums of integers in one f64 where a machine multiplies those as fast.",
    .run = pair_sums,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
