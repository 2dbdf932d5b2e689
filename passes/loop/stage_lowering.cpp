// Writes the loops of one stage. Parallel loops outside the first reduced loop surround everything;
// parallel loops inside it multiply the accumulators, so
//
//   order oh ow.o kh ic ow.i     becomes     for oh, ow.o
//                                              local acc[4]
//                                              for ow.i            acc[ow.i] = init
//                                              for kh, ic, ow.i    acc[ow.i] += body
//                                              for ow.i            y[...] = epilogue(acc[ow.i])
//
// A read outside its tensor that contributes nothing to the reduction is not tested element by
// element: the innermost loop its index depends on is clipped to the turns that are inside. Blocks
// of a split axis that need no clipping at all are loops of their own (segments.h).
#include "passes/loop/stage_lowering.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "ir/error.h"
#include "passes/loop/segments.h"

namespace mlfc {
namespace {

// Border blocks are written out one by one so that their bounds become constants, up to this many.
constexpr int64_t kMostBorderCopies = 4;

struct Clip {
  Expr begin = {}, end = {};
};

class StageLowering {
 public:
  StageLowering(const Kernel& kernel, const Stage& stage, const std::vector<NestLoop>& loops,
                AxisMap values, Ranges ranges)
      : kernel_(kernel),
        stage_(stage),
        loops_(loops),
        values_(std::move(values)),
        ranges_(std::move(ranges)) {
    const auto first = std::find_if(loops_.begin(), loops_.end(),
                                    [](const NestLoop& loop) { return loop.is_reduced; });
    first_reduced_ = static_cast<size_t>(first - loops_.begin());
  }

  std::vector<Stmt> lower() { return outer(0); }

 private:
  // --- the loops around the accumulators ----------------------------------------------------

  std::vector<Stmt> outer(size_t depth) {
    if (depth == first_reduced_) return innermost();
    const NestLoop& loop = loops_[depth];
    if (loop.part == LoopPart::outer) return segmented(depth);
    if (const std::optional<Guard> guard = guard_decided_by(depth)) return guarded(depth, *guard);
    return {counted(depth, extent_here(loop), [&] { return outer(depth + 1); })};
  }

  std::vector<Stmt> segmented(size_t depth) {
    const NestLoop& loop = loops_[depth];
    const Range interior = interior_of(kernel_, stage_, {loop.axis, loop.extent}, axis_ranges());
    std::vector<Segment> segments = cut_into_segments(loop.extent, loop.block, interior);
    const auto borders = std::count_if(segments.begin(), segments.end(),
                                       [](const Segment& segment) { return segment.blocks == 1; });
    if (borders > kMostBorderCopies) {
      segments = cut_into_segments(loop.extent, loop.block, {0, loop.extent - 1});
    }
    std::vector<Stmt> all;
    for (const Segment& segment : segments) {
      for (Stmt& stmt : one_segment(depth, segment)) all.push_back(std::move(stmt));
    }
    return all;
  }

  std::vector<Stmt> one_segment(size_t depth, const Segment& segment) {
    const NestLoop& loop = loops_[depth];
    blocks_[loop.axis] = segment.block;
    if (segment.blocks == 1) {  // no loop: the block's place is a constant
      starts_[loop.axis] = integer_expr(segment.begin, DType::i64);
      std::vector<Stmt> body = outer(depth + 1);
      starts_.erase(loop.axis);
      return body;
    }
    return {block_loop(loop, segment, [&] { return outer(depth + 1); })};
  }

  // The loop over the blocks of a segment. Its variable counts blocks, so that whoever divides by
  // the block (a packed layout) gets the variable itself.
  template <typename Body>
  Stmt block_loop(const NestLoop& loop, const Segment& segment, const Body& body) {
    const int64_t first = segment.begin / loop.block;
    starts_[loop.axis] = axis_expr(loop.variable) * integer_expr(loop.block, DType::i64);
    ranges_[loop.variable] = {first, first + segment.blocks - 1};
    Stmt stmt = loop_stmt(loop.variable, first, first + segment.blocks, body(), loop.marks);
    ranges_.erase(loop.variable);
    starts_.erase(loop.axis);
    return stmt;
  }

  // --- stages that only store: loops end where reads leave their tensor ---------------------

  // The dimension of a guarded read that a loop decides, and the turns that are inside.
  struct Guard {
    std::string tensor = {};
    size_t dim = 0;
    Clip inside = {};
  };

  // Guarded reads of the stored value that are still undecided; none when a tensor has several,
  // since they are told apart by its name.
  std::vector<Expr> undecided_reads() const {
    std::vector<Expr> reads;
    if (stage_.reduction || !stage_.store) return reads;
    for_each(stage_.store->value, [&](const Expr& part) {
      if (part->kind != ExprKind::read || part->otherwise.empty()) return;
      if (!outside_.contains(part->name)) reads.push_back(part);
    });
    for (size_t i = 1; i < reads.size(); ++i) {
      if (reads[i]->name == reads[i - 1]->name) return {};
    }
    return reads;
  }

  // The innermost loop that an index depends on decides whether it is inside.
  std::optional<Guard> guard_decided_by(size_t depth) {
    const NestLoop& loop = loops_[depth];
    if (loop.part != LoopPart::whole) return std::nullopt;
    for (const Expr& read : undecided_reads()) {
      for (size_t dim = 0; dim < read->args.size(); ++dim) {
        if (inside_.contains({read->name, dim})) continue;
        const bool deeper = std::any_of(
            loops_.begin() + static_cast<long>(depth) + 1, loops_.end(),
            [&](const NestLoop& inner) { return mentions_axis(read->args[dim], inner.axis); });
        AxisMap values = values_;
        values.emplace_back(loop.axis, axis_expr(loop.variable));
        const auto index = affine_of(substituted(read->args[dim], values));
        if (deeper || !index || index->of(loop.variable) <= 0) continue;
        const int64_t extent = find_param(kernel_, read->name)->type.shape[dim];
        return Guard{read->name, dim, bounds(*index, loop.variable, extent)};
      }
    }
    return std::nullopt;
  }

  // Turns before the tensor, in it, and after it, in loops of their own.
  std::vector<Stmt> guarded(size_t depth, const Guard& guard) {
    const NestLoop& loop = loops_[depth];
    const Expr zero = integer_expr(0, DType::i64), extent = integer_expr(loop.extent, DType::i64);
    const Expr begin =
        simplified_index(min_expr(max_expr(zero, guard.inside.begin), extent), ranges_);
    const Expr end = simplified_index(max_expr(begin, min_expr(extent, guard.inside.end)), ranges_);
    std::vector<Stmt> all;
    const auto add = [&](const Expr& from, const Expr& to) {
      if (same(from, to)) return;
      Stmt stmt = counted(depth, loop.extent, [&] { return outer(depth + 1); });
      stmt.begin = from;
      stmt.end = to;
      all.push_back(std::move(stmt));
    };
    outside_.insert(guard.tensor);
    add(zero, begin);
    outside_.erase(guard.tensor);
    inside_.insert({guard.tensor, guard.dim});
    add(begin, end);
    inside_.erase({guard.tensor, guard.dim});
    outside_.insert(guard.tensor);
    add(end, extent);
    outside_.erase(guard.tensor);
    return all;
  }

  // A loop from 0, with its axis known while `body` is made.
  template <typename Body>
  Stmt counted(size_t depth, int64_t extent, const Body& body) {
    const NestLoop& loop = loops_[depth];
    ranges_[loop.variable] = {0, extent - 1};
    const size_t known = values_.size();
    bind(loop);
    Stmt stmt = loop_stmt(loop.variable, 0, extent, body(), loop.marks);
    values_.resize(known);
    ranges_.erase(loop.variable);
    return stmt;
  }

  // What the kernel's axis is in terms of loop variables, once its (inner) loop has been entered.
  void bind(const NestLoop& loop) {
    Expr value = axis_expr(loop.variable);
    if (loop.part == LoopPart::inner) value = starts_.at(loop.axis) + value;
    if (loop.part != LoopPart::outer) values_.emplace_back(loop.axis, value);
  }

  int64_t extent_here(const NestLoop& loop) const {
    return loop.part == LoopPart::inner ? blocks_.at(loop.axis) : loop.extent;
  }

  // Ranges of the kernel's own axes, for reasoning about reads before loops exist.
  Ranges axis_ranges() const {
    Ranges ranges;
    for (const NestLoop& loop : loops_) ranges[loop.axis] = {0, loop.extent - 1};
    for (const auto& [name, range] : ranges_) ranges.emplace(name, range);
    return ranges;
  }

  // --- accumulators, reduction, epilogue ----------------------------------------------------

  std::vector<Stmt> innermost() {
    if (!stage_.reduction) return {store_stmt()};
    const Reduction& reduction = *stage_.reduction;
    accumulator_loops_.clear();
    for (size_t i = first_reduced_; i < loops_.size(); ++i) {
      if (!loops_[i].is_reduced) accumulator_loops_.push_back(i);
    }
    Shape shape;
    for (const size_t depth : stored_accumulators()) shape.push_back(extent_here(loops_[depth]));
    // Copies of the nest (border, interior) stand side by side: each has accumulators of its own.
    accumulator_ = reduction.name;
    if (copies_++ > 0) accumulator_ += std::to_string(copies_);
    std::vector<Stmt> body = {local_stmt(accumulator_, reduction.dtype, shape)};
    body.push_back(over_accumulators(0, [&] {
      return assign_stmt(accumulator_, accumulator_indices(), lowered(reduction.init));
    }));
    for (Stmt& stmt : reduce(first_reduced_)) body.push_back(std::move(stmt));
    if (stage_.store) body.push_back(over_accumulators(0, [&] { return store_stmt(); }));
    return body;
  }

  // Before and after the reduction, loops that are written out stand inside the others, and those
  // inside the lanes are written out: a compiler then sees one loop over lanes with several
  // statements (see codegen/README.md).
  template <typename Leaf>
  Stmt over_accumulators(size_t index, const Leaf& leaf) {
    if (index == accumulator_loops_.size()) return leaf();
    std::vector<size_t> loops = accumulator_loops_;
    std::stable_partition(loops.begin(), loops.end(),
                          [&](size_t depth) { return !has_mark(depth, "unroll"); });
    const size_t depth = loops[index];
    Stmt stmt = counted(depth, extent_here(loops_[depth]),
                        [&] { return std::vector<Stmt>{over_accumulators(index + 1, leaf)}; });
    const bool in_lanes = index > 0 && has_mark(loops[index - 1], "lanes");
    if (in_lanes && !has_mark(depth, "unroll")) stmt.marks.push_back("unroll");
    return stmt;
  }

  bool has_mark(size_t depth, std::string_view mark) const {
    const auto& marks = loops_[depth].marks;
    return std::find(marks.begin(), marks.end(), mark) != marks.end();
  }

  // Accumulators are stored with the lanes innermost, wherever the loop over lanes stands.
  std::vector<size_t> stored_accumulators() const {
    std::vector<size_t> stored = accumulator_loops_;
    std::stable_partition(stored.begin(), stored.end(),
                          [&](size_t depth) { return !has_mark(depth, "lanes"); });
    return stored;
  }

  std::vector<Expr> accumulator_indices() const {
    std::vector<Expr> indices;
    for (const size_t depth : stored_accumulators()) {
      indices.push_back(axis_expr(loops_[depth].variable));
    }
    return indices;
  }

  std::vector<Stmt> reduce(size_t depth) {
    if (depth == loops_.size()) {
      const Reduction& reduction = *stage_.reduction;
      const Expr body = clip_reads(lowered(reduction.body));
      return {accumulate_stmt(accumulator_, accumulator_indices(), reduction.combine, body)};
    }
    const NestLoop& loop = loops_[depth];
    if (loop.part == LoopPart::outer) return reduce_blocks(depth);
    const int64_t extent = extent_here(loop);
    Stmt stmt = counted(depth, extent, [&] { return reduce(depth + 1); });
    clip_loop(stmt, loop.variable);
    // A loop inside has bounds that depend on this one; written out, they become constants.
    if (written_out_.erase(loop.variable) > 0) stmt.marks.push_back("unroll");
    return {stmt};
  }

  // The outer loop of a split reduced axis: full blocks, then the rest.
  std::vector<Stmt> reduce_blocks(size_t depth) {
    const NestLoop& loop = loops_[depth];
    std::vector<Stmt> all;
    for (const Segment& segment :
         cut_into_segments(loop.extent, loop.block, {0, loop.extent - 1})) {
      blocks_[loop.axis] = segment.block;
      all.push_back(block_loop(loop, segment, [&] { return reduce(depth + 1); }));
    }
    return all;
  }

  Stmt store_stmt() {
    const Store& store = *stage_.store;
    std::vector<Expr> indices;
    for (const Expr& index : store.indices) indices.push_back(lowered(index));
    Expr value = lowered(store.value);
    if (stage_.reduction) {
      const Expr element = read_expr(accumulator_, stage_.reduction->dtype, accumulator_indices());
      value = rewritten(value, [&](const Expr& part) -> Expr {
        const bool is_scalar =
            part->kind == ExprKind::local && part->name == stage_.reduction->name;
        return is_scalar ? element : Expr();
      });
    }
    return assign_stmt(store.target, std::move(indices), value);
  }

  // An expression of the kernel in terms of the loop variables around it, reads proven inside freed
  // of their tests.
  Expr lowered(const Expr& expr) const {
    Expr result = simplified_index(substituted(expr, values_), ranges_);
    return rewritten(result, [&](const Expr& part) -> Expr {
      if (part->kind != ExprKind::read || part->otherwise.empty()) return {};
      if (outside_.contains(part->name)) return part->otherwise;
      const Param* tensor = find_param(kernel_, part->name);
      for (size_t dim = 0; dim < part->args.size(); ++dim) {
        if (inside_.contains({part->name, dim})) continue;
        if (!is_inside(part->args[dim], tensor->type.shape[dim])) return {};
      }
      return read_expr(part->name, part.dtype(), part->args);
    });
  }

  bool is_inside(const Expr& index, int64_t extent) const {
    const std::optional<Range> range = range_of(index, ranges_);
    return range && range->first >= 0 && range->last < extent;
  }

  // --- clipping -----------------------------------------------------------------------------

  // True when the body changes nothing once this read yields its `otherwise`: the read is a factor
  // 0 of a summed product, or the neutral element of a maximum. Integers are simply computed: with
  // a padding of 3, (x - 3) * w is 0.
  bool contributes_nothing(const Expr& body, const Expr& read) const {
    const Reduction& reduction = *stage_.reduction;
    const Expr outside = rewritten(body, [&](const Expr& part) -> Expr {
      return same(part, read) ? read->otherwise : Expr();
    });
    if (same(outside, neutral_element(reduction.combine, body.dtype()))) return true;
    return reduction.combine == Combine::sum && is_zero_of_reals(body, read);
  }

  // Products of reals are 0 when a factor is: what is read does not count as infinite.
  static bool is_zero_of_reals(const Expr& body, const Expr& read) {
    if (number_outside(body, read) == 0) return true;
    return is_call(body, "mul") &&
           (is_zero_of_reals(body->args[0], read) || is_zero_of_reals(body->args[1], read));
  }

  // The small integer that f32(x[... | -3]) + 3 is outside; nullopt for expressions of another
  // form.
  static std::optional<double> number_outside(const Expr& expr, const Expr& read) {
    if (same(expr, read)) return number_outside(read->otherwise, read);
    if (expr->kind == ExprKind::constant) {
      return expr->is_real ? expr->real : static_cast<double>(expr->integer);
    }
    if (expr->kind == ExprKind::cast) {
      const auto number = number_outside(expr->args[0], read);
      return is_float(expr.dtype()) || number == 0 ? number : std::nullopt;
    }
    if (!is_call(expr, "add") && !is_call(expr, "sub")) return std::nullopt;
    const auto left = number_outside(expr->args[0], read);
    const auto right = number_outside(expr->args[1], read);
    constexpr double kExact = 1 << 10;
    const auto is_small = [](double number) {
      return std::fabs(number) < kExact && number == std::floor(number);
    };
    if (!left || !right || !is_small(*left) || !is_small(*right)) return std::nullopt;
    return is_call(expr, "add") ? *left + *right : *left - *right;
  }

  // Removes the tests of reads whose effect clipped loops take over.
  Expr clip_reads(const Expr& body) {
    std::vector<Expr> guarded;
    for_each(body, [&](const Expr& part) {
      if (part->kind == ExprKind::read && !part->otherwise.empty()) guarded.push_back(part);
    });
    Expr result = body;
    for (const Expr& read : guarded) {
      if (!contributes_nothing(body, read) || !clip_read(read)) continue;
      result = rewritten(result, [&](const Expr& part) -> Expr {
        return same(part, read) ? read_expr(part->name, part.dtype(), part->args) : Expr();
      });
    }
    return result;
  }

  // Finds for every dimension that may leave the tensor the innermost loop it depends on, and notes
  // the bounds that loop must keep. False when some dimension has no such loop here.
  bool clip_read(const Expr& read) {
    const Param* tensor = find_param(kernel_, read->name);
    std::vector<std::pair<std::string, Clip>> found;
    for (size_t dim = 0; dim < read->args.size(); ++dim) {
      const int64_t extent = tensor->type.shape[dim];
      if (is_inside(read->args[dim], extent)) continue;
      const std::optional<Affine> index = affine_of(read->args[dim]);
      if (!index) return false;
      const NestLoop* loop = innermost_loop_of(*index);
      if (loop == nullptr) return false;
      found.emplace_back(loop->variable, bounds(*index, loop->variable, extent));
    }
    for (auto& [variable, clip] : found) clips_[variable].push_back(std::move(clip));
    return true;
  }

  const NestLoop* innermost_loop_of(const Affine& index) const {
    for (size_t i = loops_.size(); i-- > first_reduced_;) {
      if (loops_[i].part != LoopPart::outer && index.of(loops_[i].variable) != 0) return &loops_[i];
    }
    return nullptr;
  }

  // The turns v of the loop with 0 <= c*v + rest < extent, as a half-open interval.
  static Clip bounds(const Affine& index, const std::string& variable, int64_t extent) {
    const int64_t c = index.of(variable);
    Affine rest = index;
    rest.coefficients.erase(variable);
    const Expr r = to_expr(rest);
    const Expr size = integer_expr(std::abs(c), DType::i64);
    const Expr first_inside = floor_div(size - 1 - r, size);  // ceil(-r / c)
    const Expr first_beyond = floor_div(integer_expr(extent - 1, DType::i64) + size - r, size);
    if (c > 0) return {first_inside, first_beyond};
    return {floor_div(r - extent, size) + 1, floor_div(r, size) + 1};
  }

  void clip_loop(Stmt& stmt, const std::string& variable) {
    const auto found = clips_.find(variable);
    if (found == clips_.end()) return;
    std::vector<Clip> distinct;
    for (const Clip& clip : found->second) {
      const bool known = std::any_of(distinct.begin(), distinct.end(), [&](const Clip& other) {
        return same(clip.begin, other.begin) && same(clip.end, other.end);
      });
      if (!known) distinct.push_back(clip);
    }
    for (const Clip& clip : distinct) {
      stmt.begin = max_expr(stmt.begin, clip.begin);
      stmt.end = min_expr(stmt.end, clip.end);
    }
    stmt.begin = simplified_index(stmt.begin, ranges_);
    stmt.end = simplified_index(stmt.end, ranges_);
    clips_.erase(found);
    write_out_loops_in_bounds(stmt, variable);
  }

  // Registers hold accumulators only while their indices are constants: when the bounds of a loop
  // over accumulators depend on a reduced loop, that one has to be written out.
  void write_out_loops_in_bounds(const Stmt& stmt, const std::string& variable) {
    const bool over_accumulators = std::any_of(
        loops_.begin(), loops_.end(),
        [&](const NestLoop& loop) { return loop.variable == variable && !loop.is_reduced; });
    if (!over_accumulators) return;
    for (size_t i = first_reduced_; i < loops_.size(); ++i) {
      const NestLoop& loop = loops_[i];
      const bool in_bounds =
          mentions_axis(stmt.begin, loop.variable) || mentions_axis(stmt.end, loop.variable);
      if (in_bounds) written_out_.insert(loop.variable);
    }
  }

  const Kernel& kernel_;
  const Stage& stage_;
  const std::vector<NestLoop>& loops_;
  AxisMap values_;  ///< kernel axis -> loop variables
  Ranges ranges_;   ///< of the loop variables around
  size_t first_reduced_ = 0;
  std::map<std::string, int64_t> blocks_;  ///< split axis -> turns of its inner loop here
  std::map<std::string, Expr> starts_;     ///< split axis -> first value of the block here
  std::vector<size_t> accumulator_loops_;
  std::string accumulator_;
  int copies_ = 0;
  std::map<std::string, std::vector<Clip>> clips_;
  std::set<std::string> outside_;                    ///< tensors whose guarded read is outside here
  std::set<std::pair<std::string, size_t>> inside_;  ///< dimensions of guarded reads inside here
  std::set<std::string> written_out_;                ///< reduced loops to unroll in this nest
};

}  // namespace

std::vector<Stmt> lower_stage(const Kernel& kernel, const Stage& stage,
                              const std::vector<NestLoop>& loops, AxisMap values, Ranges ranges) {
  return StageLowering(kernel, stage, loops, std::move(values), std::move(ranges)).lower();
}

}  // namespace mlfc
