// Sums whose scale changes along the way become sums of integer sums: weights with a scale for
// every few rows are multiplied as integers, block by block.
//
//     acc = sum over k of (x[k] * sx) * (w[k] * sw[k // 32])
//
//     partial[b] = sum over k of x[32 * b + k] * w[32 * b + k]        integers, once folded
//     acc = sum over b of partial[b] * (sx * sw[b])
//
// Only with --requantize fixed: without an FPU that is a seventeenth of the instructions, with one
// twice as many as the plain sum of reals takes.
//
// That leaves one product of reals for each block. It is the same for a scale that differs along a
// reduced axis without blocks, as a block of convolution weights has one for every tap.
#include <algorithm>
#include <set>
#include <utility>

#include "ir/affine.h"
#include "passes/kernel/fusion.h"
#include "passes/kernel/scaled_form.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// Shorter integer sums would not pay for a second stage.
constexpr int64_t kShortestBlock = 4;

// The B of floor(axis / B) when an expression uses the axis in no other way; 1 when it uses it as
// it is; 0 when it does not mention it.
int64_t block_of(const Expr& expr, const std::string& axis) {
  int64_t block = 0;
  bool differs = false;
  const auto is_axis = [&](const Expr& part) {
    return part->kind == ExprKind::axis && part->name == axis;
  };
  int64_t divided = 0, mentioned = 0;
  for_each(expr, [&](const Expr& part) {
    mentioned += is_axis(part);
    const bool divides = is_call(part, "floor_div") && is_axis(part->args[0]) &&
                         part->args[1]->kind == ExprKind::constant;
    if (!divides) return;
    ++divided;
    differs |= block != 0 && block != part->args[1]->integer;
    block = part->args[1]->integer;
  });
  if (mentioned == 0) return 0;
  return mentioned == divided && !differs ? block : 1;
}

class Splitting {
 public:
  Splitting(Kernel& kernel, KnownValues& known) : kernel_(kernel), known_(known) {
    for (const Axis& axis : kernel.axes) taken_.insert(axis.name);
    for (const Axis& axis : kernel.stages[0].reduce) taken_.insert(axis.name);
    for (const auto* params : {&kernel.inputs, &kernel.outputs, &kernel.locals}) {
      for (const Param& param : *params) taken_.insert(param.name);
    }
    taken_.insert(kernel.stages[0].reduction->name);
  }

  void run() {
    const Stage& stage = kernel_.stages[0];
    const bool differs = !scaled_form(stage.reduction->body, stage.reduce, known_);
    const auto form = scaled_form(stage.reduction->body, {}, known_);
    // Products of 16-bit numbers may need more than 32 bits.
    if (!differs || !form || known_.knows(form->number) || any_may_wrap(form->number)) return;
    if (!split_axes(form->scale)) return;
    write_stages(in_blocks(form->number), in_blocks(form->scale));
  }

 private:
  // Which axes run over blocks (outer_) and which inside of them; false when that does not pay.
  bool split_axes(const Expr& scale) {
    int64_t block_elements = 1;
    for (const Axis& axis : kernel_.stages[0].reduce) {
      const int64_t block = block_of(scale, axis.name);
      if (block == 0) {
        inner_.push_back(axis);
      } else if (block == 1) {
        outer_.push_back(axis);
      } else if (axis.extent % block == 0) {
        const Axis place = {fresh(axis.name), block};
        outer_.push_back({fresh(axis.name), axis.extent / block});
        inner_.push_back(place);
        whole_.emplace_back(axis.name,
                            axis_expr(outer_.back().name) * Expr(block) + axis_expr(place.name));
      } else {
        return false;
      }
    }
    for (const Axis& axis : inner_) block_elements *= axis.extent;
    return block_elements >= kShortestBlock;
  }

  Expr in_blocks(const Expr& expr) const {
    Ranges ranges;
    for (const auto* axes : {&std::as_const(kernel_.axes), &outer_, &inner_}) {
      for (const Axis& axis : *axes) ranges[axis.name] = {0, axis.extent - 1};
    }
    return rewritten(substituted(expr, whole_), [&](const Expr& part) -> Expr {
      if (part->kind != ExprKind::read) return {};
      std::vector<Expr> indices;
      for (const Expr& index : part->args) indices.push_back(simplified_index(index, ranges));
      return read_expr(part->name, part.dtype(), std::move(indices), part->otherwise);
    });
  }

  void write_stages(const Expr& number, const Expr& scale) {
    Stage total = kernel_.stages[0];
    const std::string partial = fresh("partial");
    Shape shape;
    std::vector<Expr> at, from;
    AxisMap renamed;
    total.reduce.clear();
    for (const Axis& axis : outer_) {
      total.reduce.push_back({fresh(axis.name), axis.extent});
      renamed.emplace_back(axis.name, axis_expr(total.reduce.back().name));
      shape.push_back(axis.extent);
      at.push_back(axis_expr(axis.name));
      from.push_back(axis_expr(total.reduce.back().name));
    }
    Stage blocks{.parallel = outer_, .reduce = inner_};
    const std::string sum = fresh("block");
    blocks.reduction =
        Reduction{sum, DType::f32, Combine::sum, neutral_element(Combine::sum, DType::f32),
                  cast_expr(DType::f32, number)};
    blocks.store = Store{partial, at, local_expr(sum, DType::f32)};
    kernel_.locals.push_back({partial, TensorType{DType::f32, shape, {}}});
    kernel_.stages = {std::move(blocks), std::move(total)};
    kernel_.stages[1].reduction->body = read_expr(partial, DType::f32, from) *
                                        known_.precomputed(substituted(scale, renamed), "scale");
  }

  std::string fresh(const std::string& name) {
    std::string candidate = name;
    for (int i = 2; !taken_.insert(candidate).second; ++i) candidate = name + std::to_string(i);
    return candidate;
  }

  Kernel& kernel_;
  KnownValues& known_;
  std::vector<Axis> outer_ = {}, inner_ = {};
  AxisMap whole_ = {};  ///< a split axis, put together again
  std::set<std::string> taken_ = {};
};

void sum_blocks(Graph& graph, const PassContext& context) {
  if (context.options.requantize != "fixed") return;
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) sum_blocks(*region, context);
    if (!node->kernel || node->is_free || node->kernel->stages.size() != 1) continue;
    const Stage& stage = node->kernel->stages[0];
    const bool sums = stage.reduction && stage.reduction->combine == Combine::sum &&
                      stage.reduction->dtype == DType::f32 && stage.parallel.empty();
    if (!sums) continue;
    KnownValues known(graph, *node);
    Splitting(*node->kernel, known).run();
    drop_unread_inputs(*node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "sum-blocks",
    .level = Level::kernel,
    .summary = "With --requantize fixed, sum integers block by block where scales differ along it.",
    .run = sum_blocks,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
