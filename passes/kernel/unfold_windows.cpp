// Gathers what one row of outputs of an integer convolution reads into a buffer, in which the
// window of every output is one contiguous run:
//
//   for oh
//     rows[(ow + kw) * 3 * C + kh * C + ic] = x[ic, oh + kh - 1, ow + kw - 1 | padding]
//     acc = sum over k of rows[ow * 3 * C + k] * w[oc, k]
//
// The convolution is then one long product of contiguous bytes, the form in which compilers find
// dot-product instructions, and padding is data: no border is left to treat. Windows overlap in the
// buffer, so it is only as large as the input rows it holds. Where an instruction multiplies groups
// of unsigned by signed bytes, the buffer also makes signed data unsigned, windows or not.
#include <algorithm>

#include "ir/affine.h"
#include "passes/kernel/fusion.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/scaled_form.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// Fewer products than this are not worth a buffer, nor are buffers larger than the limit.
constexpr int64_t kShortestRun = 16;
constexpr int64_t kShortestGroups = 8;  // where instructions multiply groups of bytes
constexpr int64_t kLargestBuffer = int64_t{1} << 18;
constexpr int64_t kFewestReaders = 4;  // outputs that share a window

bool is_call(const Expr& expr, std::string_view name) {
  return expr->kind == ExprKind::call && expr->function->name == name;
}

// Vectors like runs of whole vectors: a few products with 0 cost less than a loop for the rest.
int64_t padded_run(int64_t run, bool in_groups, const Machine& machine) {
  if (machine.vector_bytes <= 4) return run;
  if (in_groups) return (run + machine.dot_bytes - 1) / machine.dot_bytes * machine.dot_bytes;
  for (const int64_t unit : {32, 16}) {
    const int64_t padded = (run + unit - 1) / unit * unit;
    if (4 * (padded - run) <= run) return padded;
  }
  return run;
}

Expr without_cast(const Expr& expr) {
  return expr->kind == ExprKind::cast ? expr->args[0] : expr;
}

Expr without_constant(const Expr& expr) {
  const bool is_sum = is_call(expr, "add") || is_call(expr, "sub");
  return is_sum && expr->args[1]->kind == ExprKind::constant ? expr->args[0] : expr;
}

// What the indices of the convolved data say about the kernel's axes.
struct Windows {
  Expr read = {};                  ///< of the data
  Expr data = {};                  ///< the factor it stands in
  Expr weights = {};               ///< the other, known factor
  size_t row_dim = 0;              ///< of the index with the tap
  Axis row = {};                   ///< its parallel axis: ow
  Axis tap = {};                   ///< its reduced axis: kw
  int64_t stride = 1;              ///< of the row axis in the data
  std::vector<Axis> taps = {};     ///< reduced axes of other dimensions: kh, then the channels
  std::vector<Axis> shared = {};   ///< parallel axes that choose the rows: n, oh
  std::vector<Axis> readers = {};  ///< parallel axes that only choose weights: oc
  bool in_groups = false;          ///< an instruction multiplies unsigned by signed bytes

  bool has_taps() const { return !tap.name.empty(); }
};

const Axis* axis_in(const std::vector<Axis>& axes, const std::string& name) {
  const auto found =
      std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.name == name; });
  return found == axes.end() ? nullptr : &*found;
}

// The read of data in a product of data and known weights.
bool find_factors(const Kernel& kernel, const KnownValues& known, Windows& windows) {
  const Stage& stage = kernel.stages[0];
  const Expr& body = stage.reduction->body;
  if (!is_call(body, "mul")) return false;
  for (int i = 0; i < 2; ++i) {
    if (!known.knows(body->args[1 - i]) || known.knows(body->args[i])) continue;
    windows.data = body->args[i];
    windows.weights = body->args[1 - i];
    int reads = 0;
    for_each(windows.data, [&](const Expr& part) {
      if (part->kind != ExprKind::read) return;
      ++reads;
      windows.read = part;
    });
    const bool narrow = reads == 1 && is_integer(windows.read.dtype()) &&
                        bytes_of(windows.read.dtype()) <= 2 &&
                        reads_of(kernel, windows.read->name).size() == 1;
    const bool constant_outside = narrow && (windows.read->otherwise.empty() ||
                                             windows.read->otherwise->kind == ExprKind::constant);
    return constant_outside;
  }
  return false;
}

// Sorts the axes of one index into the windows; false when it has another form.
bool sort_axes_of(const Kernel& kernel, const Affine& index, size_t dim, Windows& windows) {
  const Stage& stage = kernel.stages[0];
  const Axis* parallel = nullptr;
  const Axis* reduced = nullptr;
  for (const auto& [name, coefficient] : index.coefficients) {
    if (coefficient < 0) return false;
    const Axis* outer = axis_in(kernel.axes, name);
    const Axis* inner = axis_in(stage.reduce, name);
    if (outer != nullptr && parallel != nullptr && inner == nullptr) {
      windows.shared.push_back(*outer);
      continue;
    }
    if (outer != nullptr) parallel = outer;
    if (inner != nullptr && reduced != nullptr) return false;
    if (inner != nullptr) reduced = inner;
  }
  // The last dimension with a parallel axis and a tap is the row; earlier ones choose it.
  if (parallel != nullptr && reduced != nullptr && index.of(reduced->name) == 1) {
    if (!windows.row.name.empty()) {
      windows.shared.push_back(windows.row);
      windows.taps.push_back(windows.tap);
    }
    windows.row_dim = dim;
    windows.row = *parallel;
    windows.tap = *reduced;
    windows.stride = index.of(parallel->name);
    return true;
  }
  if (parallel != nullptr) windows.shared.push_back(*parallel);
  if (reduced != nullptr) windows.taps.push_back(*reduced);
  return true;
}

bool names_repeat(const std::vector<Axis>& axes) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axis_in({axes.begin() + static_cast<long>(i) + 1, axes.end()}, axes[i].name) != nullptr) {
      return true;
    }
  }
  return false;
}

int64_t product_of(const std::vector<Axis>& axes) {
  int64_t product = 1;
  for (const Axis& axis : axes) product *= axis.extent;
  return product;
}

// i32(x[...]), perhaps with a constant added.
bool is_shifted_read(const Expr& data) {
  const Expr plain = without_constant(data);
  return plain->kind == ExprKind::cast && plain.dtype() == DType::i32 &&
         plain->args[0]->kind == ExprKind::read;
}

std::optional<Windows> windows_of(const Kernel& kernel, const KnownValues& known,
                                  const Machine& machine) {
  const bool single = kernel.stages.size() == 1 && kernel.locals.empty() &&
                      kernel.stages[0].reduction && kernel.stages[0].store &&
                      kernel.stages[0].parallel.empty();
  if (!single) return std::nullopt;
  const Stage& stage = kernel.stages[0];
  const bool sums = stage.reduction->combine == Combine::sum && is_integer(stage.reduction->dtype);
  Windows windows;
  if (!sums || !find_factors(kernel, known, windows)) return std::nullopt;
  // Neither the sum's start nor the factors may look at reduced axes in other ways.
  for (size_t dim = 0; dim < windows.read->args.size(); ++dim) {
    const std::optional<Affine> index = affine_of(windows.read->args[dim]);
    if (!index || !sort_axes_of(kernel, *index, dim, windows)) return std::nullopt;
  }
  if (windows.row.name.empty() && !windows.shared.empty()) {
    windows.row = windows.shared.back();
    windows.shared.pop_back();
  }
  if (windows.row.name.empty()) return std::nullopt;
  std::vector<Axis> reduced = windows.taps, chosen = windows.shared;
  if (windows.has_taps()) reduced.push_back(windows.tap);
  chosen.push_back(windows.row);
  if (names_repeat(reduced) || names_repeat(chosen) || reduced.size() != stage.reduce.size()) {
    return std::nullopt;
  }
  // Groups have weights of their own; one run of weights would not do for all windows.
  for (const Axis& axis : chosen) {
    if (mentions_axis(windows.weights, axis.name)) return std::nullopt;
  }
  for (const Axis& axis : kernel.axes) {
    if (axis_in(chosen, axis.name) == nullptr) windows.readers.push_back(axis);
  }
  const auto [least, most] = known.extremes(windows.weights);
  windows.in_groups = machine.dot_bytes > 1 && bytes_of(windows.read.dtype()) == 1 &&
                      stage.reduction->dtype == DType::i32 && is_shifted_read(windows.data) &&
                      least >= -128 && most <= 127;
  const int64_t run = product_of(reduced);
  const int64_t span = (windows.row.extent - 1) * windows.stride + windows.tap.extent;
  const int64_t shortest = windows.in_groups ? kShortestGroups : kShortestRun;
  const bool pays = run >= shortest && product_of(windows.readers) >= kFewestReaders &&
                    span * product_of(windows.taps) <= kLargestBuffer;
  return pays ? std::optional(windows) : std::nullopt;
}

// Dimensions of the data that vary fastest in storage go last in a run.
void order_taps(const TensorType& type, Windows& windows) {
  const Layout layout = type.explicit_layout();
  const auto stride_of = [&](const Axis& axis) {
    int64_t stride = 0;
    for (size_t dim = 0; dim < windows.read->args.size(); ++dim) {
      const Affine index = *affine_of(windows.read->args[dim]);
      if (index.of(axis.name) != 0) stride = layout.axes[dim].back().stride;
    }
    return stride;
  };
  std::stable_sort(windows.taps.begin(), windows.taps.end(),
                   [&](const Axis& a, const Axis& b) { return stride_of(a) > stride_of(b); });
}

std::string free_name(const Kernel& kernel, std::string name) {
  while (find_param(kernel, name) != nullptr || find_axis(kernel, name) != nullptr) name += "_";
  return name;
}

std::string numbered_name(const Kernel& kernel, const std::string& name) {
  for (int number = 2;; ++number) {
    const std::string candidate = name + std::to_string(number);
    if (find_param(kernel, candidate) == nullptr && find_axis(kernel, candidate) == nullptr) {
      return candidate;
    }
  }
}

// The sums of a row go to a buffer first; what is made of them then runs over neighbours.
Stage split_off_epilogue(Kernel& kernel, const Windows& windows) {
  Stage& multiply = kernel.stages.back();
  Reduction& reduction = *multiply.reduction;
  const Param sums{
      .name = free_name(kernel, "sums"),
      .type = {reduction.dtype, {windows.row.extent * product_of(windows.readers)}, {}}};
  Expr place = axis_expr(windows.row.name);
  for (const Axis& reader : windows.readers) {
    place = place * Expr(reader.extent) + axis_expr(reader.name);
  }
  // Axes of its own, which a schedule can order apart from those of the sums.
  Stage finish{.store = multiply.store};
  AxisMap own;
  std::vector<Axis> axes = {windows.row};
  axes.insert(axes.end(), windows.readers.begin(), windows.readers.end());
  for (const Axis& axis : axes) {
    finish.parallel.push_back({numbered_name(kernel, axis.name), axis.extent});
    own.emplace_back(axis.name, axis_expr(finish.parallel.back().name));
  }
  // The bias, too, is added to neighbours.
  const Expr element = read_expr(sums.name, reduction.dtype, {place}) + reduction.init;
  reduction.init = integer_expr(0, reduction.dtype);
  finish.store->value = rewritten(finish.store->value, [&](const Expr& part) -> Expr {
    return part->kind == ExprKind::local && part->name == reduction.name ? element : Expr();
  });
  finish.store->value = substituted(finish.store->value, own);
  for (Expr& index : finish.store->indices) index = substituted(index, own);
  multiply.store = Store{sums.name, {place}, local_expr(reduction.name, reduction.dtype)};
  kernel.locals.push_back(sums);
  return finish;
}

constexpr int64_t kShift = 128;  // from signed to unsigned bytes

Expr to_unsigned(const Expr& byte) {
  return cast_expr(DType::u8, plus_constant(cast_expr(DType::i32, byte), kShift));
}

// The stage that fills the buffer, and the stage that multiplies.
void unfold(Node& node, Windows windows, KnownValues& known, const Machine& machine) {
  Kernel& kernel = *node.kernel;
  order_taps(find_param(kernel, windows.read->name)->type, windows);
  const int64_t step = product_of(windows.taps);
  const int64_t used = windows.tap.extent * step;
  const int64_t run = padded_run(used, windows.in_groups, machine);
  // Without taps, columns that no window needs are not gathered.
  const int64_t stride = windows.has_taps() ? windows.stride : 1;
  const int64_t span = (windows.row.extent - 1) * stride + (run + step - 1) / step;

  const Stage old = kernel.stages[0];
  std::vector<Axis> run_axes = windows.readers;
  if (windows.has_taps()) run_axes.push_back(windows.tap);
  run_axes.insert(run_axes.end(), windows.taps.begin(), windows.taps.end());
  Shape weight_shape;
  std::vector<Expr> weight_index;
  for (const Axis& axis : windows.readers) {
    weight_shape.push_back(axis.extent);
    weight_index.push_back(axis_expr(axis.name));
  }
  weight_shape.push_back(used);
  const Param weights =
      known.stored(windows.weights, run_axes, weight_shape, run - used, "filters");

  const std::string buffer = free_name(kernel, "rows");
  const Axis position{free_name(kernel, "column"), span}, k{free_name(kernel, "k"), run};
  weight_index.push_back(axis_expr(k.name));

  // Rows outermost, so that what lies above or below the image is decided once a row.
  Stage fill;
  Expr place = axis_expr(position.name) * Expr(step);
  int64_t rest = step;
  for (const Axis& tap : windows.taps) {
    rest /= tap.extent;
    fill.parallel.push_back(tap);
    place = place + axis_expr(tap.name) * Expr(rest);
  }
  fill.parallel.insert(fill.parallel.end() - (windows.taps.empty() ? 0 : 1), position);
  std::vector<Expr> source = windows.read->args;
  if (windows.has_taps()) {
    const int64_t offset = affine_of(source[windows.row_dim])->constant;
    source[windows.row_dim] = plus_constant(axis_expr(position.name), offset);
  } else {
    for (Expr& index : source) {
      index = substituted(index, {{windows.row.name, axis_expr(position.name)}});
    }
  }
  const DType dtype = windows.read.dtype();
  // Columns that only meet weights of 0 may lie beyond the data.
  Expr outside = windows.read->otherwise;
  if (outside.empty() && run > used) outside = integer_expr(0, dtype);
  // Instructions want unsigned data.
  const bool shifts = windows.in_groups && dtype == DType::i8;
  const DType stored = shifts ? DType::u8 : dtype;
  const Expr gathered = read_expr(windows.read->name, dtype, source, outside);
  fill.store = Store{buffer, {place}, shifts ? to_unsigned(gathered) : gathered};

  Stage multiply = old;
  multiply.parallel = windows.readers;
  multiply.parallel.push_back(windows.row);
  multiply.reduce = {k};
  const Expr element = read_expr(
      buffer, stored, {axis_expr(windows.row.name) * Expr(stride * step) + axis_expr(k.name)});
  const Expr data = rewritten(windows.data, [&](const Expr& part) -> Expr {
    if (part->kind == ExprKind::read) return element;
    const bool widens = part->kind == ExprKind::cast && part->args[0]->kind == ExprKind::read;
    return shifts && widens ? plus_constant(cast_expr(part.dtype(), element), -kShift) : Expr();
  });
  multiply.reduction->body =
      rewritten(data, tidied_integers) *
      cast_expr(windows.weights.dtype(), read_expr(weights.name, weights.type.dtype, weight_index));
  kernel.axes = windows.shared;
  kernel.locals.push_back({buffer, {stored, {span * step}, {}}});
  kernel.stages = {fill, multiply};
  if (machine.vector_bytes > 4 && !windows.in_groups)
    kernel.stages.push_back(split_off_epilogue(kernel, windows));
}

// Whether data and weights are already as the instruction wants them.
bool are_groups(const Kernel& kernel, const Windows& windows) {
  const Expr weights = without_cast(windows.weights);
  const bool bytes = windows.read.dtype() == DType::u8 && windows.read->otherwise.empty() &&
                     weights->kind == ExprKind::read && weights.dtype() == DType::i8;
  if (!bytes || windows.taps.empty()) return false;
  const Layout layout = find_param(kernel, windows.read->name)->type.explicit_layout();
  const Axis& run = windows.taps.back();
  int64_t stride = 0;
  for (size_t dim = 0; dim < windows.read->args.size(); ++dim) {
    stride += affine_of(windows.read->args[dim])->of(run.name) * layout.axes[dim].back().stride;
  }
  return stride == 1;
}

// Without windows there is nothing to gather; what follows the sums still gains from neighbours.
void finish_apart(Kernel& kernel, const Windows& windows) {
  Stage& multiply = kernel.stages[0];
  multiply.parallel = windows.readers;
  multiply.parallel.push_back(windows.row);
  kernel.axes = windows.shared;
  kernel.stages.push_back(split_off_epilogue(kernel, windows));
}

void unfold_windows(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) unfold_windows(*region, context);
    if (!node->kernel || node->is_free || node->outputs.size() != 1) continue;
    KnownValues known(graph, *node);
    const std::optional<Windows> windows = windows_of(*node->kernel, known, context.machine);
    if (!windows) continue;
    // Rows that are gathered can also travel in pairs (pair-sums).
    const bool travels = context.machine.vector_bytes <= 4 && context.machine.has_fast_f64;
    if (windows->has_taps() || windows->in_groups || travels) {
      if (!windows->has_taps() && are_groups(*node->kernel, *windows)) continue;
      unfold(*node, *windows, known, context.machine);
    } else if (context.machine.vector_bytes > 4 && windows->read->otherwise.empty()) {
      finish_apart(*node->kernel, *windows);
    }
    drop_unread_inputs(*node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "unfold-windows",
    .level = Level::kernel,
    .summary = "Gather the windows of integer convolutions into contiguous runs.",
    .run = unfold_windows,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
