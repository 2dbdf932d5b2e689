// Stores constants in the order in which the scheduled loops read them.
//
// A weight read as w[oc, ic, kh, kw] by loops oc.o, oh, kh, kw, ic, oc.i is stored oc/8 kh kw ic
// oc%8: the loops then walk through it from start to end, lanes find neighbours, and no kernel
// packs anything while it runs. Only the type of the value changes; the kernel speaks logical
// indices.
#include <algorithm>
#include <map>

#include "ir/affine.h"
#include "ir/operator.h"
#include "passes/loop/loop_nest.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// For each dimension the axis that indexes it, when all reads use the same plain axes, each once.
std::optional<std::vector<std::string>> indexing_axes(const Kernel& kernel, const Param& param) {
  const std::vector<Expr> reads = reads_of(kernel, param.name);
  if (reads.empty()) return std::nullopt;
  std::vector<std::string> axes;
  for (size_t dim = 0; dim < param.type.shape.size(); ++dim) {
    const Expr& index = reads.front()->args[dim];
    const bool single = param.type.shape[dim] == 1 && is_literal(index, 0);
    if (!single && index->kind != ExprKind::axis) return std::nullopt;
    const std::string name = single ? "" : index->name;
    if (!single && std::count(axes.begin(), axes.end(), name) > 0) return std::nullopt;
    axes.push_back(name);
  }
  const bool alike = std::all_of(reads.begin(), reads.end(), [&](const Expr& read) {
    return std::equal(read->args.begin(), read->args.end(), reads.front()->args.begin(), same);
  });
  return alike ? std::optional(axes) : std::nullopt;
}

bool is_marked(const NestLoop& loop, std::string_view mark) {
  return std::find(loop.marks.begin(), loop.marks.end(), mark) != loop.marks.end();
}

// The storage order that follows the loops: a split axis contributes its outer and inner part where
// those loops stand.
std::optional<Layout> order_of_loops(const Shape& shape, const std::vector<std::string>& axes,
                                     const Nest& nest) {
  std::vector<NestLoop> loops = nest.shared;
  for (const auto& inside : nest.inside) loops.insert(loops.end(), inside.begin(), inside.end());
  // Lanes hold neighbours, also where loops that are written out stand inside the one over lanes.
  for (size_t i = loops.size(); i-- > 0;) {
    if (!is_marked(loops[i], "lanes")) continue;
    for (size_t at = i; at + 1 < loops.size() && is_marked(loops[at + 1], "unroll"); ++at) {
      std::swap(loops[at], loops[at + 1]);
    }
  }
  std::vector<Layout::Term> terms;
  for (size_t dim = 0; dim < axes.size(); ++dim) {
    if (axes[dim].empty()) terms.push_back({static_cast<int>(dim), 0});
  }
  for (const NestLoop& loop : loops) {
    const auto found = std::find(axes.begin(), axes.end(), loop.axis);
    if (found == axes.end()) continue;
    const int dim = static_cast<int>(found - axes.begin());
    if (loop.extent != shape[static_cast<size_t>(dim)]) return std::nullopt;
    const int64_t block = loop.part == LoopPart::whole   ? 0
                          : loop.part == LoopPart::outer ? loop.block
                                                         : -loop.block;
    terms.push_back({dim, block});
  }
  return Layout::ordered(shape, terms);
}

void pack(Graph& graph, Node& node, size_t input, const Param& param, const Nest& nest) {
  Value& value = *node.inputs[input];
  const bool plain = value.is_constant() && !value.type.layout && value.type.rank() > 1;
  if (!plain || graph.users(value).size() != 1 || graph.is_output(value)) return;
  const std::optional<std::vector<std::string>> axes = indexing_axes(*node.kernel, param);
  if (!axes) return;
  const std::optional<Layout> layout = order_of_loops(value.type.shape, *axes, nest);
  if (!layout || *layout == Layout::row_major(value.type.shape)) return;
  TensorType type = value.type;
  type.layout = *layout;
  value.constant = repacked(*value.constant, type);
  value.type = type;
}

void pack_constants(Graph& graph, const PassContext&) {
  for (const auto& node : graph.nodes) {
    if (!node->kernel || !node->schedule || node->is_free) continue;
    const Nest nest = make_nest(*node->kernel, *node->schedule);
    size_t position = 0;
    for (size_t i = 0; i < node->inputs.size(); ++i) {
      if (node->inputs[i] == nullptr) continue;
      const Param& param = node->kernel->inputs[position++];
      pack(graph, *node, i, param, nest);
    }
  }
}

const Pass pass{
    .name = "pack-constants",
    .level = Level::memory,
    .summary = "Store constants in the order the scheduled loops read them.",
    .run = pack_constants,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
