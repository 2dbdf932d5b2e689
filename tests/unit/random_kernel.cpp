// Grows random kernels from the inside out: an expression asks for a read, and the read brings its
// own input tensor, large enough or (padded) deliberately too small.
#include "tests/unit/random_kernel.h"

#include <cmath>
#include <limits>

#include "ir/affine.h"
#include "ir/error.h"

namespace mlfc {
namespace {

const std::vector<int64_t> kExtents = {1, 2, 3, 4, 5, 6, 7};

class Generator {
 public:
  Generator(uint64_t seed, const RandomKernelOptions& options) : random_(seed), options_(options) {
    result_.kernel.name = "random_" + std::to_string(seed);
  }

  RandomKernel general() {
    const std::vector<DType> common = {DType::f32, DType::f32, DType::f32, DType::i8,
                                       DType::i32, DType::u8,  DType::i16};
    const std::vector<DType> rare = {DType::f16, DType::bf16, DType::f64, DType::i64,
                                     DType::u64, DType::u16,  DType::u32};
    storage_ = options_.plain || random_.chance(70) ? random_.one_of(common) : random_.one_of(rare);
    dtype_ = compute_dtype(storage_);
    Kernel& kernel = result_.kernel;
    add_axes(kernel.axes, static_cast<int>(random_.between(1, 3)));
    if (random_.chance(10)) visible_.back().extent = kernel.axes.back().extent = 300;
    const auto stages = random_.between(1, options_.max_stages);
    for (int64_t i = 0; i < stages; ++i) add_stage(i + 1 == stages);
    return std::move(result_);
  }

  RandomKernel contraction();

 private:
  void add_axes(std::vector<Axis>& axes, int count) {
    for (int i = 0; i < count; ++i) {
      const int64_t extent = random_.chance(5) ? 35 : random_.one_of(kExtents);
      axes.push_back({"a" + std::to_string(next_name_++), extent});
      visible_.push_back(axes.back());
    }
  }

  void add_stage(bool is_last) {
    Stage stage;
    const std::vector<Axis> shared = visible_;
    const bool reduces = random_.chance(60);
    // A scalar for later stages, or a store into a row buffer or the output.
    const bool stores = is_last || !reduces || random_.chance(40);
    if (stores) add_axes(stage.parallel, static_cast<int>(random_.below(2)));
    const std::vector<Axis> stored_axes = visible_;
    Expr value;
    if (reduces) {
      add_axes(stage.reduce, static_cast<int>(random_.between(1, 2)));
      const Combine combine = random_.one_of<Combine>(
          {Combine::sum, Combine::sum, Combine::max, Combine::min, Combine::product});
      const std::string name = "acc" + std::to_string(next_name_++);
      Reduction reduction{.name = name, .dtype = dtype_, .combine = combine, .body = expr(2)};
      visible_ = stored_axes;
      reduction.init = random_.chance(50) ? neutral_element(combine, dtype_) : expr(1);
      stage.reduction = reduction;
      value = local_expr(name, dtype_);
    }
    if (stores) {
      value = value.empty() ? expr(3) : call_expr("add", {value, expr(1)});
      stage.store = is_last ? output_store(stored_axes, value) : local_store(stage.parallel, value);
    }
    visible_ = shared;
    if (reduces && stage.parallel.empty()) {
      scalars_.push_back(local_expr(stage.reduction->name, dtype_));
    }
    result_.kernel.stages.push_back(std::move(stage));
  }

  Store output_store(std::vector<Axis> axes, const Expr& value) {
    for (size_t i = axes.size(); i-- > 1;) {
      std::swap(axes[i], axes[static_cast<size_t>(random_.below(static_cast<int64_t>(i) + 1))]);
    }
    Store store{"y", {}, cast_expr(storage_, value)};
    Param output{"y", {storage_, {}, {}}};
    for (const Axis& axis : axes) {
      store.indices.push_back(axis_expr(axis.name));
      output.type.shape.push_back(axis.extent);
    }
    result_.kernel.outputs.push_back(output);
    return store;
  }

  Store local_store(const std::vector<Axis>& axes, const Expr& value) {
    Param local{"row" + std::to_string(next_name_++), {dtype_, {}, {}}};
    Store store{local.name, {}, value};
    for (const Axis& axis : axes) {
      store.indices.push_back(axis_expr(axis.name));
      local.type.shape.push_back(axis.extent);
    }
    result_.kernel.locals.push_back(local);
    return store;
  }

  Expr expr(int depth) {
    if (depth == 0 || random_.chance(15)) return leaf();
    static const std::vector<std::string_view> of_reals = {
        "add", "sub", "mul", "mul", "min", "max", "neg", "abs", "tanh", "div", "select", "floor"};
    static const std::vector<std::string_view> of_integers = {
        "add", "sub",     "mul",       "min",       "max",    "neg",        "bit_and",
        "div", "bit_xor", "floor_div", "floor_mod", "select", "shift_right"};
    const std::string_view name = random_.one_of(is_float(dtype_) ? of_reals : of_integers);
    if (name == "select") {
      const Expr condition = call_expr("less", {expr(depth - 1), leaf()});
      return select_expr(condition, expr(depth - 1), expr(depth - 1));
    }
    std::vector<Expr> args;
    for (int i = 0; i < find_scalar_function(name)->arity; ++i) args.push_back(expr(depth - 1));
    return call_expr(name, args);
  }

  Expr leaf() {
    const auto kind = random_.below(10);
    if (kind == 0) return integer_expr(random_.between(-3, 3), dtype_);
    if (kind == 1) return cast_expr(dtype_, axis_expr(random_.one_of(visible_).name));
    if (kind <= 3 && !scalars_.empty()) return random_.one_of(scalars_);
    if (kind <= 5 && !result_.kernel.locals.empty()) return local_read();
    return input_read(true);
  }

  Expr local_read() {
    const Param& local = random_.one_of(result_.kernel.locals);
    std::vector<Expr> indices;
    for (const int64_t extent : local.type.shape) {
      const Axis& axis = random_.one_of(visible_);
      indices.push_back(axis.extent <= extent ? axis_expr(axis.name) : integer_expr(extent - 1));
    }
    return read_expr(local.name, dtype_, indices);
  }

  Expr input_read(bool may_nest) {
    std::vector<Expr> indices;
    Shape shape;
    bool leaves = false;
    for (int64_t rank = random_.between(1, 3); rank > 0; --rank) {
      Affine index;
      for (int64_t terms = random_.between(1, 2); terms > 0; --terms) {
        index.coefficients[random_.one_of(visible_).name] =
            random_.one_of<int64_t>({1, 1, 1, 2, -1});
      }
      Ranges ranges;
      for (const Axis& axis : visible_) ranges[axis.name] = {0, axis.extent - 1};
      const Range range = *range_of(to_expr(index), ranges);
      const bool padded = random_.chance(30);
      const int64_t shift = padded ? random_.between(-2, 2) : 0;
      const int64_t missing = padded ? random_.between(0, 3) : -random_.below(2);
      index.constant = shift - range.first;
      shape.push_back(std::max<int64_t>(range.last - range.first + 1 - missing, 1));
      leaves |= range.first + index.constant < 0 || range.last + index.constant >= shape.back();
      indices.push_back(to_expr(index));
    }
    if (!options_.plain && may_nest && random_.chance(10)) {
      indices[0] = gathered_index(shape[0]);
      leaves = true;  // some of the entries are outside
    }
    const Expr read = read_expr(add_input({storage_, shape, {}}), storage_, indices);
    const Expr widened = cast_expr(dtype_, read);
    if (!leaves) return widened;
    const bool nests = may_nest && storage_ == dtype_ && random_.chance(30);
    return widened.or_else(nests ? input_read(false) : Expr(random_.between(-2, 2)));
  }

  Expr gathered_index(int64_t extent) {
    const Axis& axis = random_.one_of(visible_);
    const std::string name = add_input({DType::i32, {axis.extent}, {}});
    Tensor& table = result_.inputs.back();
    for (int64_t i = 0; i < axis.extent; ++i) table.set_integer(i, random_.between(-1, extent));
    return cast_expr(DType::i64, read_expr(name, DType::i32, {axis_expr(axis.name)}));
  }

  std::string add_input(const TensorType& type) {
    const std::string name = "x" + std::to_string(result_.inputs.size());
    result_.kernel.inputs.push_back({name, type});
    result_.inputs.push_back(random_tensor(random_, type));
    return name;
  }

  Random random_;
  RandomKernelOptions options_;
  RandomKernel result_;
  DType storage_ = DType::f32, dtype_ = DType::f32;
  std::vector<Axis> visible_;
  std::vector<Expr> scalars_;
  int next_name_ = 0;
};

// y[n, g, oc, p] over a grouped, strided, dilated and padded one-dimensional convolution; with one
// group, one tap and no batch it is a matrix product.
RandomKernel Generator::contraction() {
  const std::vector<DType> storages = {DType::f32, DType::f32, DType::f16,
                                       DType::i8,  DType::u8,  DType::i32};
  storage_ = random_.one_of(storages);
  dtype_ = is_float(storage_) ? DType::f32 : DType::i32;
  Kernel& kernel = result_.kernel;
  const int64_t batch = random_.between(1, 2), groups = random_.between(1, 2);
  const int64_t outputs = random_.one_of<int64_t>({1, 4, 8, 9});
  const int64_t inputs = random_.one_of<int64_t>({1, 4, 9, 16}), taps = random_.between(1, 3);
  const int64_t stride = random_.between(1, 2), dilation = random_.between(1, 2);
  const int64_t width = random_.one_of<int64_t>({1, 17, 40, 300}), pad = random_.below(2);
  const int64_t steps = std::max<int64_t>((width - 1) / stride, 1);
  kernel.axes = {{"n", batch}, {"g", groups}, {"oc", outputs}, {"p", steps}};
  if (random_.chance(30)) std::swap(kernel.axes[2], kernel.axes[3]);
  const Expr n = axis_expr("n"), g = axis_expr("g"), oc = axis_expr("oc"), p = axis_expr("p");
  const Expr ic = axis_expr("ic"), tap = axis_expr("tap");
  const std::string x = add_input({storage_, {batch, groups * inputs, width}, {}});
  const std::string w = add_input({storage_, {groups * outputs, inputs, taps}, {}});
  const Expr image = cast_expr(
      dtype_,
      read_expr(x, storage_, {n, g * inputs + ic, p * stride + tap * dilation - pad}, Expr(0)));
  const Expr filter = cast_expr(dtype_, read_expr(w, storage_, {g * outputs + oc, ic, tap}));
  const Expr shifted = is_float(dtype_) || random_.chance(50) ? image : image + 3;
  Stage stage{.reduce = {{"ic", inputs}, {"tap", taps}}};
  stage.reduction = Reduction{.name = "acc",
                              .dtype = dtype_,
                              .combine = Combine::sum,
                              .init = integer_expr(random_.between(-1, 1), dtype_),
                              .body = random_.chance(50) ? shifted * filter : filter * shifted};
  const Expr acc = local_expr("acc", dtype_);
  kernel.outputs.push_back({"y", {dtype_, {batch, groups, outputs, steps}, {}}});
  stage.store = Store{"y", {n, g, oc, p}, max_expr(acc, Expr(-5))};
  kernel.stages.push_back(std::move(stage));
  return std::move(result_);
}

}  // namespace

std::vector<const Tensor*> RandomKernel::arguments() const {
  std::vector<const Tensor*> pointers;
  for (const Tensor& tensor : inputs) pointers.push_back(&tensor);
  return pointers;
}

RandomKernel random_kernel(uint64_t seed, const RandomKernelOptions& options) {
  return Generator(seed, options).general();
}

RandomKernel random_contraction(uint64_t seed) {
  return Generator(seed, {}).contraction();
}

Tensor random_tensor(Random& random, const TensorType& type) {
  Tensor tensor(type);
  for (int64_t i = 0; i < type.storage_elements(); ++i) {
    if (is_float(type.dtype)) {
      tensor.set_real(i, static_cast<double>(random.between(-512, 512)) / 128);
    } else if (random.chance(20)) {
      tensor.set_integer(i, static_cast<int64_t>(random.bits()));
    } else {
      tensor.set_integer(i, random.between(-100, 100));
    }
  }
  return tensor;
}

std::string difference(const Tensor& a, const Tensor& b, double tolerance) {
  if (!(a.type == b.type)) return concat_text(a.type, " is not ", b.type);
  for (int64_t i = 0; i < a.type.storage_elements(); ++i) {
    if (!is_float(a.type.dtype)) {
      if (a.integer(i) == b.integer(i)) continue;
      return concat_text("element ", i, ": ", a.integer(i), " and ", b.integer(i));
    }
    const double x = a.real(i), y = b.real(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double scale = std::max({1.0, std::fabs(x), std::fabs(y)});
    if (std::fabs(x - y) <= tolerance * scale) continue;
    return concat_text("element ", i, ": ", x, " and ", y);
  }
  return "";
}

}  // namespace mlfc
