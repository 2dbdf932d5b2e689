// Runs loop programs statement by statement. Most of the time goes into perfect nests of loops
// around a few assignments; as long as such a nest reads nothing that it writes, its values may be
// computed for a whole row of points before they are written, point after point, in program order.
#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <set>

#include "ir/error.h"
#include "ir/interpret.h"
#include "ir/row_evaluator.h"

namespace mlfc {
namespace {

// A loop bound or an index: affine if possible, else a program of one root.
struct Scalar {
  std::optional<AffineIndex> affine = {};
  RowProgram program = {};
};

struct Assignment {
  bool accumulates = false;
  Combine combine = Combine::sum;
  RowProgram value = {};
  RowTarget target = {};
};

struct LoopRange {
  int slot = 0;
  Scalar begin = {}, end = {};
  int64_t step = 1;
};

struct Copy {
  const RowTensor* target = nullptr;
  const RowTensor* source = nullptr;
  std::vector<Scalar> target_indices = {}, source_indices = {};
  Shape extents = {};
};

// A statement, compiled. A nest has all its loops in `loops` and its assignments evaluated in rows.
struct Step {
  StmtKind kind = StmtKind::comment;
  bool is_nest = false;
  bool targets_differ = true;
  std::string name = {};
  std::vector<LoopRange> loops = {};
  std::vector<Step> body = {};
  std::vector<Assignment> assignments = {};
  Copy copy = {};
  const RowTensor* local = nullptr;
};

class ProcRun {
 public:
  ProcRun(const Proc& proc, const std::vector<const Tensor*>& inputs);
  std::vector<Tensor> run();

 private:
  // Compiling.
  std::vector<Step> compile(const std::vector<Stmt>& body, RowScope scope);
  Step compile_loop(const Stmt& stmt, const RowScope& scope);
  LoopRange compile_range(const Stmt& loop, RowScope& scope);
  Step compile_local(const Stmt& stmt, RowScope& scope);
  Step compile_copy(const Stmt& stmt, const RowScope& scope);
  Assignment compile_assignment(const Stmt& stmt, const RowScope& scope);
  Scalar compile_scalar(const Expr& expr, const RowScope& scope);
  std::vector<Scalar> compile_scalars(const std::vector<Expr>& exprs, const RowScope& scope);
  const RowTensor& tensor_named(const std::string& name, const RowScope& scope) const;

  // Running.
  void run(std::vector<Step>& steps);
  void run(Step& step);
  void run_nest(Step& nest, size_t depth, Row& row);
  void flush(Step& nest, Row& row);
  void run_copy(Copy& copy);
  int64_t evaluate(Scalar& scalar);
  const Row& here();

  const Proc& proc_;
  std::vector<Tensor> outputs_;
  std::deque<RowTensor> tensors_;  // a deque: programs refer to its elements
  std::deque<std::vector<std::byte>> memory_;
  std::vector<Step> steps_;
  size_t slots_ = 0;
  AxisFrame frame_;
  Row point_;
};

// --- compiling --------------------------------------------------------------------------------

ProcRun::ProcRun(const Proc& proc, const std::vector<const Tensor*>& inputs) : proc_(proc) {
  RowScope scope{.where = "proc " + proc.name};
  check(inputs.size() == proc.inputs.size(), scope.where, " takes ", proc.inputs.size(),
        " inputs, not ", inputs.size());
  const auto add = [&](const Param& param, std::byte* data) {
    tensors_.push_back({param.name, param.type.dtype, param.type.shape, data, {}});
    scope.tensors[param.name] = &tensors_.back();
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Param& param = proc.inputs[i];
    check(inputs[i]->type == param.type.plain(), scope.where, ": input '", param.name, "' is ",
          param.type.plain(), " but was given ", inputs[i]->type);
    add(param, const_cast<std::byte*>(inputs[i]->bytes.data()));  // inputs are never written
  }
  outputs_.reserve(proc.outputs.size());
  for (const Param& param : proc.outputs) {
    outputs_.emplace_back(param.type.plain());
    add(param, outputs_.back().bytes.data());
  }
  steps_ = compile(proc.body, scope);
  frame_.assign(slots_, 0);
  point_ = row_of(frame_);
}

const RowTensor& ProcRun::tensor_named(const std::string& name, const RowScope& scope) const {
  const auto found = scope.tensors.find(name);
  check(found != scope.tensors.end(), scope.where, ": no tensor is called '", name, "'");
  return *found->second;
}

Scalar ProcRun::compile_scalar(const Expr& expr, const RowScope& scope) {
  if (std::optional<AffineIndex> affine = affine_index(expr, scope)) return {std::move(affine), {}};
  return {std::nullopt, RowProgram({expr}, scope)};
}

std::vector<Scalar> ProcRun::compile_scalars(const std::vector<Expr>& exprs,
                                             const RowScope& scope) {
  std::vector<Scalar> scalars;
  for (const Expr& expr : exprs) scalars.push_back(compile_scalar(expr, scope));
  return scalars;
}

LoopRange ProcRun::compile_range(const Stmt& loop, RowScope& scope) {
  check(loop.step > 0, scope.where, ": loop '", loop.name, "' has step ", loop.step);
  LoopRange range{.begin = compile_scalar(loop.begin, scope),
                  .end = compile_scalar(loop.end, scope),
                  .step = loop.step};
  Ranges known;
  for (const auto& [name, slot] : scope.axes) {
    if (scope.ranges[slot]) known[name] = *scope.ranges[slot];
  }
  const std::optional<Range> first = range_of(loop.begin, known), last = range_of(loop.end, known);
  range.slot = static_cast<int>(scope.ranges.size());
  scope.axes[loop.name] = range.slot;
  scope.ranges.emplace_back();
  if (first && last) scope.ranges.back() = Range{first->first, last->last - 1};
  slots_ = std::max(slots_, scope.ranges.size());
  return range;
}

Step ProcRun::compile_local(const Stmt& stmt, RowScope& scope) {
  memory_.emplace_back(
      static_cast<size_t>(element_count(stmt.shape) * int64_t{bytes_of(stmt.dtype)}));
  tensors_.push_back({stmt.name, stmt.dtype, stmt.shape, memory_.back().data(), {}});
  scope.tensors[stmt.name] = &tensors_.back();
  return {.kind = StmtKind::local, .local = &tensors_.back()};
}

Assignment ProcRun::compile_assignment(const Stmt& stmt, const RowScope& scope) {
  const RowTensor& target = tensor_named(stmt.name, scope);
  Assignment assignment{.accumulates = stmt.kind == StmtKind::accumulate,
                        .combine = stmt.combine,
                        .value = RowProgram({with_dtype(stmt.value, target.dtype)}, scope),
                        .target = RowTarget(target, stmt.indices, scope)};
  check(assignment.value.dtype() == target.dtype, scope.where, ": assigns ",
        assignment.value.dtype(), " to ", target.name, " of ", target.dtype);
  return assignment;
}

Step ProcRun::compile_copy(const Stmt& stmt, const RowScope& scope) {
  Step step{.kind = StmtKind::copy};
  step.copy = {.target = &tensor_named(stmt.name, scope),
               .source = &tensor_named(stmt.source, scope),
               .target_indices = compile_scalars(stmt.indices, scope),
               .source_indices = compile_scalars(stmt.source_indices, scope),
               .extents = stmt.extents};
  const Copy& copy = step.copy;
  const bool ranks_agree = copy.target->shape.size() == stmt.extents.size() &&
                           copy.source->shape.size() == stmt.extents.size() &&
                           stmt.indices.size() == stmt.extents.size() &&
                           stmt.source_indices.size() == stmt.extents.size();
  check(ranks_agree && copy.target->dtype == copy.source->dtype, scope.where, ": a box of shape ",
        stmt.extents, " cannot be copied from ", stmt.source, " to ", stmt.name);
  return step;
}

// The loops of a perfect nest from `outermost` inwards; empty unless the innermost body is nothing
// but assignments.
std::vector<const Stmt*> perfect_nest(const Stmt& outermost) {
  std::vector<const Stmt*> loops = {&outermost};
  for (;;) {
    std::vector<const Stmt*> inner;
    for (const Stmt& stmt : loops.back()->body) {
      if (stmt.kind != StmtKind::comment) inner.push_back(&stmt);
    }
    const bool only_assignments = std::all_of(inner.begin(), inner.end(), [](const Stmt* stmt) {
      return stmt->kind == StmtKind::assign || stmt->kind == StmtKind::accumulate;
    });
    if (only_assignments) return inner.empty() ? std::vector<const Stmt*>{} : loops;
    if (inner.size() != 1 || inner[0]->kind != StmtKind::loop) return {};
    loops.push_back(inner[0]);
  }
}

// True when no expression of the nest reads a tensor that the nest writes.
bool reads_nothing_written(const Stmt& nest) {
  std::set<std::string> written, read;
  const auto collect = [&](const Expr& expr) {
    for_each(expr, [&](const Expr& part) {
      if (part->kind == ExprKind::read || part->kind == ExprKind::local) read.insert(part->name);
    });
  };
  for_each_stmt({nest}, [&](const Stmt& stmt) {
    for (const Expr* expr : {&stmt.begin, &stmt.end, &stmt.value}) collect(*expr);
    for (const Expr& index : stmt.indices) collect(index);
    if (stmt.kind == StmtKind::assign || stmt.kind == StmtKind::accumulate) {
      written.insert(stmt.name);
    }
  });
  return std::none_of(written.begin(), written.end(),
                      [&](const std::string& name) { return read.contains(name); });
}

Step ProcRun::compile_loop(const Stmt& stmt, const RowScope& scope) {
  Step step{.kind = StmtKind::loop};
  RowScope inner = scope;
  const std::vector<const Stmt*> nest = perfect_nest(stmt);
  step.is_nest = !nest.empty() && reads_nothing_written(stmt);
  if (!step.is_nest) {
    step.loops.push_back(compile_range(stmt, inner));
    step.body = compile(stmt.body, inner);
    return step;
  }
  for (const Stmt* loop : nest) step.loops.push_back(compile_range(*loop, inner));
  std::set<std::string> targets;
  for (const Stmt& inner_stmt : nest.back()->body) {
    if (inner_stmt.kind == StmtKind::comment) continue;
    step.assignments.push_back(compile_assignment(inner_stmt, inner));
    step.targets_differ &= targets.insert(inner_stmt.name).second;
  }
  return step;
}

std::vector<Step> ProcRun::compile(const std::vector<Stmt>& body, RowScope scope) {
  std::vector<Step> steps;
  for (const Stmt& stmt : body) {
    switch (stmt.kind) {
      case StmtKind::comment:
        break;
      case StmtKind::local:
        steps.push_back(compile_local(stmt, scope));
        break;
      case StmtKind::loop:
        steps.push_back(compile_loop(stmt, scope));
        break;
      case StmtKind::assign:
      case StmtKind::accumulate:
        steps.push_back({.kind = stmt.kind});
        steps.back().assignments.push_back(compile_assignment(stmt, scope));
        break;
      case StmtKind::copy:
        steps.push_back(compile_copy(stmt, scope));
        break;
      case StmtKind::call:
        steps.push_back({.kind = stmt.kind, .name = stmt.name});
        break;
    }
  }
  return steps;
}

// --- running ----------------------------------------------------------------------------------

const Row& ProcRun::here() {
  point_.starts = frame_;
  return point_;
}

int64_t ProcRun::evaluate(Scalar& scalar) {
  if (scalar.affine) return scalar.affine->at(frame_.data());
  scalar.program.run(here());
  return *scalar.program.result_as<int64_t>();
}

std::vector<Tensor> ProcRun::run() {
  run(steps_);
  return std::move(outputs_);
}

void ProcRun::run(std::vector<Step>& steps) {
  for (Step& step : steps) run(step);
}

void ProcRun::run(Step& step) {
  if (step.is_nest) {
    Row row;
    row.restart(static_cast<int>(slots_), step.loops.back().slot, step.loops.back().step);
    run_nest(step, 0, row);
    if (row.count > 0) flush(step, row);
    return;
  }
  switch (step.kind) {
    case StmtKind::loop: {
      LoopRange& loop = step.loops[0];
      const int64_t begin = evaluate(loop.begin), end = evaluate(loop.end);
      for (int64_t i = begin; i < end; i += loop.step) {
        frame_[loop.slot] = i;
        run(step.body);
      }
      return;
    }
    case StmtKind::local:  // NaN: what is read before it is written shows
      std::memset(step.local->data, 0xFF,
                  static_cast<size_t>(element_count(step.local->shape) *
                                      int64_t{bytes_of(step.local->dtype)}));
      return;
    case StmtKind::assign:
    case StmtKind::accumulate: {
      Assignment& assignment = step.assignments[0];
      assignment.value.run(here());
      const void* value = assignment.value.result();
      if (assignment.accumulates) {
        assignment.target.accumulate(assignment.combine, here(), value);
      } else {
        assignment.target.store(here(), value);
      }
      return;
    }
    case StmtKind::copy:
      return run_copy(step.copy);
    case StmtKind::call:
      throw InternalError(concat_text("proc ", proc_.name, ": nothing says what the call of '",
                                      step.name, "' means"));
    case StmtKind::comment:
      return;
  }
}

// Collects the points of the nest in rows, in program order.
void ProcRun::run_nest(Step& nest, size_t depth, Row& row) {
  LoopRange& loop = nest.loops[depth];
  const int64_t begin = evaluate(loop.begin), end = evaluate(loop.end);
  if (depth + 1 < nest.loops.size()) {
    for (int64_t i = begin; i < end; i += loop.step) {
      frame_[loop.slot] = i;
      run_nest(nest, depth + 1, row);
    }
    return;
  }
  int64_t left = begin < end ? (end - begin + loop.step - 1) / loop.step : 0;
  frame_[loop.slot] = begin;
  while (left > 0) {
    const int64_t points = std::min<int64_t>(left, row_capacity - row.count);
    row.append(frame_, static_cast<int>(points));
    frame_[loop.slot] += points * loop.step;
    left -= points;
    if (row.count == row_capacity) flush(nest, row);
  }
}

void ProcRun::flush(Step& nest, Row& row) {
  for (Assignment& assignment : nest.assignments) {
    assignment.value.run(row);
    if (!nest.targets_differ) {
      assignment.target.locate(row);
    } else if (assignment.accumulates) {
      assignment.target.accumulate(assignment.combine, row, assignment.value.result());
    } else {
      assignment.target.store(row, assignment.value.result());
    }
  }
  for (int point = 0; point < row.count && !nest.targets_differ; ++point) {
    for (Assignment& assignment : nest.assignments) {
      const RowTensor& tensor = assignment.target.tensor();
      const void* value = static_cast<const std::byte*>(assignment.value.result()) +
                          int64_t{point} * row_element_bytes(row_class(tensor.dtype));
      const int64_t place = assignment.target.place(point);
      if (assignment.accumulates) {
        accumulate_row(assignment.combine, tensor.dtype, tensor.data, place, 0, 1, value);
      } else {
        store_row(tensor.dtype, tensor.data, place, 0, 1, value);
      }
    }
  }
  row.restart(static_cast<int>(slots_), nest.loops.back().slot, nest.loops.back().step);
}

void ProcRun::run_copy(Copy& copy) {
  const auto start = [&](const RowTensor& tensor, std::vector<Scalar>& indices) {
    int64_t place = 0;
    for (size_t axis = 0; axis < indices.size(); ++axis) {
      const int64_t index = evaluate(indices[axis]);
      check(index >= 0 && index + copy.extents[axis] <= tensor.shape[axis], "proc ", proc_.name,
            ": a box of ", copy.extents, " that begins at ", index, " on axis ", axis, " leaves '",
            tensor.name, "' of shape ", tensor.shape);
      place = place * tensor.shape[axis] + index;
    }
    return place;
  };
  const int64_t target_start = start(*copy.target, copy.target_indices);
  const int64_t source_start = start(*copy.source, copy.source_indices);
  const std::vector<int64_t> target_strides = row_major_strides(copy.target->shape);
  const std::vector<int64_t> source_strides = row_major_strides(copy.source->shape);
  Box box;
  for (size_t axis = 0; axis < copy.extents.size(); ++axis) {
    box.axes.push_back({static_cast<int>(axis), copy.extents[axis]});
  }
  const int64_t bytes = bytes_of(copy.target->dtype);
  AxisFrame at(copy.extents.size(), 0);
  for_each_point(box, at, [&] {
    int64_t target = target_start, source = source_start;
    for (size_t axis = 0; axis < at.size(); ++axis) {
      target += at[axis] * target_strides[axis];
      source += at[axis] * source_strides[axis];
    }
    std::memcpy(copy.target->data + target * bytes, copy.source->data + source * bytes,
                static_cast<size_t>(bytes));
  });
}

}  // namespace

std::vector<Tensor> interpret(const Proc& proc, const std::vector<const Tensor*>& inputs) {
  return ProcRun(proc, inputs).run();
}

}  // namespace mlfc
