// Integer sums of products, along a reduced axis where both factors lie contiguously.
//
// Two forms. Machines whose instructions multiply groups of bytes into every lane keep one output
// channel a lane, and a block of rows that shares the weights (byte_products.h):
//
//   order  lanes.o, other axes, rows.o, run.o, rows.i, lanes.i, run.i
//
// Elsewhere blocks of four by four dot products run along the contiguous axis, which a compiler
// vectorises or a scalar core walks through:
//
//   order  a.o, other axes, b.o, other reduced axes, run, a.i, b.i
#include <algorithm>
#include <optional>

#include "codegen/c/schedule.h"
#include "codegen/c/schedule_parts.h"

namespace mlfc {
namespace {

// Enough elements for vectors, or for a loop whose overhead does not show.
constexpr int64_t kShortestRun = 8;

// A reduced axis along which both factors of an integer product lie contiguously: constants will be
// packed so that they do. Null when there is none.
const Axis* contiguous_axis(const Kernel& kernel, const Stage& stage, const Machine& machine) {
  const Reduction& reduction = *stage.reduction;
  // Sums of reals keep their order, which only matters where lanes would share them.
  const bool gathered = kernel.stages.size() > 1 && machine.vector_bytes <= 4;
  const bool may_share = is_integer(reduction.dtype) || gathered;
  if (reduction.combine != Combine::sum || !may_share) return nullptr;
  for (const Axis& axis : stage.reduce) {
    int reads = 0;
    bool contiguous = axis.extent >= kShortestRun;
    for_each(reduction.body, [&](const Expr& part) {
      if (part->kind != ExprKind::read) return;
      ++reads;
      const Param* param = find_param(kernel, part->name);
      contiguous &= part->otherwise.empty() && depends_on(part, axis.name) &&
                    (param->is_constant || stride_in(param->type, part->args, axis.name) == 1);
    });
    if (contiguous && reads == 2) return &axis;
  }
  return nullptr;
}

// The parallel axes a stage may order: with several stages the shared ones stay outside.
std::vector<Axis> own_axes(const Kernel& kernel, const Stage& stage) {
  std::vector<Axis> axes = stage.parallel;
  if (kernel.stages.size() == 1) axes.insert(axes.begin(), kernel.axes.begin(), kernel.axes.end());
  return axes;
}

// Parallel axes that share one operand of the product: the longest that is not in the first read,
// and the longest that is not in the second.
std::vector<std::string> sharing_axes(const Stage& stage, const std::vector<Axis>& parallel) {
  const std::vector<Expr> reads = reads_in(stage.reduction->body);
  std::vector<std::string> names;
  for (size_t i = 0; i < 2; ++i) {
    const Axis* longest = nullptr;
    for (const Axis& axis : parallel) {
      const bool shares = !depends_on(reads[i], axis.name) && depends_on(reads[1 - i], axis.name);
      if (shares && axis.extent > 1 && (longest == nullptr || axis.extent > longest->extent)) {
        longest = &axis;
      }
    }
    if (longest != nullptr) names.push_back(longest->name);
  }
  return names;
}

// How many outputs along each of the sharing axes are made together: they share what is loaded.
std::vector<int64_t> blocks_of(const Kernel& kernel, const Stage& stage,
                               const std::vector<std::string>& blocked, const Machine& machine) {
  const auto block = [&](size_t i, int64_t wanted) {
    return good_block(extent_of(kernel, blocked[i]), wanted);
  };
  if (blocked.size() < 2) return {blocked.empty() ? 1 : block(0, 8)};
  // Sixteen sums and what they read just fit the registers of every machine.
  const bool on_fpu = machine.vector_bytes <= 4 && is_float(stage.reduction->dtype);
  if (!on_fpu) return {block(0, 4), block(1, 4)};
  // An FPU has registers of its own; sums beyond them would cost more than sharing saves.
  const int64_t rows = block(1, 4), sums = machine.scalar_registers * 3 / 4;
  return {divisor_up_to(extent_of(kernel, blocked[0]), sums / rows), rows};
}

// Blocks of sums share the values loaded; the run is innermost but for them.
void add_dot_words(const Kernel& kernel, const Stage& stage, const Axis& run,
                   const Machine& machine, Schedule& schedule) {
  const std::vector<Axis> parallel = own_axes(kernel, stage);
  const std::vector<std::string> blocked = sharing_axes(stage, parallel);
  const std::vector<int64_t> blocks = blocks_of(kernel, stage, blocked, machine);
  std::vector<std::string> order, inner;
  std::vector<std::string> outer;
  for (size_t axis = 0; axis < blocked.size(); ++axis) {
    const auto [o, i] = split(schedule, blocked[axis], blocks[axis]);
    outer.push_back(o);
    if (!i.empty()) inner.push_back(i);
  }
  if (!outer.empty()) order.push_back(outer.front());
  for (const Axis& axis : parallel) {
    const bool is_blocked = std::find(blocked.begin(), blocked.end(), axis.name) != blocked.end();
    if (!is_blocked) order.push_back(axis.name);
  }
  if (outer.size() > 1) order.push_back(outer.back());
  for (const Axis& axis : stage.reduce) {
    if (axis.name != run.name) order.push_back(axis.name);
  }
  order.push_back(run.name);
  order.insert(order.end(), inner.begin(), inner.end());
  schedule.words.push_back(order_word(order));
  for (const std::string& axis : inner) schedule.words.push_back(unroll_word(axis));
  if (machine.vector_bytes > 4) schedule.words.push_back(lanes_word(run.name));
}

// --- groups of bytes ----------------------------------------------------------------------------

// The axes of a product of unsigned data by constant signed bytes, which an instruction multiplies
// and adds a few at a time in every lane.
struct Groups {
  std::string rows = {};   ///< only in the data
  std::string lanes = {};  ///< only in the constant
};

bool is_widened_read(const Expr& factor, DType dtype) {
  return factor->kind == ExprKind::cast && factor->args[0]->kind == ExprKind::read &&
         factor->args[0].dtype() == dtype;
}

std::optional<Groups> groups_of(const Kernel& kernel, const Stage& stage, const Machine& machine) {
  const Expr& body = stage.reduction->body;
  const bool product = machine.dot_bytes > 1 && stage.reduction->dtype == DType::i32 &&
                       is_call(body, "mul") && is_widened_read(body->args[0], DType::u8) &&
                       is_widened_read(body->args[1], DType::i8);
  if (!product || !find_param(kernel, body->args[1]->args[0]->name)->is_constant) {
    return std::nullopt;
  }
  // The first axis is not in the data, the second not in the constant.
  const std::vector<std::string> sharing = sharing_axes(stage, own_axes(kernel, stage));
  if (sharing.size() != 2 || extent_of(kernel, sharing[0]) < 4) return std::nullopt;
  return Groups{.rows = sharing[1], .lanes = sharing[0]};
}

// Vectors of 16, 8 and 4 lanes that hold a block.
int64_t vectors_of(int64_t lanes) {
  return lanes / 16 + lanes % 16 / 8 + lanes % 8 / 4;
}

// The largest of the best filled blocks of lanes, in multiples of four; without a rest if that can
// be.
int64_t lane_block(int64_t extent, int64_t most) {
  int64_t best = 0;
  for (int64_t block = 4; block <= std::min(extent, most); block += 4) {
    if (extent % block != 0) continue;
    if (best == 0 || vectors_of(block) * best <= vectors_of(best) * block) best = block;
  }
  return best != 0 ? best : std::min<int64_t>(extent / 4 * 4, 16);
}

// A block of rows shares every vector of weights; its sums fill half the widest registers.
void add_group_words(const Kernel& kernel, const Stage& stage, const Axis& run,
                     const Groups& groups, const Machine& machine, Schedule& schedule) {
  constexpr int64_t kLanes = 32, kRows = 8, kVectors = 16;
  const int64_t lanes = lane_block(extent_of(kernel, groups.lanes), kLanes);
  const int64_t rows = std::min(kRows, kVectors / std::max<int64_t>(1, vectors_of(lanes)));
  const auto [lanes_outer, lanes_inner] = split(schedule, groups.lanes, lanes);
  const auto [rows_outer, rows_inner] =
      split(schedule, groups.rows, good_block(extent_of(kernel, groups.rows), rows));
  const auto [run_outer, run_inner] = split(schedule, run.name, machine.dot_bytes);
  std::vector<std::string> order = {lanes_outer};
  for (const Axis& axis : own_axes(kernel, stage)) {
    if (axis.name != groups.lanes && axis.name != groups.rows) order.push_back(axis.name);
  }
  order.push_back(rows_outer);
  for (const Axis& axis : stage.reduce) {
    if (axis.name != run.name) order.push_back(axis.name);
  }
  order.push_back(run_outer);
  if (!rows_inner.empty()) order.push_back(rows_inner);
  order.insert(order.end(), {lanes_inner, run_inner});
  schedule.words.push_back(order_word(order));
  if (!rows_inner.empty()) schedule.words.push_back(unroll_word(rows_inner));
  schedule.words.push_back(lanes_word(lanes_inner));
}

// --- neighbours with weights of their own
// ---------------------------------------------------------

// Two neighbouring bytes at the same places: rows[... + 4 * group + byte] * filters[group, byte,
// ...] with the axes of the groups and of the bytes, and one along which outputs share weights.
struct Neighbours {
  std::string groups = {};
  std::string bytes = {};
  std::string rows = {};
};

std::optional<Neighbours> neighbours_of(const Kernel& kernel, const Stage& stage,
                                        const Machine& machine) {
  const Expr& body = stage.reduction->body;
  const bool product = machine.dot_bytes > 1 && stage.reduction->dtype == DType::i32 &&
                       is_call(body, "mul") && is_widened_read(body->args[0], DType::u8) &&
                       is_widened_read(body->args[1], DType::i8);
  if (!product) return std::nullopt;
  const Expr &data = body->args[0]->args[0], &weights = body->args[1]->args[0];
  const Param *read = find_param(kernel, data->name), *known = find_param(kernel, weights->name);
  Neighbours found;
  for (const Axis& axis : own_axes(kernel, stage)) {
    const int64_t stride = stride_in(read->type, data->args, axis.name);
    const bool chooses_weights = depends_on(weights, axis.name);
    if (!chooses_weights && stride > 0) found.rows = axis.name;
    if (chooses_weights && stride == 1 && axis.extent == machine.dot_bytes) found.bytes = axis.name;
    if (chooses_weights && stride == machine.dot_bytes) found.groups = axis.name;
  }
  const bool all = !found.groups.empty() && !found.bytes.empty() && !found.rows.empty();
  return all && known->is_constant ? std::optional(found) : std::nullopt;
}

// A block of rows shares the weights; its sums, one vector for each byte, fill the registers.
void add_neighbour_words(const Kernel& kernel, const Stage& stage, const Neighbours& axes,
                         const Machine& machine, Schedule& schedule) {
  constexpr int64_t kLanes = 16, kVectors = 16;
  const int64_t lanes = lane_block(extent_of(kernel, axes.groups), kLanes);
  const int64_t vectors = machine.dot_bytes * std::max<int64_t>(1, vectors_of(lanes));
  const auto [groups_outer, groups_inner] = split(schedule, axes.groups, lanes);
  const auto [rows_outer, rows_inner] =
      split(schedule, axes.rows,
            good_block(extent_of(kernel, axes.rows), std::max<int64_t>(1, kVectors / vectors)));
  std::vector<std::string> order = {groups_outer};
  for (const Axis& axis : own_axes(kernel, stage)) {
    const bool is_blocked =
        axis.name == axes.groups || axis.name == axes.bytes || axis.name == axes.rows;
    if (!is_blocked) order.push_back(axis.name);
  }
  order.push_back(rows_outer);
  for (const Axis& axis : stage.reduce) order.push_back(axis.name);
  if (!rows_inner.empty()) order.push_back(rows_inner);
  order.insert(order.end(), {groups_inner, axes.bytes});
  schedule.words.push_back(order_word(order));
  if (!rows_inner.empty()) schedule.words.push_back(unroll_word(rows_inner));
  schedule.words.push_back(lanes_word(groups_inner));
}

}  // namespace

Schedule dot_schedule(const Kernel& kernel, const Machine& machine) {
  Schedule schedule;
  for (const Stage& stage : kernel.stages) {
    const bool reduces = stage.reduction && stage.store && !stage.reduce.empty();
    if (!reduces) continue;
    if (const auto neighbours = neighbours_of(kernel, stage, machine)) {
      add_neighbour_words(kernel, stage, *neighbours, machine, schedule);
      continue;
    }
    const Axis* run = contiguous_axis(kernel, stage, machine);
    if (run == nullptr) continue;
    if (const auto groups = groups_of(kernel, stage, machine)) {
      add_group_words(kernel, stage, *run, *groups, machine, schedule);
    } else {
      add_dot_words(kernel, stage, *run, machine, schedule);
    }
  }
  return schedule;
}

}  // namespace mlfc
