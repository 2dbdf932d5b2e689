// The mean of each window. Padding counts as zeros with count_include_pad and not at all without;
// what a partial window of ceil_mode reaches beyond the padding never counts. The mean of integers
// is rounded to the nearest one, halves away from zero.
#include <algorithm>

#include "ir/ops/elementwise.h"
#include "ir/ops/window.h"

namespace mlfc {
namespace {

std::vector<Window> pool_windows(const Node& node) {
  return windows_of(node, node.input(0).type.shape, node.integers("kernel_shape"),
                    node.integer("ceil_mode") != 0);
}

std::vector<TensorType> infer(const Node& node) {
  const TensorType& x = node.input(0).type;
  check_accepts(node, 0, Accepts::numbers);
  if (x.rank() < 3) fail(node, "x must have at least 3 dimensions but is ", x);
  return {{x.dtype, windowed_shape(x.shape[0], x.shape[1], pool_windows(node))}};
}

/// How many taps of the window at output position `at` count along one axis.
Expr counted_taps(const Window& window, const Expr& at, bool include_pad) {
  const int64_t first = include_pad ? -window.pad_begin : 0;
  const int64_t end = window.input + (include_pad ? window.pad_end : 0);
  const int64_t last_start = (window.output - 1) * window.stride - window.pad_begin;
  const bool all_count = -window.pad_begin >= first && last_start + window.reach() <= end;
  if (all_count) return Expr(window.taps);

  const Expr start = window.place(at, 0);
  if (window.dilation == 1) {
    const bool whole_at_start = -window.pad_begin >= first;
    const Expr from = whole_at_start ? start : max_expr(start, Expr(first));
    return min_expr(start + Expr(window.taps), Expr(end)) - from;
  }
  // Taps t with first <= start + t * dilation < end.
  const Expr dilation = window.dilation;
  const Expr before = max_expr(floor_div(Expr(first + window.dilation - 1) - start, dilation), 0);
  const Expr inside =
      min_expr(floor_div(Expr(end + window.dilation - 1) - start, dilation), Expr(window.taps));
  return inside - before;
}

/// sum / count to the nearest integer: half the count is added on the side of zero the sum is on.
Expr rounded_mean(const Expr& sum, const Expr& count) {
  const Expr divisor = cast_expr(DType::i32, count);
  const Expr half = divisor / with_dtype(2, DType::i32);
  return select_expr(less(with_dtype(0, DType::i32), sum), sum + half, sum - half) / divisor;
}

Kernel kernel(const Node& node) {
  const std::vector<Window> windows = pool_windows(node);
  const TensorType& y = node.output().type;
  const int spatial = static_cast<int>(windows.size());
  const auto out_names = spatial_names("o", spatial);
  const auto tap_names = spatial_names("k", spatial);
  const bool include_pad = node.integer("count_include_pad") != 0;

  KernelBuilder k(node);
  Reducer acc(k);
  const Expr n = parallel_axis(k, "n", y.shape[0]);
  const Expr c = parallel_axis(k, "c", y.shape[1]);
  std::vector<Expr> place = {n, c};
  std::vector<Expr> result = {n, c};
  Expr count = 1;
  for (int i = 0; i < spatial; ++i) {
    const Expr at = parallel_axis(k, out_names[i], windows[i].output);
    place.push_back(windows[i].place(at, acc.axis(tap_names[i], windows[i].taps)));
    result.push_back(at);
    count = count * counted_taps(windows[i], at, include_pad);
  }
  Expr pixel = k.in(0).at(place);
  if (leaves_input(windows)) pixel = pixel.or_else(0);
  if (is_integer(y.dtype)) {
    const Expr sum = acc.result(Combine::sum, cast_expr(DType::i32, pixel));
    k.store(k.out().at(result), cast_expr(y.dtype, rounded_mean(sum, count)));
    return k.done();
  }
  const Expr sum = acc.result(Combine::sum, pixel);
  const bool same_everywhere = count->kind == ExprKind::constant;
  const Expr divisor = same_everywhere ? Expr(static_cast<double>(integer_value(count)))
                                       : cast_expr(compute_dtype(y.dtype), count);
  k.store(k.out().at(result), sum / divisor);
  return k.done();
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = window_attributes();
  specs.push_back(integer("ceil_mode", 0));
  specs.push_back(integer("count_include_pad", 0));
  return specs;
}

/// Dilations are new, and ones say nothing; what older tools do not know is not written for that.
void offer(ForeignNode& node) {
  const auto found = node.attributes.find("dilations");
  if (found == node.attributes.end()) return;
  const auto* dilations = std::get_if<std::vector<int64_t>>(&found->second);
  const bool says_nothing =
      dilations != nullptr && std::ranges::all_of(*dilations, [](int64_t d) { return d == 1; });
  if (says_nothing) node.attributes.erase(found);
  if (!says_nothing) node.opset = 19;
}

const Operator average_pool{
    .name = "average_pool",
    .summary = "Mean of each window.",
    .onnx = {"AveragePool"},
    .inputs = {"x"},
    .attributes = attributes(),
    .offer = offer,
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{average_pool};

}  // namespace
}  // namespace mlfc
