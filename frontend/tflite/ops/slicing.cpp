// Operators that take elements out of tensors or put them in, at places known or computed.
#include <algorithm>
#include <limits>

#include "frontend/tflite/ops/moving.h"

namespace mlfc {
namespace {

void slice(TfliteNode& node) {
  check_same_scale(node, 0);
  const std::vector<int64_t> begins = node.constant_integers(1);
  const std::vector<int64_t> sizes = node.constant_integers(2);
  const Shape& shape = node.shape(0);
  if (begins.size() != shape.size() || sizes.size() != shape.size()) {
    fail(node, "begins at ", Shape(begins), " with sizes ", Shape(sizes), " in a tensor ", shape);
  }
  std::vector<int64_t> ends;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t end = sizes[i] < 0 ? shape[i] : begins[i] + sizes[i];
    if (begins[i] < 0 || end < begins[i] || end > shape[i]) {
      fail(node, "takes [", begins[i], ", ", end, ") of dimension ", i, " of ", shape);
    }
    ends.push_back(end);
  }
  node.set_output(0, node.add("slice", {&node.input(0), &node.integers_constant(begins),
                                        &node.integers_constant(ends)}));
}

/// Where a strided slice begins, ends and steps along each dimension of its input, and the shape of
/// what it takes before and after dimensions are dropped and added.
struct StridedSlice {
  std::vector<int64_t> begins = {}, ends = {}, steps = {};
  Shape result = {};
};

class StridedSliceReader {
 public:
  explicit StridedSliceReader(TfliteNode& node)
      : node_(node),
        shape_(node.shape(0)),
        begins_(node.constant_integers(1)),
        ends_(node.constant_integers(2)),
        steps_(node.constant_integers(3)) {
    if (ends_.size() != begins_.size() || steps_.size() != begins_.size()) {
      fail(node, "its begins, ends and strides are not equally many");
    }
  }

  /// The entries of the three lists belong to dimensions in order, except that an entry marked as
  /// new belongs to none, and one marked as ellipsis to as many as are left.
  StridedSlice read() {
    for (size_t i = 0; i < begins_.size(); ++i) {
      if (is_set("ellipsis_mask", i)) {
        const size_t later = entries_of_dimensions(i + 1);
        while (dimension_ + later < shape_.size()) take_all();
      } else if (is_set("new_axis_mask", i)) {
        slice_.result.push_back(1);
      } else {
        take(i);
      }
    }
    while (dimension_ < shape_.size()) take_all();
    return std::move(slice_);
  }

 private:
  bool is_set(const char* mask, size_t entry) const {
    return entry < 32 && ((node_.integer(mask) >> entry) & 1) != 0;
  }

  size_t entries_of_dimensions(size_t from) const {
    size_t count = 0;
    for (size_t i = from; i < begins_.size(); ++i) {
      if (!is_set("new_axis_mask", i) && !is_set("ellipsis_mask", i)) ++count;
    }
    return count;
  }

  void add(int64_t begin, int64_t end, int64_t step) {
    slice_.begins.push_back(begin);
    slice_.ends.push_back(end);
    slice_.steps.push_back(step);
    ++dimension_;
  }

  void take_all() {
    slice_.result.push_back(shape_[dimension_]);
    add(0, shape_[dimension_], 1);
  }

  void take(size_t entry) {
    if (dimension_ >= shape_.size()) {
      fail(node_, "slices more dimensions than ", shape_, " has");
    }
    const int64_t extent = shape_[dimension_];
    const int64_t step = steps_[entry];
    if (step == 0) fail(node_, "has a stride of 0 in dimension ", dimension_);
    const int64_t first = step > 0 ? 0 : -1;
    const int64_t last = step > 0 ? extent : extent - 1;
    const auto place = [&](int64_t index) {
      return std::clamp(index < 0 ? index + extent : index, first, last);
    };
    if (is_set("shrink_axis_mask", entry)) {
      const int64_t index = begins_[entry] < 0 ? begins_[entry] + extent : begins_[entry];
      if (index < 0 || index >= extent) {
        fail(node_, "takes element ", begins_[entry], " of dimension ", dimension_, " of ", shape_);
      }
      add(index, index + 1, 1);
      return;
    }
    int64_t end = ends_[entry];
    if (node_.flag("offset")) end += begins_[entry];
    const int64_t backward = step > 0 ? 0 : extent - 1;
    const int64_t forward = step > 0 ? extent : -1;
    const int64_t begin_at = is_set("begin_mask", entry) ? backward : place(begins_[entry]);
    const int64_t end_at = is_set("end_mask", entry) ? forward : place(end);
    const int64_t distance = step > 0 ? end_at - begin_at : begin_at - end_at;
    const int64_t stride = step > 0 ? step : -step;
    slice_.result.push_back(distance <= 0 ? 0 : (distance + stride - 1) / stride);
    // Our slices count a negative end from the back; "before the first" is far below.
    add(begin_at, end_at < 0 ? std::numeric_limits<int64_t>::min() / 2 : end_at, step);
  }

  TfliteNode& node_;
  const Shape shape_;
  const std::vector<int64_t> begins_, ends_, steps_;
  size_t dimension_ = 0;
  StridedSlice slice_ = {};
};

void strided_slice(TfliteNode& node) {
  check_same_scale(node, 0);
  const StridedSlice slice = StridedSliceReader(node).read();
  std::vector<int64_t> axes;
  for (size_t i = 0; i < slice.begins.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  Value& taken =
      node.add("slice", {&node.input(0), &node.integers_constant(slice.begins),
                         &node.integers_constant(slice.ends), &node.integers_constant(axes),
                         &node.integers_constant(slice.steps)});
  node.set_output(0, node.reshaped(taken, slice.result));
}

/// Slices along `axis` at computed places. With batch dimensions, each batch has its own places:
/// the axis is moved behind the batch, where gather_nd finds it.
void gather(TfliteNode& node) {
  check_same_scale(node, 0);
  Value& x = node.input(0);
  Value& places = node.input(1);
  const int rank = x.type.rank();
  const int64_t axis = axis_in(node, node.integer("axis"), rank);
  const int64_t batch = axis_in(node, node.integer("batch_dims"), places.type.rank() + 1);
  if (batch == 0) {
    node.set_output(0, node.add("gather", {&x, &places}, {{"axis", axis}}));
    return;
  }
  if (axis < batch) fail(node, "its axis ", axis, " lies among its ", batch, " batch dimensions");
  std::vector<int64_t> forth;
  for (int64_t i = 0; i < rank; ++i) forth.push_back(i);
  std::rotate(forth.begin() + batch, forth.begin() + axis, forth.begin() + axis + 1);
  Shape lists = places.type.shape;
  lists.push_back(1);
  Value& taken = node.add("gather_nd", {&node.transposed(x, forth), &node.reshaped(places, lists)},
                          {{"batch_dims", batch}});
  // Now batch, places, what was between batch and axis, and the rest.
  const int64_t between = axis - batch;
  const int64_t found = places.type.rank() - batch;
  std::vector<int64_t> back;
  for (int64_t i = 0; i < taken.type.rank(); ++i) back.push_back(i);
  std::rotate(back.begin() + batch, back.begin() + batch + found,
              back.begin() + batch + found + between);
  node.set_output(0, node.transposed(taken, back));
}

void gather_nd(TfliteNode& node) {
  check_same_scale(node, 0);
  node.set_output(0, node.add("gather_nd", {&node.input(0), &node.input(1)}));
}

/// Rows of a table. Quantised tables give quantised rows, or reals when the model says so.
void embedding_lookup(TfliteNode& node) {
  Value& rows = node.add("gather", {&node.input(1), &node.input(0)}, {{"axis", int64_t{0}}});
  const TfliteQuantization& quantization = node.input_quantization(1);
  const bool becomes_real = is_float(node.output_tensor(0).dtype) && !quantization.empty();
  if (!becomes_real) {
    check_same_scale(node, 1);
    node.set_output(0, rows);
    return;
  }
  if (quantization.per_axis()) fail(node, "its table has a scale for each row");
  Value& scale = node.scalar(DType::f32, quantization.scale());
  Value& zero = node.scalar(rows.type.dtype, static_cast<double>(quantization.zero_point()));
  node.set_output(0, node.add("dequantize_linear", {&rows, &scale, &zero}));
}

/// Adds updates at the given places to zeros.
void scatter_nd(TfliteNode& node) {
  const std::vector<int64_t> shape = node.constant_integers(2);
  Value& zeros =
      node.add("expand", {&node.scalar(node.dtype(1), 0), &node.integers_constant(shape)});
  node.set_output(0, node.add("scatter_nd", {&zeros, &node.input(0), &node.input(1)},
                              {{"reduction", std::string("add")}}));
}

/// Every index of a tensor of `shape`, one list each: [elements, rank].
Tensor all_indices(const Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t elements = element_count(shape);
  Tensor indices(TensorType{DType::i64, {elements, rank}, std::nullopt});
  const std::vector<int64_t> strides = row_major_strides(shape);
  for (int64_t i = 0; i < elements; ++i) {
    for (int64_t d = 0; d < rank; ++d) {
      const auto axis = static_cast<size_t>(d);
      indices.set_integer(i * rank + d, i / strides[axis] % shape[axis]);
    }
  }
  return indices;
}

/// Overwrites a block of a tensor; the block is moved inside where it would stick out.
void dynamic_update_slice(TfliteNode& node) {
  check_same_scale(node, 0);
  Value& x = node.input(0);
  Value& update = node.input(1);
  const int rank = x.type.rank();
  if (update.type.rank() != rank || node.input(2).type.elements() != rank) {
    fail(node, "x, its update and the start do not fit: ", x.type, ", ", update.type, ", ",
         node.input(2).type);
  }
  std::vector<double> highest;
  for (size_t i = 0; i < x.type.shape.size(); ++i) {
    const int64_t room = x.type.shape[i] - update.type.shape[i];
    if (room < 0) fail(node, "its update ", update.type, " does not fit into ", x.type);
    highest.push_back(static_cast<double>(room));
  }
  Value& start = node.add("cast", {&node.input(2)}, {{"to", std::string("i64")}});
  Value& not_after =
      node.add("min", {&start, &node.constant(tensor_of(DType::i64, {rank}, highest))});
  Value& inside = node.add("max", {&not_after, &node.scalar(DType::i64, 0)});
  Value& places = node.add("add", {&node.constant(all_indices(update.type.shape)), &inside});
  Value& elements = node.reshaped(update, {update.type.elements()});
  node.set_output(0, node.add("scatter_nd", {&x, &places, &elements}));
}

void reverse(TfliteNode& node) {
  check_same_scale(node, 0);
  Value* x = &node.input(0);
  for (const int64_t stated : node.constant_integers(1)) {
    const int64_t axis = axis_in(node, stated, node.rank(0));
    const int64_t extent = node.shape(0)[static_cast<size_t>(axis)];
    x = &sliced(node, *x, axis, extent - 1, std::numeric_limits<int64_t>::min() / 2, -1);
  }
  node.set_output(0, *x);
}

void reverse_sequence(TfliteNode& node) {
  check_same_scale(node, 0);
  Value& lengths = node.add("cast", {&node.input(1)}, {{"to", std::string("i64")}});
  node.set_output(0, node.add("reverse_sequence", {&node.input(0), &lengths},
                              {{"batch_axis", node.integer("batch_dim")},
                               {"time_axis", node.integer("seq_dim")}}));
}

const RegisteredTfliteRules registered({
    {.name = "DYNAMIC_UPDATE_SLICE",
     .computes = Computes::either,
     .inputs = 3,
     .convert = dynamic_update_slice},
    {.name = "EMBEDDING_LOOKUP",
     .computes = Computes::either,
     .inputs = 2,
     .convert = embedding_lookup},
    {.name = "GATHER", .computes = Computes::either, .inputs = 2, .convert = gather},
    {.name = "GATHER_ND", .computes = Computes::either, .inputs = 2, .convert = gather_nd},
    {.name = "REVERSE_SEQUENCE",
     .computes = Computes::either,
     .inputs = 2,
     .convert = reverse_sequence},
    {.name = "REVERSE_V2", .computes = Computes::either, .inputs = 2, .convert = reverse},
    {.name = "SCATTER_ND", .inputs = 3, .convert = scatter_nd},
    {.name = "SLICE", .computes = Computes::either, .inputs = 3, .convert = slice},
    {.name = "STRIDED_SLICE", .computes = Computes::either, .inputs = 4, .convert = strided_slice},
});

}  // namespace
}  // namespace mlfc
