// Runs kernels. The points of the shared axes are taken in chunks; a chunk goes through the stages
// one after the other, as no stage reads what another point writes. What lives for one point -
// scalars and row buffers - exists once for every point of the chunk, so that rows can run along
// whichever axes are long.
#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "ir/error.h"
#include "ir/interpret.h"
#include "ir/interpret_contraction.h"
#include "ir/row_evaluator.h"

namespace mlfc {
namespace {

int64_t points_of(const std::vector<Axis>& axes) {
  int64_t product = 1;
  for (const Axis& axis : axes) product *= axis.extent;
  return product;
}

// A stage, compiled.
struct StageRun {
  const Stage* stage = nullptr;
  RowScope scope = {};
  Box points = {};  ///< the shared axes, then the stage's own
  int64_t own_points = 1;
  Box reduced = {};
  RowProgram init = {}, body = {}, value = {};
  RowTarget target = {};
  std::optional<RowTarget> scalar = {};  ///< where later stages find the reduction's result
  std::optional<Contraction> contraction = {};
  bool rows_along_reduction = false;
};

class KernelRun {
 public:
  KernelRun(const Kernel& kernel, const std::vector<const Tensor*>& inputs);
  std::vector<Tensor> run();

 private:
  void add_tensors(const std::vector<const Tensor*>& inputs);
  void choose_chunk(const std::vector<std::optional<Contraction>>& contractions);
  RowTensor& add_point_memory(const std::string& name, const TensorType& type);
  void prepare(const Stage& stage, const std::optional<Contraction>& contraction);
  void prepare_reduction(StageRun& run);

  void run_stage(StageRun& run, int64_t first, int64_t last);
  void reduce(StageRun& run, Row& row);
  void reduce_point_after_point(StageRun& run, Row& row);
  void finish(StageRun& run, const Row& row, const void* sums);

  const Kernel& kernel_;
  std::vector<Tensor> outputs_;
  std::deque<RowTensor> tensors_;  // a deque: programs refer to its elements
  std::deque<std::vector<std::byte>> memory_;
  RowScope scope_;  // what all stages see
  AxisFrame frame_;
  int chunk_slot_ = 0;  // holds the number of the chunk's first point
  int64_t shared_points_ = 1, chunk_ = 1;
  std::deque<StageRun> stages_;
  std::vector<std::byte> sums_;
};

KernelRun::KernelRun(const Kernel& kernel, const std::vector<const Tensor*>& inputs)
    : kernel_(kernel),
      shared_points_(points_of(kernel.axes)),
      sums_(row_capacity * sizeof(int64_t)) {
  scope_.where = "kernel " + kernel.name;
  for (const Axis& axis : kernel.axes) {
    scope_.axes.emplace(axis.name, static_cast<int>(scope_.axes.size()));
    scope_.ranges.push_back(Range{0, axis.extent - 1});
  }
  chunk_slot_ = static_cast<int>(scope_.ranges.size());
  scope_.ranges.emplace_back(Range{0, shared_points_});
  size_t slots = scope_.ranges.size();
  std::vector<std::optional<Contraction>> contractions;
  for (const Stage& stage : kernel.stages) {
    slots = std::max(slots, scope_.ranges.size() + stage.parallel.size() + stage.reduce.size());
    contractions.push_back(contraction_of(kernel, stage));
  }
  frame_.assign(slots, 0);
  choose_chunk(contractions);
  add_tensors(inputs);
  for (size_t i = 0; i < kernel.stages.size(); ++i) prepare(kernel.stages[i], contractions[i]);
}

void KernelRun::add_tensors(const std::vector<const Tensor*>& inputs) {
  check(inputs.size() == kernel_.inputs.size(), scope_.where, " takes ", kernel_.inputs.size(),
        " inputs, not ", inputs.size());
  const auto add = [&](const Param& param, std::byte* data) {
    tensors_.push_back({param.name, param.type.dtype, param.type.shape, data, {}});
    scope_.tensors[param.name] = &tensors_.back();
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Param& param = kernel_.inputs[i];
    check(inputs[i]->type == param.type.plain(), scope_.where, ": input '", param.name, "' is ",
          param.type.plain(), " but was given ", inputs[i]->type);
    add(param, const_cast<std::byte*>(inputs[i]->bytes.data()));  // inputs are never written
  }
  outputs_.reserve(kernel_.outputs.size());
  for (const Param& param : kernel_.outputs) {
    outputs_.emplace_back(param.type.plain());
    add(param, outputs_.back().bytes.data());
  }
  for (const Param& local : kernel_.locals) add_point_memory(local.name, local.type);
}

// Many points at a time when a point is little work; all of them when a matrix product waits.
void KernelRun::choose_chunk(const std::vector<std::optional<Contraction>>& contractions) {
  constexpr int64_t kRowsPerChunk = 16;
  constexpr int64_t kLargestMemory = int64_t{256} << 20;
  int64_t largest_stage = 1, bytes = sizeof(int64_t);
  bool contracts = false;
  for (size_t i = 0; i < kernel_.stages.size(); ++i) {
    largest_stage = std::max(largest_stage, points_of(kernel_.stages[i].parallel));
    contracts |= contractions[i].has_value();
  }
  for (const Param& local : kernel_.locals) bytes += local.type.plain().storage_bytes();
  chunk_ = std::clamp<int64_t>(kRowsPerChunk * row_capacity / largest_stage, 1, row_capacity);
  if (kernel_.stages.size() == 1) chunk_ = shared_points_;
  if (contracts && bytes * shared_points_ <= kLargestMemory) chunk_ = shared_points_;
  chunk_ = std::clamp<int64_t>(chunk_, 1, std::max<int64_t>(shared_points_, 1));
}

// One copy for every point of the chunk, the copies one after the other in the points' order.
RowTensor& KernelRun::add_point_memory(const std::string& name, const TensorType& type) {
  const int64_t elements = type.elements();
  memory_.emplace_back(static_cast<size_t>(chunk_ * elements * bytes_of(type.dtype)),
                       std::byte{0xFF});  // NaN: what is read before it is written shows
  RowTensor tensor{name, type.dtype, type.shape, memory_.back().data(), {}};
  int64_t stride = elements;
  for (size_t axis = kernel_.axes.size(); axis-- > 0;) {
    tensor.copy.terms.emplace_back(scope_.axes.at(kernel_.axes[axis].name), stride);
    stride *= kernel_.axes[axis].extent;
  }
  tensor.copy.terms.emplace_back(chunk_slot_, -elements);
  tensors_.push_back(std::move(tensor));
  scope_.tensors[name] = &tensors_.back();
  return tensors_.back();
}

void KernelRun::prepare(const Stage& stage, const std::optional<Contraction>& contraction) {
  StageRun& run = stages_.emplace_back();
  run.stage = &stage;
  run.scope = scope_;
  for (const auto* axes : {&stage.parallel, &stage.reduce}) {
    for (const Axis& axis : *axes) {
      run.scope.axes[axis.name] = static_cast<int>(run.scope.ranges.size());
      run.scope.ranges.push_back(Range{0, axis.extent - 1});
    }
  }
  run.points = box_of(kernel_.axes, run.scope);
  const Box own = box_of(stage.parallel, run.scope);
  run.points.axes.insert(run.points.axes.end(), own.axes.begin(), own.axes.end());
  run.own_points = own.points();
  run.reduced = box_of(stage.reduce, run.scope);
  if (chunk_ == shared_points_) run.contraction = contraction;
  if (stage.reduction) prepare_reduction(run);
  if (!stage.store) return;
  const Store& store = *stage.store;
  const auto target = run.scope.tensors.find(store.target);
  check(target != run.scope.tensors.end(), scope_.where, ": no tensor is called '", store.target,
        "'");
  const DType dtype = target->second->dtype;
  run.value = RowProgram({with_dtype(store.value, dtype)}, run.scope);
  check(run.value.dtype() == dtype, scope_.where, ": stores ", run.value.dtype(), " into ",
        store.target, " of ", dtype);
  run.target = RowTarget(*target->second, store.indices, run.scope);
}

void KernelRun::prepare_reduction(StageRun& run) {
  const Reduction& reduction = *run.stage->reduction;
  run.init = RowProgram({with_dtype(reduction.init, reduction.dtype)}, run.scope);
  run.body = RowProgram({with_dtype(reduction.body, reduction.dtype)}, run.scope);
  for (const RowProgram* part : {&run.init, &run.body}) {
    check(part->dtype() == reduction.dtype, scope_.where, ": '", reduction.name, "' is ",
          reduction.dtype, " but combines ", part->dtype());
  }
  // Down the columns of an array every element is a cache line of its own: go along the rows.
  int along_points = 0, along_reduction = 0;
  const auto unit_stride = [](const RowAccess& access, const Box& box) {
    if (box.axes.empty()) return 0;
    const auto& terms = access.place.terms;
    return static_cast<int>(
        std::count(terms.begin(), terms.end(), std::pair<int, int64_t>(box.axes.back().slot, 1)));
  };
  for_each(reduction.body, [&](const Expr& part) {
    if (part->kind != ExprKind::read) return;
    const auto access = affine_access(*run.scope.tensors.at(part->name), part->args, run.scope);
    if (!access) return;
    along_points += unit_stride(*access, run.points);
    along_reduction += unit_stride(*access, run.reduced);
  });
  const int64_t points = run.points.points(), terms = run.reduced.points();
  run.rows_along_reduction =
      terms >= 16 && (points < 32 || (along_reduction > along_points && terms >= 32));
  // Later stages of the point see the scalar; this one sees the row that was just reduced.
  const bool per_point = run.stage->parallel.empty();
  check(per_point || run.stage->store, scope_.where, ": '", reduction.name,
        "' has a value for every point of its stage, so the stage must store it");
  const bool is_last = run.stage == &kernel_.stages.back();
  if (per_point && !is_last) {
    run.scalar =
        RowTarget(add_point_memory(reduction.name, {reduction.dtype, {}, {}}), {}, run.scope);
  }
  run.scope.bound[reduction.name] = {0, reduction.dtype};
}

std::vector<Tensor> KernelRun::run() {
  for (int64_t first = 0; first < shared_points_; first += chunk_) {
    const int64_t last = std::min(first + chunk_, shared_points_);
    frame_[chunk_slot_] = first;
    for (StageRun& stage : stages_) run_stage(stage, first, last);
  }
  return std::move(outputs_);
}

void KernelRun::run_stage(StageRun& run, int64_t first, int64_t last) {
  if (run.contraction) {
    const DType dtype = run.stage->reduction->dtype;
    const RowFunction add = native_row_function(combining_function(Combine::sum), dtype);
    run_contraction(*run.contraction, run.scope, frame_, [&](const Row& row, const void* sums) {
      run.init.run(row);
      const void* operands[] = {run.init.result(), sums};
      add(row.count, sums_.data(), operands);
      wrap_row(dtype, row.count, sums_.data());
      finish(run, row, sums_.data());
    });
    return;
  }
  for_each_row(run.points, first * run.own_points, last * run.own_points, frame_,
               [&](int64_t, Row& row) {
                 if (!run.stage->reduction) return finish(run, row, nullptr);
                 if (run.rows_along_reduction) {
                   reduce_point_after_point(run, row);
                 } else {
                   reduce(run, row);
                 }
                 finish(run, row, sums_.data());
               });
}

// All points of the row at once, one term after the other.
void KernelRun::reduce(StageRun& run, Row& row) {
  const Reduction& reduction = *run.stage->reduction;
  const RowFunction combine =
      native_row_function(combining_function(reduction.combine), reduction.dtype);
  const int bytes = row_element_bytes(row_class(reduction.dtype));
  for (const BoxAxis& axis : run.reduced.axes) row.fix(axis.slot, 0);
  run.init.run(row);
  std::memcpy(sums_.data(), run.init.result(), static_cast<size_t>(row.count) * bytes);
  AxisFrame term = frame_;
  for_each_point(run.reduced, term, [&] {
    for (const BoxAxis& axis : run.reduced.axes) row.fix(axis.slot, term[axis.slot]);
    run.body.run(row);
    const void* operands[] = {sums_.data(), run.body.result()};
    combine(row.count, sums_.data(), operands);
    wrap_row(reduction.dtype, row.count, sums_.data());
  });
}

// One point after the other, the terms in rows; they still combine in their order.
void KernelRun::reduce_point_after_point(StageRun& run, Row& row) {
  const Reduction& reduction = *run.stage->reduction;
  const int bytes = row_element_bytes(row_class(reduction.dtype));
  std::array<std::byte, sizeof(int64_t)> sum{};
  AxisFrame frame;
  for (int point = 0; point < row.count; ++point) {
    row.frame_of(point, frame);
    run.init.run(row_of(frame));
    store_row(reduction.dtype, sum.data(), 0, 0, 1, run.init.result());
    for_each_row(run.reduced, 0, run.reduced.points(), frame, [&](int64_t, Row& terms) {
      run.body.run(terms);
      accumulate_row(reduction.combine, reduction.dtype, sum.data(), 0, 0, terms.count,
                     run.body.result());
    });
    load_row(reduction.dtype, sum.data(), 0, 0, 1, sums_.data() + int64_t{point} * bytes);
  }
}

void KernelRun::finish(StageRun& run, const Row& row, const void* sums) {
  if (run.scalar) run.scalar->store(row, sums);
  if (!run.stage->store) return;
  if (sums != nullptr) run.value.bind(0, sums);
  run.value.run(row);
  run.target.store(row, run.value.result());
}

}  // namespace

std::vector<Tensor> interpret(const Kernel& kernel, const std::vector<const Tensor*>& inputs) {
  return KernelRun(kernel, inputs).run();
}

}  // namespace mlfc
