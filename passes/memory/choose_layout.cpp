// Gives every value the storage order its kernels run best on.
//
// Image-like values - read through a window, or reduced over axis 1 of a contraction with constant
// weights - are stored channels-last: the output channels of a convolution are then neighbours,
// fill vector lanes, and need no padding or gathering. The choice spreads over elementwise kernels,
// pools and concatenations, so that producers and consumers agree. The caller's inputs and outputs
// keep the order the model gives them; kernels read any order, so no copies appear.
//
// `--desired-layout NCHW` keeps everything row-major.
#include <algorithm>
#include <map>
#include <set>

#include "ir/affine.h"
#include "ir/operator.h"
#include "passes/memory/lifetimes.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

bool is_reduced(const Stage& stage, const std::string& axis) {
  return std::any_of(stage.reduce.begin(), stage.reduce.end(),
                     [&](const Axis& reduced) { return reduced.name == axis; });
}

// True when some index of the read runs over a window: oh*stride + kh.
bool reads_through_window(const Stage& stage, const Expr& read) {
  return std::any_of(read->args.begin(), read->args.end(), [&](const Expr& index) {
    const std::optional<Affine> affine = affine_of(index);
    if (!affine || affine->coefficients.size() < 2) return false;
    return std::any_of(affine->coefficients.begin(), affine->coefficients.end(),
                       [&](const auto& term) { return is_reduced(stage, term.first); });
  });
}

// True when axis 1 of the read is reduced and a later axis is not: a pointwise convolution.
bool reduces_channels(const Stage& stage, const Expr& read) {
  const auto plain_reduced = [&](const Expr& index) {
    return index->kind == ExprKind::axis && is_reduced(stage, index->name);
  };
  if (read->args.size() < 3 || !plain_reduced(read->args[1])) return false;
  return std::any_of(read->args.begin() + 2, read->args.end(), [&](const Expr& index) {
    return index->kind != ExprKind::constant && !plain_reduced(index);
  });
}

class ImageValues {
 public:
  explicit ImageValues(Graph& graph) : graph_(graph) {
    for (const auto& node : graph.nodes) {
      if (node->kernel) seed(*node);
    }
    // A value is an image when something that keeps its axes in place touches an image.
    for (bool grown = true; grown;) {
      grown = false;
      for (const auto& node : graph.nodes) grown |= node->kernel && spread(*node);
    }
  }

  const std::set<const Value*>& values() const { return images_; }

 private:
  void seed(const Node& node) {
    bool has_constant = false;
    for (const Value* input : node.inputs) has_constant |= input != nullptr && input->is_constant();
    for (const Stage& stage : node.kernel->stages) {
      if (!stage.reduction) continue;
      for_each(stage.reduction->body, [&](const Expr& part) {
        if (part->kind != ExprKind::read || part->args.size() < 3) return;
        const bool image =
            reads_through_window(stage, part) || (has_constant && reduces_channels(stage, part));
        if (!image) return;
        mark(input_of(node, part->name));
        mark(node.outputs.front());
      });
    }
  }

  // Elementwise kernels, poolings and concatenations address the axes of operands and result alike.
  bool spread(const Node& node) {
    const std::vector<const Value*> touched = alike(node);
    const bool touches = std::any_of(touched.begin(), touched.end(),
                                     [&](const Value* value) { return images_.contains(value); });
    bool grown = false;
    for (const Value* value : touched) grown |= touches && mark(value);
    return grown;
  }

  static std::vector<const Value*> alike(const Node& node) {
    std::vector<const Value*> touched;
    const Value* result = node.outputs.front();
    for (const Value* input : node.inputs) {
      const bool follows = input != nullptr && input->type.rank() == result->type.rank() &&
                           follows_axes(node, *input);
      if (follows) touched.push_back(input);
    }
    if (!touched.empty()) touched.push_back(result);
    return touched;
  }

  // Every read of the input uses, in each dimension, the axis that the store uses there (or none).
  static bool follows_axes(const Node& node, const Value& input) {
    bool follows = true, read_at_all = false;
    const std::string name = input_name_in_kernel(node, input);
    for (const Stage& stage : node.kernel->stages) {
      if (!stage.store || name.empty()) continue;
      const auto check_read = [&](const Expr& part) {
        if (part->kind != ExprKind::read || part->name != name) return;
        read_at_all = true;
        for (size_t dim = 0; dim < part->args.size(); ++dim) {
          follows &= dim < stage.store->indices.size() &&
                     corresponds(part->args[dim], stage.store->indices[dim]);
        }
      };
      for_each(stage.store->value, check_read);
      if (stage.reduction) for_each(stage.reduction->body, check_read);
    }
    return follows && read_at_all;
  }

  static bool corresponds(const Expr& read_index, const Expr& store_index) {
    const std::optional<Affine> read = affine_of(read_index), store = affine_of(store_index);
    if (!read || !store) return false;
    if (read->coefficients.empty() || store->coefficients.empty()) return true;
    return std::any_of(store->coefficients.begin(), store->coefficients.end(),
                       [&](const auto& term) { return read->of(term.first) != 0; });
  }

  static std::string input_name_in_kernel(const Node& node, const Value& input) {
    size_t position = 0;
    for (const Value* candidate : node.inputs) {
      if (candidate == &input) return node.kernel->inputs[position].name;
      if (candidate != nullptr) ++position;
    }
    return "";
  }

  static const Value* input_of(const Node& node, const std::string& name) {
    size_t position = 0;
    for (const Value* candidate : node.inputs) {
      if (candidate == nullptr) continue;
      if (node.kernel->inputs[position++].name == name) return candidate;
    }
    return nullptr;
  }

  bool mark(const Value* value) {
    if (value == nullptr || value->type.rank() < 3 || value->is_constant()) return false;
    return images_.insert(value).second;
  }

  Graph& graph_;
  std::set<const Value*> images_;
};

// A value that only goes on through reshapes (no axis in its place any more) is read row-major, so
// storing it so makes the reshape a view.
bool only_reshaped(const Readers& readers, const Value& value) {
  const std::vector<const Node*>& users = readers.of(value);
  return !users.empty() && std::all_of(users.begin(), users.end(), [&](const Node* user) {
    const bool changes_rank =
        !user->outputs.empty() && user->output().type.shape != value.type.shape;
    return user->kernel && user->op->moves_data_only && is_elementwise(*user->kernel) &&
           changes_rank && user->output().type.rank() < value.type.rank();
  });
}

// Channels-last: axis 1 goes to the end.
Layout channels_last(const Shape& shape) {
  std::vector<int> order = {0};
  for (int axis = 2; axis < static_cast<int>(shape.size()); ++axis) order.push_back(axis);
  order.push_back(1);
  return Layout::permuted(shape, order);
}

void choose_layout(Graph& graph, const PassContext& context) {
  if (context.options.desired_layout == "NCHW") return;
  const ImageValues images(graph);
  const Readers readers(graph);
  for (const auto& value : graph.values) {
    const bool is_free = images.values().contains(value.get()) && !graph.is_input(*value) &&
                         !graph.is_output(*value) && value->inside == nullptr;
    if (!is_free || only_reshaped(readers, *value) || needs_plain_storage(readers, *value))
      continue;
    const Layout layout = channels_last(value->type.shape);
    if (layout != Layout::row_major(value->type.shape)) value->type.layout = layout;
  }
}

const Pass pass{
    .name = "choose-layout",
    .level = Level::memory,
    .summary = "Store image-like values channels-last.",
    .run = choose_layout,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
