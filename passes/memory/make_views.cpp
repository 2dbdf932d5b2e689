// Lets transposes, slices, splits, reshapes and concatenations cost nothing where strides allow.
//
// A kernel that only copies elements is free in one of two ways: its output is a view inside its
// input's storage (slice, transpose, reshape), or its inputs were computed inside its output's
// storage to begin with (concatenation). Both are found by the same arithmetic: the place of every
// element must be affine in the axes, and then the strides are its coefficients.
#include <algorithm>
#include <map>
#include <set>

#include "ir/affine.h"
#include "ir/error.h"
#include "ir/operator.h"
#include "passes/memory/lifetimes.h"
#include "passes/memory/place_of.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// One stage that copies x[...] to y[...] without arithmetic or padding.
struct CopyStage {
  const Store* store = nullptr;
  const Expr* read = nullptr;
};

std::optional<CopyStage> copy_stage(const Stage& stage) {
  if (stage.reduction || !stage.store) return std::nullopt;
  const Expr& value = stage.store->value;
  if (value->kind != ExprKind::read || !value->otherwise.empty()) return std::nullopt;
  return CopyStage{&*stage.store, &value};
}

Value* value_of(const Node& node, const std::string& param) {
  size_t position = 0;
  for (Value* input : node.inputs) {
    if (input != nullptr && node.kernel->inputs[position++].name == param) return input;
  }
  return nullptr;
}

// The strides (one per index expression) that send a tensor addressed by `indices` - plain axes, or
// 0 where the extent is 1 - to the given affine place.
std::optional<Layout> layout_for(const Shape& shape, const std::vector<Expr>& indices,
                                 const Affine& place) {
  std::vector<int64_t> strides;
  std::set<std::string> seen;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    const Expr& index = indices[dim];
    if (shape[dim] == 1 && is_literal(index, 0)) {
      strides.push_back(0);
      continue;
    }
    if (index->kind != ExprKind::axis || !seen.insert(index->name).second) return std::nullopt;
    strides.push_back(place.of(index->name));
  }
  const bool all_seen = std::all_of(place.coefficients.begin(), place.coefficients.end(),
                                    [&](const auto& term) { return seen.contains(term.first); });
  const bool positive =
      std::all_of(strides.begin(), strides.end(), [](int64_t stride) { return stride >= 0; });
  if (!all_seen || !positive || place.constant < 0) return std::nullopt;
  return Layout::strided(shape, strides, place.constant);
}

// y becomes a view of x: y's places are where its elements are read in x.
bool view_output(const Graph& graph, const Readers& readers, Node& node) {
  Value& y = node.output();
  const std::optional<CopyStage> copy = copy_stage(node.kernel->stages[0]);
  if (!copy || graph.is_output(y) || y.inside != nullptr) return false;
  if (needs_plain_storage(readers, y)) return false;
  Value* x = value_of(node, (*copy->read)->name);
  check(x != nullptr, describe(node), " copies a tensor it does not have");
  if (x->is_constant()) return false;
  const std::optional<Affine> place = place_of(x->type, (*copy->read)->args);
  if (!place) return false;
  const std::optional<Layout> layout = layout_for(y.type.shape, copy->store->indices, *place);
  if (!layout) return false;
  y.inside = x;
  y.type.layout = *layout;
  node.is_free = true;
  return true;
}

// x may be moved into y's storage: a node of ours computes it, and nothing else decides its place.
bool may_move(const Graph& graph, const Readers& readers, const Value& x) {
  return x.producer != nullptr && !x.is_constant() && !graph.is_output(x) && x.inside == nullptr &&
         !x.producer->is_free && !needs_plain_storage(readers, x);
}

// A part of x has no room for the rest of it: the copy must take all.
bool copies_all(const Kernel& kernel, const Value& x, const CopyStage& copy) {
  for (size_t dim = 0; dim < x.type.shape.size(); ++dim) {
    const Expr& index = (*copy.read)->args[dim];
    const Axis* axis = index->kind == ExprKind::axis ? find_axis(kernel, index->name) : nullptr;
    const int64_t extent = axis == nullptr ? 1 : axis->extent;
    if (extent != x.type.shape[dim]) return false;
  }
  return true;
}

std::optional<Layout> layout_inside(const Kernel& kernel, const Value& y, const Value& x,
                                    const CopyStage& copy) {
  if (!copies_all(kernel, x, copy)) return std::nullopt;
  const std::optional<Affine> place = place_of(y.type, copy.store->indices);
  if (!place) return std::nullopt;
  return layout_for(x.type.shape, (*copy.read)->args, *place);
}

// Puts a plain copy of x in front of the node, so that the copy can live inside y.
Value& copied(Graph& graph, Node& node, Value& x) {
  Node& copy =
      graph.insert_node(graph.position(node), operator_named("identity"), {&x}, {x.name + "/copy"});
  copy.output().type = x.type.plain();
  copy.sources = node.sources;
  copy.kernel = copy.op->kernel(copy);
  return copy.output();
}

// All inputs are computed inside the output; those that cannot be are copied there by a node of
// their own, if at least one other is free.
bool view_inputs(Graph& graph, const Readers& readers, Node& node) {
  Value& y = node.output();
  if (y.inside != nullptr && node.kernel->stages.size() == 1) return false;
  struct Part {
    size_t input = 0;
    Layout layout;
    bool movable = false;
  };
  std::vector<Part> parts;
  std::set<const Value*> seen;
  for (const Stage& stage : node.kernel->stages) {
    const std::optional<CopyStage> copy = copy_stage(stage);
    if (!copy) return false;
    Value* x = value_of(node, (*copy->read)->name);
    const std::optional<Layout> layout = layout_inside(*node.kernel, y, *x, *copy);
    if (!layout) return false;
    const auto input = std::find(node.inputs.begin(), node.inputs.end(), x) - node.inputs.begin();
    const bool movable = may_move(graph, readers, *x) && seen.insert(x).second;
    parts.push_back({static_cast<size_t>(input), *layout, movable});
  }
  const bool repeats = seen.size() != parts.size();
  const bool any_movable =
      std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.movable; });
  if (!any_movable || (repeats && parts.size() != node.inputs.size())) return false;
  for (const Part& part : parts) {
    Value* x = node.inputs[part.input];
    if (!part.movable) {
      x = &copied(graph, node, *x);
      node.inputs[part.input] = x;
    }
    x->inside = &y;
    x->type.layout = part.layout;
  }
  node.is_free = true;
  return true;
}

// Several outputs, each a part of the one input: split.
bool view_outputs(const Graph& graph, const Readers& readers, Node& node) {
  std::vector<std::pair<Value*, Layout>> views;
  Value* source = nullptr;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Value& y = *node.outputs[i];
    const auto stage = std::find_if(
        node.kernel->stages.begin(), node.kernel->stages.end(), [&](const Stage& candidate) {
          return candidate.store && candidate.store->target == node.kernel->outputs[i].name;
        });
    if (stage == node.kernel->stages.end() || graph.is_output(y) || y.inside != nullptr ||
        needs_plain_storage(readers, y))
      return false;
    const std::optional<CopyStage> copy = copy_stage(*stage);
    if (!copy) return false;
    source = value_of(node, (*copy->read)->name);
    if (source->is_constant()) return false;
    const std::optional<Affine> place = place_of(source->type, (*copy->read)->args);
    if (!place) return false;
    const std::optional<Layout> layout = layout_for(y.type.shape, copy->store->indices, *place);
    if (!layout) return false;
    views.emplace_back(&y, *layout);
  }
  for (auto& [y, layout] : views) {
    y->inside = source;
    y->type.layout = layout;
  }
  node.is_free = true;
  return true;
}

void make_views(Graph& graph, const PassContext&) {
  const Readers readers(graph);
  // Consumers first: a concatenation decides where its inputs live before their producers' own
  // inputs are looked at, so that a concatenation of concatenations nests.
  for (auto place = graph.nodes.rbegin(); place != graph.nodes.rend(); ++place) {
    Node& node = **place;
    const bool joins = node.kernel && !node.is_free && node.outputs.size() == 1 &&
                       (node.kernel->stages.size() > 1 || graph.is_output(node.output()));
    if (joins) view_inputs(graph, readers, node);
  }
  for (const auto& node : graph.nodes) {
    if (!node->kernel || node->is_free) continue;
    if (node->outputs.size() > 1) {
      view_outputs(graph, readers, *node);
    } else if (node->kernel->stages.size() == 1) {
      view_output(graph, readers, *node);
    }
  }
}

const Pass pass{
    .name = "make-views",
    .level = Level::memory,
    .summary = "Turn copies into views of their source, or sources into parts of their copy.",
    .run = make_views,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
