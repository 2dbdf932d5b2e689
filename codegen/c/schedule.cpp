// Which schedule a kernel gets on a machine with vector lanes or a scalar FPU. Decisions follow
// numbers of the machine and properties of the kernel, never names.
//
// The shape is always the same: one parallel axis, whose values are neighbours, fills the lanes; a
// second one is blocked so that each value loaded is used several times; the accumulators of that
// block fill the registers and stay there through all reduced loops:
//
//   order  lanes.o, other axes, rows.o, reduced axes, lanes.i, rows.i
//
// Rows innermost and written out: the loop over lanes then holds one multiply-add per row and a
// single load of the shared operand. Compilers turn exactly this form into registers at every
// optimisation level (gcc 12 -O3 makes code 15 times slower of lanes inside rows).
#include "codegen/c/schedule.h"

#include <algorithm>
#include <set>

#include "codegen/c/schedule_parts.h"
#include "ir/affine.h"

namespace mlfc {
namespace {

// The parallel axes of a stage, by rising stride in the stored tensor: the first is the best for
// lanes.
std::vector<std::string> axes_by_store_stride(const Kernel& kernel, const Stage& stage) {
  const Param* target = find_param(kernel, stage.store->target);
  std::vector<std::pair<int64_t, std::string>> found;
  for (const auto* axes : {&kernel.axes, &stage.parallel}) {
    for (const Axis& axis : *axes) {
      const int64_t stride = stride_in(target->type, stage.store->indices, axis.name);
      if (axis.extent > 1) found.emplace_back(stride, axis.name);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (const auto& [stride, name] : found) names.push_back(name);
  return names;
}

// What one turn of the reduction costs per vector when `axis` fills the lanes, in vector loads. A
// constant will be packed for the lanes; a guarded read along the lanes needs clipping.
double lane_cost(const Kernel& kernel, const Stage& stage, const std::string& axis, int64_t lanes) {
  constexpr double kBroadcast = 0.25, kLoad = 1, kClipping = 1;
  const auto gather = static_cast<double>(lanes);
  const auto cost_of = [&](const Expr& expr) {
    double cost = 0;
    for_each(expr, [&](const Expr& part) {
      if (part->kind != ExprKind::read) return;
      if (!depends_on(part, axis)) {
        cost += kBroadcast;
        return;
      }
      const Param* param = find_param(kernel, part->name);
      const bool neighbours = param->is_constant || stride_in(param->type, part->args, axis) == 1;
      cost += neighbours ? kLoad : gather;
      if (!part->otherwise.empty()) cost += kClipping;
    });
    return cost;
  };
  int64_t turns = 1;
  for (const Axis& reduced : stage.reduce) turns *= reduced.extent;
  const Param* target = find_param(kernel, stage.store->target);
  const bool stores_neighbours = stride_in(target->type, stage.store->indices, axis) == 1;
  const double once = cost_of(stage.store->value) + (stores_neighbours ? kLoad : gather);
  const int64_t extent = extent_of(kernel, axis);
  const int64_t vectors = (extent + lanes - 1) / lanes;
  const double used = static_cast<double>(extent) / static_cast<double>(vectors * lanes);
  return (cost_of(stage.reduction->body) + once / static_cast<double>(turns)) / used;
}

std::string best_lanes(const Kernel& kernel, const Stage& stage,
                       const std::vector<std::string>& axes, int64_t lanes) {
  std::string best = axes.front();
  double least = lane_cost(kernel, stage, best, lanes);
  for (const std::string& axis : axes) {
    const double cost = lane_cost(kernel, stage, axis, lanes);
    if (cost < least) {
      least = cost;
      best = axis;
    }
  }
  return best;
}

// How much sharing a block of `axis` brings: operands of the reduction that do not depend on it are
// loaded once for the whole block.
int64_t shared_operands(const Stage& stage, const std::string& axis) {
  int64_t shared = 0;
  for_each(stage.reduction->body, [&](const Expr& part) {
    if (part->kind != ExprKind::read) return;
    const bool depends = std::any_of(part->args.begin(), part->args.end(),
                                     [&](const Expr& index) { return mentions_axis(index, axis); });
    shared += depends ? 0 : 1;
  });
  return shared;
}

struct Blocks {
  std::string lanes = {};
  int64_t lane_block = 1;
  std::string rows = {};
  int64_t row_block = 1;
};

int64_t lanes_per_register(const Stage& stage, const Machine& machine) {
  return std::max<int64_t>(1, machine.vector_bytes / std::max(1, bytes_of(stage.reduction->dtype)));
}

Blocks choose_blocks(const Kernel& kernel, const Stage& stage, const Machine& machine) {
  Blocks blocks;
  const std::vector<std::string> axes = axes_by_store_stride(kernel, stage);
  if (axes.empty()) return blocks;
  const int64_t lanes = lanes_per_register(stage, machine);
  const bool has_vectors = lanes > 1;
  const int64_t registers = has_vectors ? machine.vector_registers : machine.scalar_registers;
  blocks.lanes = best_lanes(kernel, stage, axes, lanes);
  // Rows: the axis whose block shares most operands; ties go to the one stored nearest.
  int64_t most_shared = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] == blocks.lanes) continue;
    const int64_t shared = shared_operands(stage, axes[i]);
    if (shared > most_shared) {
      most_shared = shared;
      blocks.rows = axes[i];
    }
  }
  const int64_t lane_extent = extent_of(kernel, blocks.lanes);
  // About three quarters of the registers hold accumulators; the rest hold operands.
  const int64_t accumulators = std::max<int64_t>(4, registers * 3 / 4);
  if (blocks.rows.empty()) {
    // Nothing to share: independent accumulators only hide the latency of the FPU.
    blocks.lane_block = good_block(lane_extent, lanes * std::min<int64_t>(accumulators, 8), lanes);
    return blocks;
  }
  blocks.lane_block = good_block(lane_extent, has_vectors ? lanes * 2 : 4, lanes);
  const int64_t per_row = std::max<int64_t>(1, (blocks.lane_block + lanes - 1) / lanes);
  const int64_t rows = std::max<int64_t>(1, accumulators / per_row);
  const int64_t row_extent = extent_of(kernel, blocks.rows);
  // Scalars spilled cost an instruction each, vectors may find twice the registers.
  blocks.row_block = has_vectors ? good_block(row_extent, rows) : divisor_up_to(row_extent, rows);
  return blocks;
}

// Reduced axes by falling stride in the tensor that is read first: the loops then walk through it
// in storage order, and borders are tested as far outside as possible.
std::vector<Axis> reduced_axes_in_storage_order(const Kernel& kernel, const Stage& stage) {
  const Expr* first = nullptr;
  std::vector<Expr> reads;
  for_each(stage.reduction->body, [&](const Expr& part) {
    if (part->kind == ExprKind::read) reads.push_back(part);
  });
  if (!reads.empty()) first = &reads.front();
  std::vector<Axis> axes = stage.reduce;
  if (first == nullptr) return axes;
  const TensorType& type = find_param(kernel, (*first)->name)->type;
  std::stable_sort(axes.begin(), axes.end(), [&](const Axis& a, const Axis& b) {
    return stride_in(type, (*first)->args, a.name) > stride_in(type, (*first)->args, b.name);
  });
  return axes;
}

Schedule reduction_schedule(const Kernel& kernel, const Machine& machine) {
  const Stage& stage = kernel.stages[0];
  Schedule schedule;
  const Blocks blocks = choose_blocks(kernel, stage, machine);
  if (blocks.lanes.empty()) return schedule;
  const auto [lanes_outer, lanes_inner] = split(schedule, blocks.lanes, blocks.lane_block);
  const auto [rows_outer, rows_inner] = split(schedule, blocks.rows, blocks.row_block);
  std::vector<std::string> order;
  const auto put = [&](const std::string& name) {
    if (!name.empty()) order.push_back(name);
  };
  // Weights of one block of lanes stay in the cache while all positions pass by.
  put(lanes_outer);
  for (const auto* axes : {&kernel.axes, &stage.parallel}) {
    for (const Axis& axis : *axes) {
      if (axis.name != blocks.lanes && axis.name != blocks.rows) put(axis.name);
    }
  }
  put(rows_outer);
  for (const Axis& axis : reduced_axes_in_storage_order(kernel, stage)) put(axis.name);
  const bool has_vectors = lanes_per_register(stage, machine) > 1;
  put(lanes_inner);
  put(rows_inner);
  schedule.words.push_back(order_word(order));
  if (!rows_inner.empty()) schedule.words.push_back(unroll_word(rows_inner));
  if (!lanes_inner.empty()) {
    schedule.words.push_back(has_vectors ? lanes_word(lanes_inner) : unroll_word(lanes_inner));
  }
  return schedule;
}

// Elementwise: the loops follow the stored tensor, smallest stride innermost.
Schedule elementwise_schedule(const Kernel& kernel) {
  std::vector<std::string> axes = axes_by_store_stride(kernel, kernel.stages[0]);
  if (axes.size() < 2) return {};
  std::reverse(axes.begin(), axes.end());
  Schedule schedule;
  schedule.words.push_back(order_word(axes));
  return schedule;
}

}  // namespace

Schedule choose_c_schedule(const Kernel& kernel, const Machine& machine) {
  Schedule dots = dot_schedule(kernel, machine);
  if (!dots.empty()) return dots;
  if (kernel.stages.size() != 1 || !kernel.stages[0].store) return {};
  const Stage& stage = kernel.stages[0];
  const bool reduces = stage.reduction.has_value() && !stage.reduce.empty();
  return reduces ? reduction_schedule(kernel, machine) : elementwise_schedule(kernel);
}

}  // namespace mlfc
