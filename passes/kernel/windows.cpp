// See the header.
#include "passes/kernel/windows.h"

#include <algorithm>

#include "ir/affine.h"
#include "passes/kernel/nibbles.h"
#include "passes/kernel/scaled_form.h"

namespace mlfc {
namespace {

// Fewer products than this are not worth a buffer, nor are buffers larger than the limit.
constexpr int64_t kShortestRun = 16;
constexpr int64_t kShortestGroups = 8;  // where instructions multiply groups of bytes
constexpr int64_t kLargestBuffer = int64_t{1} << 18;
constexpr int64_t kFewestReaders = 4;  // outputs that share a window
constexpr int64_t kFewestChannels = 16;

Expr without_constant(const Expr& expr) {
  const bool is_sum = is_call(expr, "add") || is_call(expr, "sub");
  return is_sum && expr->args[1]->kind == ExprKind::constant ? expr->args[0] : expr;
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
    const Axis* outer = find_axis(kernel.axes, name);
    const Axis* inner = find_axis(stage.reduce, name);
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
    if (find_axis(axes, axes[i].name) != &axes[i]) return true;
  }
  return false;
}

// The axis that chooses both the data and their weights, and along which data are neighbours; it is
// none of those that choose rows. False when weights are chosen in other ways.
bool take_channel(const Kernel& kernel, Windows& windows) {
  const auto found = std::find_if(windows.shared.begin(), windows.shared.end(), [&](const Axis& a) {
    return mentions_axis(windows.weights, a.name);
  });
  if (found == windows.shared.end()) return false;
  windows.channel = *found;
  windows.shared.erase(found);
  const Layout layout = find_param(kernel, windows.read->name)->type.explicit_layout();
  for (size_t dim = 0; dim < windows.read->args.size(); ++dim) {
    const int64_t step = affine_of(windows.read->args[dim])->of(windows.channel.name);
    if (step * layout.axes[dim].back().stride == 1) return true;
  }
  return false;
}

// i32(x[...]), perhaps with a constant added.
bool is_shifted_read(const Expr& data) {
  const Expr plain = without_constant(data);
  return plain->kind == ExprKind::cast && plain.dtype() == DType::i32 &&
         plain->args[0]->kind == ExprKind::read;
}

// Gives every axis its part; false when one has another.
bool sort_axes(const Kernel& kernel, Windows& windows) {
  // Neither the sum's start nor the factors may look at reduced axes in other ways.
  for (size_t dim = 0; dim < windows.read->args.size(); ++dim) {
    const std::optional<Affine> index = affine_of(windows.read->args[dim]);
    if (!index || !sort_axes_of(kernel, *index, dim, windows)) return false;
  }
  if (windows.row.name.empty() && !windows.shared.empty()) {
    windows.row = windows.shared.back();
    windows.shared.pop_back();
  }
  if (windows.row.name.empty()) return false;
  std::vector<Axis> reduced = windows.taps, chosen = windows.shared;
  if (windows.has_taps()) reduced.push_back(windows.tap);
  chosen.push_back(windows.row);
  const bool all = reduced.size() == kernel.stages[0].reduce.size();
  if (names_repeat(reduced) || names_repeat(chosen) || !all) return false;
  for (const Axis& axis : kernel.axes) {
    if (find_axis(chosen, axis.name) == nullptr) windows.readers.push_back(axis);
  }
  const auto chooses_weights = [&](const Axis& axis) {
    return mentions_axis(windows.weights, axis.name);
  };
  // Groups have weights of their own; one run of weights would not do for all windows.
  if (std::none_of(chosen.begin(), chosen.end(), chooses_weights)) return true;
  return take_channel(kernel, windows) && !chooses_weights(windows.row) &&
         std::none_of(windows.shared.begin(), windows.shared.end(), chooses_weights);
}

// Whether what gathering costs comes back.
bool pays(const Windows& windows, const Machine& machine) {
  const int64_t span = (windows.row.extent - 1) * windows.stride + windows.tap.extent;
  const int64_t buffer = span * product_of(windows.taps) * windows.channel.extent;
  if (buffer > kLargestBuffer) return false;
  if (windows.has_channels()) {
    return windows.in_groups && windows.offset == 0 && windows.has_taps() &&
           windows.readers.empty() && windows.channel.extent >= kFewestChannels &&
           windows.channel.extent % machine.dot_bytes == 0;
  }
  const int64_t run = windows.tap.extent * product_of(windows.taps);
  const int64_t shortest = windows.in_groups ? kShortestGroups : kShortestRun;
  return run >= shortest && product_of(windows.readers) >= kFewestReaders;
}

}  // namespace

int64_t product_of(const std::vector<Axis>& axes) {
  int64_t product = 1;
  for (const Axis& axis : axes) product *= axis.extent;
  return product;
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
  if (!sums || !find_factors(kernel, known, windows) || !sort_axes(kernel, windows)) {
    return std::nullopt;
  }
  const auto [least, most] = known.extremes(windows.weights);
  // Weights of four bits are taken apart in lanes, which want no runs.
  const bool in_nibbles = fits_nibbles(least, most, INT64_MAX);
  if (in_nibbles && machine.vector_bytes > 4) return std::nullopt;
  windows.in_groups = machine.dot_bytes > 1 && bytes_of(windows.read.dtype()) == 1 &&
                      stage.reduction->dtype == DType::i32 && is_shifted_read(windows.data) &&
                      most - least <= 255;
  const bool fits_bytes = least >= -128 && most <= 127;
  if (windows.in_groups && !fits_bytes) windows.offset = static_cast<int64_t>(least) + 128;
  return pays(windows, machine) ? std::optional(windows) : std::nullopt;
}

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

bool has_grouped_data(const Kernel& kernel, const Windows& windows) {
  if (windows.read.dtype() != DType::u8 || !windows.read->otherwise.empty()) return false;
  if (windows.has_taps() || windows.taps.empty()) return false;
  const Layout layout = find_param(kernel, windows.read->name)->type.explicit_layout();
  const Axis& run = windows.taps.back();
  int64_t stride = 0;
  for (size_t dim = 0; dim < windows.read->args.size(); ++dim) {
    stride += affine_of(windows.read->args[dim])->of(run.name) * layout.axes[dim].back().stride;
  }
  return stride == 1;
}

}  // namespace mlfc
