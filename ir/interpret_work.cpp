// How much work it is to interpret a node, so that constant folding can tell a weight that wants to
// be transposed from a small file that asks for a day of arithmetic.
#include <algorithm>

#include "ir/interpret.h"
#include "ir/operator.h"

namespace mlfc {
namespace {

constexpr int64_t most_points = int64_t{1} << 60;

int64_t times(int64_t a, int64_t b) {
  return b > 0 && a > most_points / b ? most_points : a * b;
}

int64_t plus(int64_t a, int64_t b) {
  return std::min(most_points, a + b);
}

int64_t points_of(const std::vector<Axis>& axes) {
  int64_t points = 1;
  for (const Axis& axis : axes) points = times(points, axis.extent);
  return points;
}

int64_t points_of(const Kernel& kernel) {
  const int64_t shared = points_of(kernel.axes);
  int64_t points = 1;
  for (const Stage& stage : kernel.stages) {
    const int64_t inner = times(points_of(stage.parallel), points_of(stage.reduce));
    points = plus(points, times(shared, inner));
  }
  return points;
}

int64_t elements_of(const std::vector<Value*>& values) {
  int64_t elements = 1;
  for (const Value* value : values) {
    if (value != nullptr) elements = plus(elements, value->type.plain().storage_elements());
  }
  return elements;
}

}  // namespace

int64_t interpreted_points(const Node& node) {
  const bool is_lowered = node.kernel || node.proc;
  const int64_t elements = plus(elements_of(node.inputs), elements_of(node.outputs));
  if (node.kernel) return points_of(*node.kernel);
  if (!is_lowered && node.op->kernel != nullptr) return points_of(node.op->kernel(node));
  if (is_lowered || node.op->expand == nullptr) return elements;
  // A few kernels in a row; a product of matrices may be one of them.
  return times(elements_of(node.inputs), elements_of(node.outputs));
}

}  // namespace mlfc
