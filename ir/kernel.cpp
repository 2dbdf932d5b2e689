// Questions about kernels and the rewrites every pass needs.
#include "ir/kernel.h"

#include <algorithm>
#include <array>
#include <limits>

#include "ir/affine.h"
#include "ir/error.h"

namespace mlfc {
namespace {

struct CombineRow {
  Combine combine = Combine::sum;
  std::string_view name = {};
  std::string_view function = {};  ///< of the scalar function table
};
constexpr auto kCombines = std::to_array<CombineRow>({{Combine::sum, "sum", "add"},
                                                      {Combine::product, "product", "mul"},
                                                      {Combine::max, "max", "max"},
                                                      {Combine::min, "min", "min"}});

int64_t integer_limit(DType dtype, bool highest) {
  const int bits = 8 * bytes_of(dtype);
  if (info(dtype).kind == DTypeKind::unsigned_integer) {
    return !highest ? 0 : bits == 64 ? -1 : (int64_t{1} << bits) - 1;
  }
  if (dtype == DType::boolean) return highest ? 1 : 0;
  const int64_t top =
      bits == 64 ? std::numeric_limits<int64_t>::max() : (int64_t{1} << (bits - 1)) - 1;
  return highest ? top : -top - 1;
}

void for_each_expr(const Kernel& kernel, const std::function<void(const Expr&)>& use) {
  for (const Stage& stage : kernel.stages) {
    if (stage.reduction) {
      use(stage.reduction->init);
      use(stage.reduction->body);
    }
    if (stage.store) {
      for (const Expr& index : stage.store->indices) use(index);
      use(stage.store->value);
    }
  }
}

// True when every axis the store runs over appears in its indices as itself, so that one point
// stores exactly one element and no element is stored by two points.
bool stores_one_element_per_point(const Kernel& kernel, const Stage& stage) {
  const auto is_index = [&](const Axis& axis) {
    const std::vector<Expr>& indices = stage.store->indices;
    return axis.extent == 1 || std::any_of(indices.begin(), indices.end(), [&](const Expr& index) {
             return index->kind == ExprKind::axis && index->name == axis.name;
           });
  };
  return std::all_of(kernel.axes.begin(), kernel.axes.end(), is_index) &&
         std::all_of(stage.parallel.begin(), stage.parallel.end(), is_index);
}

/// The only stage that stores to the kernel's only output, provided that no other stage reads
/// `input`; null elsewhere.
const Stage* stage_with_all_of(const Kernel& kernel, std::string_view input) {
  const Stage* found = nullptr;
  if (kernel.outputs.size() != 1) return nullptr;
  for (const Stage& stage : kernel.stages) {
    if (!stage.store) return nullptr;
    Kernel others = kernel;
    others.stages = {stage};
    const bool stores = stage.store->target == kernel.outputs[0].name;
    if (stores && found != nullptr) return nullptr;
    if (stores) found = &stage;
    if (!stores && !reads_of(others, input).empty()) return nullptr;
  }
  return found;
}

/// Where in storage an element lies, when strides and affine indices tell: one place may be reached
/// by different indices, as by channels-first ones through a layout that is channels-last.
std::optional<Affine> strided_place(const TensorType& type, const std::vector<Expr>& indices) {
  const Layout layout = type.explicit_layout();
  if (!layout.is_strided()) return std::nullopt;
  const std::vector<int64_t> strides = layout.strides();
  Expr place = integer_expr(layout.offset, DType::i64);
  for (size_t i = 0; i < indices.size(); ++i) place = place + indices[i] * Expr(strides[i]);
  return affine_of(place);
}

}  // namespace

std::string to_text(Combine combine) {
  return std::string(kCombines.at(static_cast<size_t>(combine)).name);
}

std::optional<Combine> combine_named(std::string_view name) {
  for (const CombineRow& row : kCombines) {
    if (row.name == name) return row.combine;
  }
  return std::nullopt;
}

Expr neutral_element(Combine combine, DType dtype) {
  if (combine == Combine::sum) return integer_expr(0, dtype);
  if (combine == Combine::product) return integer_expr(1, dtype);
  const bool highest = combine == Combine::min;
  if (!is_float(dtype)) return integer_expr(integer_limit(dtype, highest), dtype);
  const double infinity = std::numeric_limits<double>::infinity();
  return real_expr(highest ? infinity : -infinity, dtype);
}

Expr combined(Combine combine, const Expr& a, const Expr& b) {
  return call_expr(kCombines.at(static_cast<size_t>(combine)).function, {a, b});
}

const Param* find_param(const Kernel& kernel, std::string_view name) {
  for (const auto* list : {&kernel.inputs, &kernel.outputs, &kernel.locals}) {
    for (const Param& param : *list) {
      if (param.name == name) return &param;
    }
  }
  return nullptr;
}

const Axis* find_axis(const std::vector<Axis>& axes, std::string_view name) {
  const auto found =
      std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.name == name; });
  return found == axes.end() ? nullptr : &*found;
}

const Axis* find_axis(const Kernel& kernel, std::string_view name) {
  if (const Axis* axis = find_axis(kernel.axes, name)) return axis;
  for (const Stage& stage : kernel.stages) {
    if (const Axis* axis = find_axis(stage.parallel, name)) return axis;
    if (const Axis* axis = find_axis(stage.reduce, name)) return axis;
  }
  return nullptr;
}

bool is_elementwise(const Kernel& kernel) {
  return kernel.stages.size() == 1 && kernel.outputs.size() == 1 && !kernel.stages[0].reduction &&
         kernel.stages[0].store.has_value();
}

std::vector<Expr> reads_of(const Kernel& kernel, std::string_view tensor) {
  std::vector<Expr> reads;
  for_each_expr(kernel, [&](const Expr& expr) {
    for_each(expr, [&](const Expr& part) {
      if (part->kind == ExprKind::read && part->name == tensor) reads.push_back(part);
    });
  });
  return reads;
}

bool may_run_in_place(const Kernel& kernel, std::string_view input) {
  const Stage* stage = stage_with_all_of(kernel, input);
  if (stage == nullptr) return false;
  const std::vector<Expr>& place = stage->store->indices;
  const Param* source = find_param(kernel, input);
  const Param& target = kernel.outputs[0];
  const bool same_size = bytes_of(source->type.dtype) == bytes_of(target.type.dtype) &&
                         source->type.storage_elements() == target.type.storage_elements();
  if (!same_size || !stores_one_element_per_point(kernel, *stage)) return false;
  const bool same_order =
      source->type.shape == target.type.shape && source->type.layout == target.type.layout;
  const std::optional<Affine> stored = strided_place(target.type, place);
  const std::vector<Expr> reads = reads_of(kernel, input);
  return std::all_of(reads.begin(), reads.end(), [&](const Expr& read) {
    const bool same_index =
        std::equal(read->args.begin(), read->args.end(), place.begin(), place.end(), same);
    return (same_order && same_index) ||
           (stored && strided_place(source->type, read->args) == stored);
  });
}

int64_t multiply_count(const Kernel& kernel) {
  int64_t shared = 1;
  for (const Axis& axis : kernel.axes) shared *= axis.extent;
  int64_t count = 0;
  for (const Stage& stage : kernel.stages) {
    if (!stage.reduction) continue;
    int64_t points = shared;
    for (const Axis& axis : stage.parallel) points *= axis.extent;
    for (const Axis& axis : stage.reduce) points *= axis.extent;
    for_each(stage.reduction->body, [&](const Expr& part) {
      const bool multiplies = is_call(part, "mul") && part.dtype() != DType::i64;
      if (multiplies) count += points;
    });
  }
  return count;
}

void rewrite_exprs(Kernel& kernel, const std::function<Expr(const Expr&)>& rewrite) {
  const auto apply = [&](Expr& expr) { expr = rewritten(expr, rewrite); };
  for (Stage& stage : kernel.stages) {
    if (stage.reduction) {
      apply(stage.reduction->init);
      apply(stage.reduction->body);
    }
    if (!stage.store) continue;
    for (Expr& index : stage.store->indices) apply(index);
    apply(stage.store->value);
  }
}

void rename_param(Kernel& kernel, const std::string& from, const std::string& to) {
  for (auto* list : {&kernel.inputs, &kernel.outputs, &kernel.locals}) {
    for (Param& param : *list) {
      if (param.name == from) param.name = to;
    }
  }
  for (Stage& stage : kernel.stages) {
    if (stage.store && stage.store->target == from) stage.store->target = to;
  }
  rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::read || part->name != from) return {};
    return read_expr(to, part.dtype(), part->args, part->otherwise);
  });
}

void rename_axis(Kernel& kernel, const std::string& from, const std::string& to) {
  const auto rename = [&](std::vector<Axis>& axes) {
    for (Axis& axis : axes) {
      if (axis.name == from) axis.name = to;
    }
  };
  rename(kernel.axes);
  for (Stage& stage : kernel.stages) {
    rename(stage.parallel);
    rename(stage.reduce);
  }
  rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::axis || part->name != from) return {};
    return axis_expr(to);
  });
}

}  // namespace mlfc
