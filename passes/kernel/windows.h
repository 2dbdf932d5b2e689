// The windows that a convolution of integers - or anything that sums products like one - slides
// over its data: which axes choose a window, which walk through it, and which share it.
#pragma once

#include <optional>
#include <vector>

#include "ir/machine.h"
#include "passes/kernel/known_values.h"

namespace mlfc {

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
  int64_t offset = 0;              ///< taken off the weights, which then fit signed bytes
  Axis channel = {};               ///< neighbours with windows and weights of their own: g

  bool has_taps() const { return !tap.name.empty(); }
  bool has_channels() const { return !channel.name.empty(); }
};

/// The windows of a kernel of one stage; nullopt when it has another form, or gathering them would
/// not pay.
std::optional<Windows> windows_of(const Kernel& kernel, const KnownValues& known,
                                  const Machine& machine);

/// Puts taps along which neighbours are stored last.
void order_taps(const TensorType& type, Windows& windows);
/// Whether the data are already as an instruction that multiplies groups wants them.
bool has_grouped_data(const Kernel& kernel, const Windows& windows);
int64_t product_of(const std::vector<Axis>& axes);

}  // namespace mlfc
