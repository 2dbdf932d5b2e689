// The literal interpreter.
#include "tests/unit/naive_interpreter.h"

#include <functional>
#include <map>

#include "ir/error.h"

namespace mlfc {
namespace {

// One value; which field counts depends on the dtype.
struct Number {
  double real = 0;
  int64_t integer = 0;
};

double rounded_real(DType dtype, double value) {
  const auto single = static_cast<float>(value);
  switch (dtype) {
    case DType::f16:
      return half_to_float(float_to_half(single));
    case DType::bf16:
      return bfloat_to_float(float_to_bfloat(single));
    case DType::f32:
      return single;
    default:
      return value;
  }
}

int64_t wrapped(DType dtype, int64_t value) {
  if (dtype == DType::boolean) return value != 0;
  const int spare_bits = 64 - 8 * bytes_of(dtype);
  const auto high = static_cast<uint64_t>(value) << spare_bits;
  return info(dtype).kind == DTypeKind::unsigned_integer ? static_cast<int64_t>(high >> spare_bits)
                                                         : static_cast<int64_t>(high) >> spare_bits;
}

// The value a tensor of `dtype` would give back after storing it.
Number rounded(DType dtype, const Number& value) {
  if (is_float(dtype)) return {rounded_real(dtype, value.real), 0};
  return {0, wrapped(dtype, value.integer)};
}

Number number_of(const Tensor& tensor, int64_t place) {
  if (is_float(tensor.type.dtype)) return {tensor.real(place), 0};
  return {0, tensor.integer(place)};
}

int64_t place_of(const std::vector<int64_t>& index, const Shape& shape) {
  int64_t place = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) place = place * shape[axis] + index[axis];
  return place;
}

class NaiveRun {
 public:
  NaiveRun(const Kernel& kernel, const std::vector<const Tensor*>& inputs) : kernel_(kernel) {
    for (size_t i = 0; i < inputs.size(); ++i) tensors_[kernel.inputs[i].name] = *inputs[i];
    for (const Param& output : kernel.outputs) tensors_[output.name] = Tensor(output.type);
  }

  std::vector<Tensor> run() {
    for_each_point(kernel_.axes, [&] { run_point(); });
    std::vector<Tensor> results;
    for (const Param& output : kernel_.outputs) results.push_back(tensors_.at(output.name));
    return results;
  }

 private:
  void for_each_point(const std::vector<Axis>& axes, const std::function<void()>& visit,
                      size_t from = 0) {
    if (from == axes.size()) return visit();
    for (int64_t value = 0; value < axes[from].extent; ++value) {
      axes_[axes[from].name] = value;
      for_each_point(axes, visit, from + 1);
    }
  }

  void run_point() {
    for (const Param& local : kernel_.locals) tensors_[local.name] = Tensor(local.type);
    scalars_.clear();
    for (const Stage& stage : kernel_.stages) {
      for_each_point(stage.parallel, [&] {
        if (stage.reduction) reduce(stage);
        if (stage.store) store(*stage.store);
      });
    }
  }

  void reduce(const Stage& stage) {
    const Reduction& reduction = *stage.reduction;
    Number sum = evaluate(with_dtype(reduction.init, reduction.dtype));
    const Expr step = combined(reduction.combine, local_expr("?", reduction.dtype),
                               local_expr("?", reduction.dtype));
    for_each_point(stage.reduce, [&] {
      const Number term = evaluate(with_dtype(reduction.body, reduction.dtype));
      sum = apply(step, {sum, term});
    });
    scalars_[reduction.name] = sum;
  }

  void store(const Store& target) {
    Tensor& tensor = tensors_.at(target.target);
    std::vector<int64_t> index;
    for (const Expr& expr : target.indices) index.push_back(evaluate(expr).integer);
    const Number value = evaluate(with_dtype(target.value, tensor.type.dtype));
    const int64_t place = place_of(index, tensor.type.shape);
    if (is_float(tensor.type.dtype)) {
      tensor.set_real(place, value.real);
    } else {
      tensor.set_integer(place, value.integer);
    }
  }

  Number apply(const Expr& call, const std::vector<Number>& args) {
    const ScalarFunction& function = *call->function;
    const DType dtype = call->args[function.condition_first ? 1 : 0].dtype();
    Number result;
    if (is_float(dtype)) {
      double operands[3] = {};
      for (size_t i = 0; i < args.size(); ++i) operands[i] = args[i].real;
      if (function.condition_first) operands[0] = static_cast<double>(args[0].integer);
      result.real = function.real(operands);
      result.integer = result.real != 0;  // a comparison
    } else {
      int64_t operands[3] = {};
      for (size_t i = 0; i < args.size(); ++i) operands[i] = args[i].integer;
      const bool is_unsigned = info(dtype).kind == DTypeKind::unsigned_integer;
      const auto meaning = is_unsigned && function.unsigned_integer != nullptr
                               ? function.unsigned_integer
                               : function.integer;
      result.integer = meaning(operands);
    }
    return rounded(call.dtype(), result);
  }

  Number evaluate_read(const Expr& read) {
    const Tensor& tensor = tensors_.at(read->name);
    std::vector<int64_t> index;
    bool inside = true;
    for (size_t axis = 0; axis < read->args.size(); ++axis) {
      index.push_back(evaluate(read->args[axis]).integer);
      inside &= index[axis] >= 0 && index[axis] < tensor.type.shape[axis];
    }
    if (inside) return number_of(tensor, place_of(index, tensor.type.shape));
    check(!read->otherwise.empty(), "outside: ", read);
    return evaluate(read->otherwise);
  }

  Number evaluate_cast(const Expr& cast) {
    const Number value = evaluate(cast->args[0]);
    Tensor cell(TensorType{cast->args[0].dtype(), {}, {}});
    if (is_float(cell.type.dtype)) {
      cell.set_real(0, value.real);
    } else {
      cell.set_integer(0, value.integer);
    }
    return number_of(converted(cell, cast.dtype()), 0);
  }

  Number evaluate(const Expr& expr) {
    switch (expr->kind) {
      case ExprKind::constant: {
        if (expr.dtype() == DType::none) return {0, expr->integer};
        return rounded(expr.dtype(), {expr->real, expr->integer});
      }
      case ExprKind::axis:
        return {0, axes_.at(expr->name)};
      case ExprKind::local:
        return scalars_.at(expr->name);
      case ExprKind::read:
        return evaluate_read(expr);
      case ExprKind::cast:
        return evaluate_cast(expr);
      case ExprKind::call:
        break;
    }
    if (expr->function->condition_first) {  // the other branch is not asked
      const Number condition = evaluate(expr->args[0]);
      return evaluate(expr->args[condition.integer != 0 ? 1 : 2]);
    }
    std::vector<Number> args;
    for (const Expr& arg : expr->args) args.push_back(evaluate(arg));
    return apply(expr, args);
  }

  const Kernel& kernel_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, Number> scalars_;
  std::map<std::string, int64_t> axes_;
};

}  // namespace

std::vector<Tensor> interpret_naively(const Kernel& kernel,
                                      const std::vector<const Tensor*>& inputs) {
  return NaiveRun(kernel, inputs).run();
}

}  // namespace mlfc
