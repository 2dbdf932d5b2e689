// Cuts boxes of points into rows and the rows into segments along the innermost axis.
#include "ir/row_points.h"

#include <algorithm>

namespace mlfc {
namespace {

// An odometer over the axes of a box. Advancing stays within the innermost axis that moves at all,
// so that whoever asks gets runs as long as that axis.
class Odometer {
 public:
  Odometer(const Box& box, int64_t point, AxisFrame& frame) : frame_(frame) {
    for (const BoxAxis& axis : box.axes) {
      frame_[axis.slot] = 0;
      if (axis.extent != 1) axes_.push_back(axis);
    }
    for (size_t i = axes_.size(); i-- > 0;) {
      frame_[axes_[i].slot] = point % axes_[i].extent;
      point /= axes_[i].extent;
    }
  }
  int inner_slot() const { return axes_.empty() ? -1 : axes_.back().slot; }
  int64_t left_in_run() const {
    return axes_.empty() ? 1 : axes_.back().extent - frame_[axes_.back().slot];
  }
  void advance(int64_t points) {
    if (axes_.empty()) return;
    frame_[axes_.back().slot] += points;
    for (size_t i = axes_.size(); i-- > 0 && frame_[axes_[i].slot] == axes_[i].extent;) {
      frame_[axes_[i].slot] = 0;
      if (i > 0) ++frame_[axes_[i - 1].slot];
    }
  }

 private:
  AxisFrame& frame_;
  std::vector<BoxAxis> axes_;
};

}  // namespace

void Row::restart(int slot_count, int slot, int64_t step) {
  count = 0;
  slots = slot_count;
  segments.clear();
  starts.clear();
  steps.assign(static_cast<size_t>(slot_count), 0);
  if (slot >= 0) steps[slot] = step;
}

void Row::append(const AxisFrame& start, int points) {
  segments.push_back({count, points});
  starts.insert(starts.end(), start.begin(), start.end());
  count += points;
}

void Row::fix(int slot, int64_t value) {
  for (size_t segment = 0; segment < segments.size(); ++segment) {
    starts[segment * slots + slot] = value;
  }
}

void Row::frame_of(int point, AxisFrame& frame) const {
  size_t segment = segments.size() - 1;
  while (segments[segment].first > point) --segment;
  const int64_t distance = point - segments[segment].first;
  frame.resize(static_cast<size_t>(slots));
  for (int slot = 0; slot < slots; ++slot) {
    frame[slot] = start(segment)[slot] + distance * steps[slot];
  }
}

Row row_of(const AxisFrame& frame) {
  Row row;
  row.restart(static_cast<int>(frame.size()), -1, 0);
  row.append(frame, 1);
  return row;
}

int64_t Box::points() const {
  int64_t product = 1;
  for (const BoxAxis& axis : axes) product *= axis.extent;
  return product;
}

void for_each_row(const Box& box, int64_t first, int64_t last, const AxisFrame& frame,
                  const std::function<void(int64_t point, Row& row)>& visit) {
  if (first >= last) return;
  AxisFrame current = frame;
  Odometer odometer(box, first, current);
  Row row;
  for (int64_t point = first; point < last;) {
    const int64_t row_first = point;
    row.restart(static_cast<int>(frame.size()), odometer.inner_slot(), 1);
    while (row.count < row_capacity && point < last) {
      const int64_t points =
          std::min({odometer.left_in_run(), int64_t{row_capacity} - row.count, last - point});
      row.append(current, static_cast<int>(points));
      odometer.advance(points);
      point += points;
    }
    visit(row_first, row);
  }
}

void for_each_point(const Box& box, AxisFrame& frame, const std::function<void()>& visit) {
  const int64_t points = box.points();
  if (points == 0) return;
  Odometer odometer(box, 0, frame);
  for (int64_t point = 0; point < points; ++point) {
    visit();
    odometer.advance(1);
  }
}

}  // namespace mlfc
