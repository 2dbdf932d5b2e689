// Evaluates parts of kernels with the interpreter, like everything that is computed at compile
// time.
#include "passes/kernel/known_values.h"

#include <algorithm>
#include <set>

#include "ir/error.h"
#include "ir/interpret.h"
#include "passes/kernel/fusion.h"

namespace mlfc {
namespace {

// The narrowest integer type for values from `low` to `high`, signed if possible.
DType narrowest(int64_t low, int64_t high) {
  for (const DType dtype : {DType::i8, DType::u8, DType::i16, DType::u16}) {
    const Range range = *dtype_range(dtype);
    if (low >= range.first && high <= range.last) return dtype;
  }
  return DType::i32;
}

Tensor narrowed(const Tensor& tensor) {
  const std::vector<int64_t> numbers = tensor.integers();
  if (numbers.empty()) return tensor;
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  return converted(tensor, narrowest(*low, *high));
}

bool is_uniform(const Tensor& tensor) {
  if (tensor.bytes.empty()) return false;
  const int bytes = bytes_of(tensor.type.dtype);
  for (size_t i = bytes; i < tensor.bytes.size(); ++i) {
    if (tensor.bytes[i] != tensor.bytes[i - static_cast<size_t>(bytes)]) return false;
  }
  return true;
}

Expr without_casts(Expr expr) {
  while (expr->kind == ExprKind::cast) expr = expr->args[0];
  return expr;
}

}  // namespace

const Tensor* KnownValues::constant_of(const std::string& param) const {
  size_t next = 0;
  for (const Value* input : node_.inputs) {
    if (input == nullptr) continue;
    if (node_.kernel->inputs[next++].name == param && input->is_constant()) {
      return &*input->constant;
    }
  }
  return nullptr;
}

bool KnownValues::knows(const Expr& expr) const {
  bool known = true;
  for_each(expr, [&](const Expr& part) {
    known &= part->kind != ExprKind::local;
    if (part->kind != ExprKind::read) return;
    known &= part->otherwise.empty() && constant_of(part->name) != nullptr;
  });
  return known;
}

std::vector<Axis> KnownValues::axes_of(const Expr& expr) const {
  // The largest constant's own order first: what is computed from weights looks like the weights.
  Expr largest;
  for_each(expr, [&](const Expr& part) {
    if (part->kind != ExprKind::read) return;
    const auto elements = [&](const Expr& read) {
      return constant_of(read->name)->type.elements();
    };
    if (largest.empty() || elements(part) > elements(largest)) largest = part;
  });
  std::vector<Axis> axes;
  const auto visit = [&](const Expr& part) {
    if (part->kind != ExprKind::axis) return;
    const auto is_it = [&](const Axis& axis) { return axis.name == part->name; };
    if (std::any_of(axes.begin(), axes.end(), is_it)) return;
    axes.push_back(*find_axis(*node_.kernel, part->name));
  };
  for_each(largest, visit);
  for_each(expr, visit);
  return axes;
}

Tensor KnownValues::evaluated(const Expr& expr) const {
  return evaluated(expr, axes_of(expr));
}

Tensor KnownValues::evaluated(const Expr& expr, const std::vector<Axis>& axes) const {
  Kernel small{.name = "known", .axes = axes};
  std::vector<const Tensor*> inputs;
  for (const Param& param : node_.kernel->inputs) {
    const Tensor* constant = constant_of(param.name);
    if (constant == nullptr || !reads_tensor(expr, param.name)) continue;
    small.inputs.push_back({param.name, param.type.plain()});
    inputs.push_back(constant);
  }
  Shape shape;
  std::vector<Expr> at;
  for (const Axis& axis : small.axes) {
    shape.push_back(axis.extent);
    at.push_back(axis_expr(axis.name));
  }
  const std::string output = "known/value";  // not the name of a parameter
  small.outputs.push_back({output, {expr.dtype(), shape, {}}});
  small.stages.push_back({.store = Store{output, at, expr}});
  return std::move(interpret(small, inputs)[0]);
}

std::pair<double, double> KnownValues::extremes(const Expr& expr) const {
  const Tensor tensor = evaluated(expr);
  if (tensor.type.elements() == 0) return {0, 0};
  double low = tensor.real(0), high = low;
  for (int64_t i = 0; i < tensor.type.elements(); ++i) {
    low = std::min(low, tensor.real(i));
    high = std::max(high, tensor.real(i));
  }
  return {low, high};
}

int64_t KnownValues::bytes_read_by(const Expr& expr) const {
  std::set<std::string> seen;
  int64_t bytes = 0;
  for_each(expr, [&](const Expr& part) {
    if (part->kind != ExprKind::read || !seen.insert(part->name).second) return;
    bytes += constant_of(part->name)->type.storage_bytes();
  });
  return bytes;
}

Expr KnownValues::precomputed(const Expr& expr, const std::string& name) {
  if (expr->kind == ExprKind::constant || !knows(expr)) return expr;
  const std::vector<Axis> axes = axes_of(expr);
  int64_t elements = 1;
  for (const Axis& axis : axes) elements *= axis.extent;
  const int64_t bytes = bytes_read_by(expr);
  if (elements == 0 || elements > std::max<int64_t>(bytes, 16)) return expr;
  Tensor tensor = evaluated(expr);
  if (is_uniform(tensor)) {
    return is_float(expr.dtype()) ? real_expr(tensor.real(0), expr.dtype())
                                  : integer_expr(tensor.integer(0), expr.dtype());
  }
  if (without_casts(expr)->kind == ExprKind::read) return expr;
  if (is_integer(expr.dtype())) tensor = narrowed(tensor);
  if (tensor.type.storage_bytes() > bytes) return expr;

  std::vector<Expr> at;
  for (const Axis& axis : axes) at.push_back(axis_expr(axis.name));
  // Nothing may have changed: a zero point of 0 taken off. Then the tensor is there already.
  for (const Param& param : node_.kernel->inputs) {
    const Tensor* known = constant_of(param.name);
    if (known != nullptr && *known == tensor) {
      return cast_expr(expr.dtype(), read_expr(param.name, tensor.type.dtype, at));
    }
  }
  const Param param = added(std::move(tensor), name);
  return cast_expr(expr.dtype(), read_expr(param.name, param.type.dtype, at));
}

Param KnownValues::added(Tensor tensor, const std::string& name) {
  Kernel& kernel = *node_.kernel;
  std::string param_name = name;
  for (int suffix = 2;
       find_param(kernel, param_name) != nullptr || find_axis(kernel, param_name) != nullptr;
       ++suffix) {
    param_name = name + std::to_string(suffix);
  }
  const Param param{.name = param_name, .type = tensor.type, .is_constant = true};
  Value& value = graph_.add_constant(node_.output().name + "/" + name, std::move(tensor));
  std::erase(node_.inputs, nullptr);
  node_.inputs.push_back(&value);
  kernel.inputs.push_back(param);
  return param;
}

Param KnownValues::stored(const Expr& expr, const std::vector<Axis>& axes, Shape shape,
                          int64_t padding, const std::string& name) {
  Tensor values = evaluated(expr, axes);
  if (is_integer(expr.dtype())) values = narrowed(values);
  const int64_t run = shape.back();
  shape.back() += padding;
  Tensor padded(TensorType{values.type.dtype, shape, {}});
  const auto bytes = static_cast<size_t>(run * bytes_of(values.type.dtype));
  const auto stride = static_cast<size_t>(shape.back() * bytes_of(values.type.dtype));
  for (size_t i = 0; i * bytes < values.bytes.size(); ++i) {
    std::memcpy(padded.bytes.data() + i * stride, values.bytes.data() + i * bytes, bytes);
  }
  return added(std::move(padded), name);
}

Expr KnownValues::constant(Tensor tensor, const std::vector<Axis>& axes, const std::string& name) {
  const DType dtype = tensor.type.dtype;
  if (is_uniform(tensor)) return integer_expr(tensor.integer(0), dtype);
  const Param param = added(narrowed(tensor), name);
  std::vector<Expr> at;
  for (const Axis& axis : axes) at.push_back(axis_expr(axis.name));
  return read_expr(param.name, param.type.dtype, at);
}

Expr KnownValues::looked_up(Tensor table, const Expr& index, const std::string& name) {
  const DType dtype = table.type.dtype;
  for (const Param& param : node_.kernel->inputs) {
    const Tensor* known = constant_of(param.name);
    if (known != nullptr && *known == table) return read_expr(param.name, dtype, {index});
  }
  return read_expr(added(std::move(table), name).name, dtype, {index});
}

std::vector<Axis> KnownValues::axes_without(const Expr& expr,
                                            const std::vector<Axis>& reduced) const {
  std::vector<Axis> axes = axes_of(expr);
  std::erase_if(axes, [&](const Axis& axis) {
    return std::find(reduced.begin(), reduced.end(), axis) != reduced.end();
  });
  return axes;
}

Tensor KnownValues::summed(const Expr& expr, const std::vector<Axis>& reduced) const {
  std::vector<Axis> axes = axes_of(expr);
  const auto is_reduced = [&](const Axis& axis) {
    return std::find(reduced.begin(), reduced.end(), axis) != reduced.end();
  };
  // Reduced axes last: what is summed then lies side by side.
  std::stable_partition(axes.begin(), axes.end(),
                        [&](const Axis& axis) { return !is_reduced(axis); });
  const Tensor values = evaluated(expr, axes);
  Shape shape;
  int64_t run = 1;
  for (const Axis& axis : axes) {
    if (is_reduced(axis)) {
      run *= axis.extent;
    } else {
      shape.push_back(axis.extent);
    }
  }
  // What does not depend on a reduced axis is the same at every turn of it.
  int64_t times = 1;
  for (const Axis& axis : reduced) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) times *= axis.extent;
  }
  Tensor sums(TensorType{DType::i64, shape, {}});
  for (int64_t i = 0; i < values.type.elements(); ++i) {
    sums.set_integer(i / run, sums.integer(i / run) + times * values.integer(i));
  }
  return sums;
}

}  // namespace mlfc
