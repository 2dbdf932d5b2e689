// Points of an iteration space, handed out in rows of a few hundred. The interpreters evaluate an
// expression over a whole row at a time, so that the cost of deciding what to do is paid once per
// row and not once per element.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace mlfc {

inline constexpr int row_capacity = 256;

/// The values of all axes at one point; every axis has a slot.
using AxisFrame = std::vector<int64_t>;

/// Up to row_capacity points. They fall into segments; within a segment every axis advances by a
/// constant step from point to point, so that an affine index does, too.
struct Row {
  struct Segment {
    int first = 0;
    int count = 0;
  };
  int count = 0;
  int slots = 0;
  std::vector<Segment> segments = {};
  std::vector<int64_t> starts = {};  ///< axis values at the start of each segment: segments x slots
  std::vector<int64_t> steps = {};   ///< per slot

  /// Forgets all points; afterwards only `slot` advances (by `step`), or nothing when -1.
  void restart(int slot_count, int slot, int64_t step);
  void append(const AxisFrame& start, int points);
  const int64_t* start(size_t segment) const { return starts.data() + segment * slots; }
  /// Gives an axis that does not advance one value at all points.
  void fix(int slot, int64_t value);
  /// The axis values of one point.
  void frame_of(int point, AxisFrame& frame) const;
};

/// A single point.
Row row_of(const AxisFrame& frame);

struct BoxAxis {
  int slot = 0;
  int64_t extent = 1;
};

/// A rectangular space of points: one axis after the other, the last one varying fastest.
struct Box {
  std::vector<BoxAxis> axes = {};
  int64_t points() const;
};

/// Visits the points first .. last-1 of the box in order. `frame` holds the values of all other
/// axes. `visit` gets the number of the row's first point.
void for_each_row(const Box& box, int64_t first, int64_t last, const AxisFrame& frame,
                  const std::function<void(int64_t point, Row& row)>& visit);

/// Sets the axes of the box in `frame` to each of its points in turn.
void for_each_point(const Box& box, AxisFrame& frame, const std::function<void()>& visit);

}  // namespace mlfc
