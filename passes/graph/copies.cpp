// Reads kernels of one load and one store.
#include "passes/graph/copies.h"

#include <algorithm>
#include <map>

#include "ir/affine.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

// The read a kernel's first output consists of, looking through a widening and narrowing of the
// small floats; null when there is more to it.
const ExprNode* only_read(const Expr& value, DType dtype) {
  Expr expr = value;
  while (expr->kind == ExprKind::cast) {
    const bool keeps_values = expr.dtype() == dtype || expr.dtype() == compute_dtype(dtype);
    if (!keeps_values) return nullptr;
    expr = expr->args[0];
  }
  return expr->kind == ExprKind::read && expr.dtype() == dtype ? &*expr : nullptr;
}

// A sum of terms with integer coefficients. A term is the text of an axis, or of a quotient of such
// a sum by a constant; the empty text is the constant term.
using Terms = std::map<std::string, int64_t>;

std::string text_of(const Terms& terms) {
  std::string text;
  for (const auto& [term, coefficient] : terms) {
    text += std::to_string(coefficient) + "*[" + term + "]";
  }
  return text;
}

void add_terms(Terms& terms, const Expr& expr, int64_t factor);

// floor(floor(a / b) / c) is floor(a / (b * c)): nested quotients get one name.
void add_quotient(Terms& terms, Expr dividend, int64_t divisor, int64_t factor) {
  while (is_call(dividend, "floor_div") &&
         dividend->args[1]->kind == ExprKind::constant) {
    divisor *= integer_value(dividend->args[1]);
    dividend = dividend->args[0];
  }
  Terms inner;
  add_terms(inner, dividend, 1);
  terms[text_of(inner) + "//" + std::to_string(divisor)] += factor;
}

// Remainders are written as a - c * floor(a / c), so that taking a place apart and putting it
// together again cancels out.
void add_terms(Terms& terms, const Expr& expr, int64_t factor) {
  if (expr->kind == ExprKind::constant) {
    terms[""] += factor * expr->integer;
  } else if (expr->kind != ExprKind::call || expr->args.size() > 2) {
    terms[to_text(expr)] += factor;
  } else {
    const std::string_view name = expr->function->name;
    const Expr& a = expr->args[0];
    const Expr& b = expr->args.back();
    const bool by_constant = b->kind == ExprKind::constant && b->integer > 0;
    if (name == "add" || name == "sub") {
      add_terms(terms, a, factor);
      add_terms(terms, b, name == "add" ? factor : -factor);
    } else if (name == "mul" && b->kind == ExprKind::constant) {
      add_terms(terms, a, factor * b->integer);
    } else if (name == "mul" && a->kind == ExprKind::constant) {
      add_terms(terms, b, factor * a->integer);
    } else if (name == "floor_div" && by_constant) {
      add_quotient(terms, a, b->integer, factor);
    } else if (name == "floor_mod" && by_constant) {
      add_terms(terms, a, factor);
      add_quotient(terms, a, b->integer, -factor * b->integer);
    } else {
      terms[to_text(expr)] += factor;
    }
  }
  std::erase_if(terms, [](const auto& term) { return term.second == 0; });
}

// The place of an element in row-major storage.
Terms place_of(const std::vector<Expr>& indices, const Shape& shape) {
  Terms place;
  const std::vector<int64_t> strides = row_major_strides(shape);
  for (size_t i = 0; i < indices.size(); ++i) {
    if (shape[i] != 1) add_terms(place, indices[i], strides[i]);
  }
  return place;
}

bool stays_inside(const std::vector<Expr>& indices, const Shape& shape, const Ranges& axes) {
  for (size_t i = 0; i < indices.size(); ++i) {
    const std::optional<Range> range = range_of(indices[i], axes);
    if (!range || range->first < 0 || range->last >= shape[i]) return false;
  }
  return true;
}

// How the dimensions moved; empty when they did anything else.
std::vector<int64_t> permutation_of(const std::vector<Expr>& to, const std::vector<Expr>& from,
                                    const Shape& to_shape, const Shape& from_shape) {
  if (to.size() != from.size()) return {};
  std::vector<int64_t> permutation;
  std::vector<bool> taken(from.size(), false);
  for (size_t i = 0; i < to.size(); ++i) {
    for (size_t j = 0; j < from.size(); ++j) {
      const bool is_it = !taken[j] && from_shape[j] == to_shape[i] && same(from[j], to[i]);
      if (!is_it || permutation.size() > i) continue;
      permutation.push_back(static_cast<int64_t>(j));
      taken[j] = true;
    }
  }
  if (permutation.size() != to.size()) permutation.clear();
  return permutation;
}

std::optional<CopyOf> copy_in_kernel(const Node& node, const Kernel& kernel) {
  const bool single = kernel.stages.size() == 1 && kernel.outputs.size() == 1;
  if (!single || kernel.stages[0].reduction || !kernel.stages[0].store) return std::nullopt;
  const Stage& stage = kernel.stages[0];
  const TensorType& output = kernel.outputs[0].type;
  const ExprNode* read = only_read(stage.store->value, output.dtype);
  if (read == nullptr) return std::nullopt;
  const TensorType& input = find_param(kernel, read->name)->type;
  if (input.elements() != output.elements()) return std::nullopt;
  Ranges ranges;
  for (const auto* axes : {&kernel.axes, &stage.parallel}) {
    for (const Axis& axis : *axes) ranges[axis.name] = {0, axis.extent - 1};
  }
  if (!stays_inside(read->args, input.shape, ranges)) return std::nullopt;
  CopyOf copy;
  size_t param = 0;  // kernel inputs are the node's non-null inputs, in order
  for (Value* value : node.inputs) {
    if (value != nullptr && kernel.inputs[param++].name == read->name) copy.source = value;
  }
  copy.keeps_places =
      place_of(stage.store->indices, output.shape) == place_of(read->args, input.shape);
  if (!copy.keeps_places) {
    copy.permutation = permutation_of(stage.store->indices, read->args, output.shape, input.shape);
  }
  return copy;
}

}  // namespace

std::optional<CopyOf> copy_of(const Node& node) {
  if (node.kernel) return copy_in_kernel(node, *node.kernel);
  const bool may_copy = !node.proc && node.op->kernel != nullptr && node.outputs.size() == 1;
  return may_copy ? copy_in_kernel(node, node.op->kernel(node)) : std::nullopt;
}

}  // namespace mlfc
