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
// of unsigned by signed bytes, the buffer also makes signed data unsigned, windows or not. Weights
// that are no signed bytes, for their zero point is not in the middle, are moved until they are;
// the sum of each window, made once for all outputs that share it, makes up for it:
//
//   sum of x * (w + 10)  =  sum of x * w  +  10 * sum of x
#include "ir/affine.h"
#include "passes/kernel/fusion.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/scaled_form.h"
#include "passes/kernel/stages.h"
#include "passes/kernel/windows.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

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
  Stage finish{.parallel = {windows.row}, .store = multiply.store};
  finish.parallel.insert(finish.parallel.end(), windows.readers.begin(), windows.readers.end());
  // The bias, too, is added to neighbours.
  const Expr element = read_expr(sums.name, reduction.dtype, {place}) + reduction.init;
  reduction.init = integer_expr(0, reduction.dtype);
  finish.store->value = rewritten(finish.store->value, [&](const Expr& part) -> Expr {
    return part->kind == ExprKind::local && part->name == reduction.name ? element : Expr();
  });
  finish = over_own_axes(kernel, finish);
  multiply.store = Store{sums.name, {place}, local_expr(reduction.name, reduction.dtype)};
  kernel.locals.push_back(sums);
  return finish;
}

// The buffer: columns of `step` elements, in which a window is a run of `run` elements.
struct Buffer {
  std::string name = {};
  DType dtype = DType::none;
  Axis column = {};
  Axis k = {};       ///< through a window
  int64_t used = 0;  ///< elements of a window; the run may be longer
  int64_t step = 1;
  int64_t stride = 1;  ///< columns from one window to the next

  bool is_padded() const { return k.extent > used; }
};

Buffer buffer_of(const Kernel& kernel, const Windows& windows, const Machine& machine) {
  Buffer buffer{.name = free_name(kernel, "rows"), .step = product_of(windows.taps)};
  buffer.used = windows.tap.extent * buffer.step;
  const int64_t run = padded_run(buffer.used, windows.in_groups, machine);
  // Without taps, columns that no window needs are not gathered.
  if (windows.has_taps()) buffer.stride = windows.stride;
  const int64_t columns =
      (windows.row.extent - 1) * buffer.stride + (run + buffer.step - 1) / buffer.step;
  buffer.column = {free_name(kernel, "column"), columns};
  buffer.k = {free_name(kernel, "k"), run};
  const DType dtype = windows.read.dtype();
  buffer.dtype = windows.in_groups && dtype == DType::i8 ? DType::u8 : dtype;
  return buffer;
}

constexpr int64_t kShift = 128;  // from signed to unsigned bytes

// The data that belong into the buffer's column.
Expr gathered(const Windows& windows, const Buffer& buffer) {
  std::vector<Expr> source = windows.read->args;
  const Expr column = axis_expr(buffer.column.name);
  if (windows.has_taps()) {
    Expr& index = source[windows.row_dim];
    index = plus_constant(column, affine_of(index)->constant);
  } else {
    for (Expr& index : source) index = substituted(index, {{windows.row.name, column}});
  }
  const DType dtype = windows.read.dtype();
  // Columns that only meet weights of 0 may lie beyond the data.
  Expr outside = windows.read->otherwise;
  if (outside.empty() && buffer.is_padded()) outside = integer_expr(0, dtype);
  const Expr data = read_expr(windows.read->name, dtype, source, outside);
  if (buffer.dtype == dtype) return data;
  return cast_expr(DType::u8, plus_constant(cast_expr(DType::i32, data), kShift));
}

// Where an element of a column is kept: the last tap's neighbours are neighbours.
Expr place_of(const Windows& windows, const Buffer& buffer, const Expr& column) {
  Expr place = column * Expr(buffer.step);
  int64_t rest = buffer.step;
  for (const Axis& tap : windows.taps) {
    rest /= tap.extent;
    place = place + axis_expr(tap.name) * Expr(rest);
  }
  return place;
}

// Rows outermost, so that what lies above or below the image is decided once a row.
Stage filling(const Windows& windows, const Buffer& buffer) {
  Stage fill{.parallel = windows.taps};
  const Expr place = place_of(windows, buffer, axis_expr(buffer.column.name));
  fill.parallel.insert(fill.parallel.end() - (windows.taps.empty() ? 0 : 1), buffer.column);
  fill.store = Store{buffer.name, {place}, gathered(windows, buffer)};
  return fill;
}

// The weights in the order of the buffer, one run for every reader.
Expr filters(const Windows& windows, const Buffer& buffer, KnownValues& known) {
  std::vector<Axis> axes = windows.readers;
  if (windows.has_taps()) axes.push_back(windows.tap);
  axes.insert(axes.end(), windows.taps.begin(), windows.taps.end());
  Shape shape;
  std::vector<Expr> index;
  for (const Axis& axis : windows.readers) {
    shape.push_back(axis.extent);
    index.push_back(axis_expr(axis.name));
  }
  shape.push_back(buffer.used);
  index.push_back(axis_expr(buffer.k.name));
  const int64_t padding = buffer.k.extent - buffer.used;
  const Param param = known.stored(windows.weights, axes, shape, padding, "filters");
  return cast_expr(windows.weights.dtype(), read_expr(param.name, param.type.dtype, index));
}

// The data as they are in the buffer.
Expr buffered(const Windows& windows, const Buffer& buffer, const Expr& element) {
  const bool shifted = buffer.dtype != windows.read.dtype();
  const Expr data = rewritten(windows.data, [&](const Expr& part) -> Expr {
    if (part->kind == ExprKind::read) return element;
    const bool widens = part->kind == ExprKind::cast && part->args[0]->kind == ExprKind::read;
    return shifted && widens ? plus_constant(cast_expr(part.dtype(), element), -kShift) : Expr();
  });
  return rewritten(data, tidied_integers);
}

Stage multiplying(const Stage& old, const Windows& windows, const Buffer& buffer,
                  const Expr& weights) {
  Stage multiply = old;
  multiply.parallel = windows.readers;
  multiply.parallel.push_back(windows.row);
  multiply.reduce = {buffer.k};
  const Expr place =
      axis_expr(windows.row.name) * Expr(buffer.stride * buffer.step) + axis_expr(buffer.k.name);
  const Expr element = read_expr(buffer.name, buffer.dtype, {place});
  multiply.reduction->body = buffered(windows, buffer, element) * weights;
  return multiply;
}

// The sum of every window of the row, times what is missing in its weights.
Stage totalling(const Kernel& kernel, const Windows& windows, const std::vector<Axis>& reduce,
                const Param& totals) {
  const Stage& multiply = kernel.stages.back();
  const std::string name = "total";
  Stage total{.parallel = {windows.row}, .reduce = reduce};
  const Expr zero = integer_expr(0, DType::i32);
  total.reduction = Reduction{
      .name = name, .dtype = DType::i32, .init = zero, .body = multiply.reduction->body->args[0]};
  total.store = Store{totals.name,
                      {axis_expr(windows.row.name)},
                      local_expr(name, DType::i32) * integer_expr(windows.offset, DType::i32)};
  return over_own_axes(kernel, total);
}

// Before the stage that multiplies, the last one, a stage of totals; what it stores takes them in.
void add_totals(Kernel& kernel, const Windows& windows, const std::vector<Axis>& reduce) {
  Stage& multiply = kernel.stages.back();
  const Param totals{.name = free_name(kernel, "totals"),
                     .type = {DType::i32, {windows.row.extent}, {}}};
  const Stage total = totalling(kernel, windows, reduce, totals);
  const Expr sum = local_expr(multiply.reduction->name, DType::i32);
  const Expr missing = read_expr(totals.name, DType::i32, {axis_expr(windows.row.name)});
  multiply.store->value = rewritten(multiply.store->value, [&](const Expr& part) -> Expr {
    if (same(part, sum)) return sum + missing;
    // The bias stays beside the sum, where fold-zero-points finds it.
    const bool adds_bias = is_call(part, "add") && same(part->args[0], sum + missing);
    return adds_bias ? sum + part->args[1] + missing : Expr();
  });
  kernel.locals.push_back(totals);
  kernel.stages.insert(kernel.stages.end() - 1, total);
}

void unfold(Kernel& kernel, Windows windows, KnownValues& known, const Machine& machine) {
  order_taps(find_param(kernel, windows.read->name)->type, windows);
  const Buffer buffer = buffer_of(kernel, windows, machine);
  windows.weights = plus_constant(windows.weights, -windows.offset);
  const Expr weights = filters(windows, buffer, known);
  const Stage old = kernel.stages[0];
  kernel.axes = windows.shared;
  kernel.locals.push_back({buffer.name, {buffer.dtype, {buffer.column.extent * buffer.step}, {}}});
  kernel.stages = {filling(windows, buffer), multiplying(old, windows, buffer, weights)};
  // What lies between one window and the next run meets weights of 0, and is not counted.
  if (windows.offset != 0) add_totals(kernel, windows, {{buffer.k.name, buffer.used}});
  const bool finishes_apart = machine.vector_bytes > 4 && !windows.in_groups;
  if (finishes_apart) kernel.stages.push_back(split_off_epilogue(kernel, windows));
}

// Cuts an axis of the stage into groups of as many as an instruction takes.
void cut_into_groups(Kernel& kernel, const Windows& windows, KnownValues& known, int64_t group) {
  Stage& stage = kernel.stages[0];
  const Axis& channel = windows.channel;
  const Axis outer{free_name(kernel, channel.name + "_group"), channel.extent / group};
  const Axis inner{free_name(kernel, channel.name + "_byte"), group};
  std::vector<Axis> axes = {channel};
  Shape shape = {outer.extent, inner.extent};
  std::vector<Expr> index = {axis_expr(outer.name), axis_expr(inner.name)};
  for (const Axis& axis : stage.reduce) {
    axes.push_back(axis);
    shape.push_back(axis.extent);
    index.push_back(axis_expr(axis.name));
  }
  const Param filters = known.stored(windows.weights, axes, shape, 0, "filters");
  const AxisMap cut = {{channel.name, index[0] * Expr(group) + index[1]}};
  stage.parallel = {outer, inner, windows.row};
  stage.reduction->body = substituted(stage.reduction->body->args[0], cut) *
                          cast_expr(DType::i32, read_expr(filters.name, filters.type.dtype, index));
  for (Expr& place : stage.store->indices) place = substituted(place, cut);
}

// Channels with windows of their own stay side by side in the buffer, columns of all channels after
// one another. An instruction sums the byte-th of every four neighbours at once, so that the byte
// is an axis of the sums; neighbours meet again in what follows.
void unfold_channels(Kernel& kernel, Windows windows, KnownValues& known, const Machine& machine) {
  const Axis channel = windows.channel;
  windows.taps.push_back(channel);
  Buffer buffer{.name = free_name(kernel, "rows"), .dtype = DType::u8};
  buffer.step = product_of(windows.taps);
  buffer.stride = windows.stride;
  buffer.column = {free_name(kernel, "column"),
                   (windows.row.extent - 1) * windows.stride + windows.tap.extent};
  const Stage fill = filling(windows, buffer);

  Stage& multiply = kernel.stages[0];
  const Expr column =
      axis_expr(windows.row.name) * Expr(windows.stride) + axis_expr(windows.tap.name);
  const Expr element = read_expr(buffer.name, buffer.dtype, {place_of(windows, buffer, column)});
  multiply.reduction->body = buffered(windows, buffer, element) * windows.weights;
  windows.readers = {channel};
  kernel.axes = windows.shared;
  kernel.stages.push_back(split_off_epilogue(kernel, windows));
  cut_into_groups(kernel, windows, known, machine.dot_bytes);
  kernel.locals.push_back({buffer.name, {DType::u8, {buffer.column.extent * buffer.step}, {}}});
  kernel.stages.insert(kernel.stages.begin(), over_own_axes(kernel, fill));
}

// The kernel's one stage makes all outputs of a row, as further stages will.
Stage& over_rows(Kernel& kernel, const Windows& windows) {
  Stage& stage = kernel.stages[0];
  stage.parallel = windows.readers;
  stage.parallel.push_back(windows.row);
  kernel.axes = windows.shared;
  return stage;
}

// Without windows there is nothing to gather, and the weights may be all that is in the wrong
// place.
void center_weights(Kernel& kernel, const Windows& windows, KnownValues& known) {
  if (windows.offset == 0) return;
  const Expr weights =
      known.precomputed(plus_constant(windows.weights, -windows.offset), "centered");
  Stage& multiply = over_rows(kernel, windows);
  multiply.reduction->body = windows.data * weights;
  add_totals(kernel, windows, multiply.reduce);
}

// Without windows there is nothing to gather; what follows the sums still gains from neighbours.
void finish_apart(Kernel& kernel, const Windows& windows) {
  over_rows(kernel, windows);
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
    if (windows->has_channels()) {
      unfold_channels(*node->kernel, *windows, known, context.machine);
    } else if (windows->in_groups && has_grouped_data(*node->kernel, *windows)) {
      center_weights(*node->kernel, *windows, known);
    } else if (windows->has_taps() || windows->in_groups || travels) {
      unfold(*node->kernel, *windows, known, context.machine);
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
