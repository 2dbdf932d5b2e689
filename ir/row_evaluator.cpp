// Runs compiled expressions over rows, and writes rows to tensors.
#include "ir/row_evaluator.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ir/error.h"

namespace mlfc {
namespace {

using Kind = RowInstruction::Kind;

// Points first .. last-1 of a segment.
struct Part {
  int64_t first = 0;
  int64_t last = 0;
};

// Where start + step * point lies in [0, extent), for points 0 .. count-1.
Part inside_extent(int64_t start, int64_t step, int64_t extent, int64_t count) {
  if (step == 0) return {0, start >= 0 && start < extent ? count : 0};
  // Seen from the end where the index is lowest, so that one formula does for both directions.
  const int64_t low = step > 0 ? start : start + step * (count - 1);
  const int64_t stride = std::abs(step);
  const int64_t first = std::min(low >= 0 ? 0 : (stride - 1 - low) / stride, count);
  const int64_t last =
      std::clamp(low >= extent ? 0 : (extent - 1 - low) / stride + 1, first, count);
  if (step > 0) return {first, last};
  return {count - last, count - first};
}

Part inside_part(const RowAccess& access, const Row& row, size_t segment) {
  const int64_t count = row.segments[segment].count;
  Part inside{0, count};
  for (size_t axis = 0; axis < access.indices.size(); ++axis) {
    const AffineIndex& index = access.indices[axis];
    const Part part = inside_extent(index.at(row.start(segment)), index.step(row.steps),
                                    access.tensor->shape[axis], count);
    inside.first = std::max(inside.first, part.first);
    inside.last = std::min(inside.last, part.last);
  }
  inside.first = std::min(inside.first, count);
  inside.last = std::max(inside.first, inside.last);
  return inside;
}

std::vector<int64_t> indices_at(const RowAccess& access, const Row& row, int point) {
  AxisFrame frame;
  row.frame_of(point, frame);
  std::vector<int64_t> indices;
  for (const AffineIndex& index : access.indices) indices.push_back(index.at(frame.data()));
  return indices;
}

bool is_inside(const std::vector<int64_t>& index, const Shape& shape) {
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (index[axis] < 0 || index[axis] >= shape[axis]) return false;
  }
  return true;
}

// The place each point's indices select; -1 where they are outside the tensor.
void places_of(const RowTensor& tensor, const std::vector<const int64_t*>& indices, const Row& row,
               int64_t* places) {
  std::fill_n(places, row.count, 0);
  for (size_t axis = 0; axis < indices.size(); ++axis) {
    const int64_t extent = tensor.shape[axis];
    for (int point = 0; point < row.count; ++point) {
      const int64_t index = indices[axis][point];
      const bool inside = index >= 0 && index < extent && places[point] >= 0;
      places[point] = inside ? places[point] * extent + index : -1;
    }
  }
  if (tensor.copy.terms.empty()) return;
  const int64_t step = tensor.copy.step(row.steps);
  for (size_t s = 0; s < row.segments.size(); ++s) {
    int64_t copy = tensor.copy.at(row.start(s));
    for (int i = 0; i < row.segments[s].count; ++i, copy += step) {
      int64_t& place = places[row.segments[s].first + i];
      if (place >= 0) place += copy;
    }
  }
}

[[noreturn]] void report_outside(const std::string& where, const char* verb,
                                 const RowTensor& tensor, const std::vector<int64_t>& index) {
  throw InternalError(concat_text(where, ": ", verb, " ", tensor.name, index, ", which is outside ",
                                  TensorType{tensor.dtype, tensor.shape, {}},
                                  "; an access that may leave the tensor needs a value to yield"));
}

void fill_constant(const RowInstruction& constant, std::byte* storage) {
  switch (row_class(constant.dtype)) {
    case RowClass::f32:
      std::fill_n(reinterpret_cast<float*>(storage), row_capacity,
                  static_cast<float>(constant.real));
      break;
    case RowClass::f64:
      std::fill_n(reinterpret_cast<double*>(storage), row_capacity, constant.real);
      break;
    case RowClass::i64:
      std::fill_n(reinterpret_cast<int64_t*>(storage), row_capacity, constant.integer);
      break;
  }
  wrap_row(constant.dtype, row_capacity, storage);
}

// Some dtypes lie in memory exactly as they do in a row; such rows need not be copied.
bool lies_as_row(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::i64 || dtype == DType::u64;
}

}  // namespace

void RowProgram::bind(int number, const void* row) {
  bound_[static_cast<size_t>(number)] = row;
}

void RowProgram::run(const Row& row) {
  const int count = static_cast<int>(instructions_.size());
  for (int i = 0; i < count; ++i) {
    if (instructions_[i].kind != Kind::constant || !constants_done_) execute(i, row);
  }
  constants_done_ = true;
}

void RowProgram::execute(int number, const Row& row) {
  const RowInstruction& instruction = instructions_[number];
  std::byte* result = storage_.data() + instruction.storage;
  values_[number] = result;
  switch (instruction.kind) {
    case Kind::constant:
      return fill_constant(instruction, result);
    case Kind::bound:
      values_[number] = bound_[instruction.bound];
      return;
    case Kind::index: {
      const int64_t step = instruction.index.step(row.steps);
      auto* values = reinterpret_cast<int64_t*>(result);
      for (size_t s = 0; s < row.segments.size(); ++s) {
        int64_t value = instruction.index.at(row.start(s));
        for (int i = 0; i < row.segments[s].count; ++i, value += step) *values++ = value;
      }
      return;
    }
    case Kind::read: {
      const RowAccess& access = instruction.access;
      const bool in_place = access.always_inside && row.segments.size() == 1 &&
                            lies_as_row(instruction.dtype) && access.place.step(row.steps) == 1;
      if (!in_place) return execute_read(instruction, result, row);
      values_[number] = access.tensor->data + access.place.at(row.start(0)) *
                                                  static_cast<int64_t>(bytes_of(instruction.dtype));
      return;
    }
    case Kind::outside:
      return execute_outside(instruction, result, row);
    case Kind::gather:
      return execute_gather(instruction, result, row);
    case Kind::call:
      return execute_call(instruction, result, row.count);
    case Kind::cast: {
      const void* value = values_[instruction.args[0]];
      if (converts_for_free(instruction.operand_dtype, instruction.dtype)) {
        values_[number] = value;
      } else {
        convert_row(instruction.operand_dtype, instruction.dtype, row.count, result, value);
      }
      return;
    }
  }
}

void RowProgram::execute_call(const RowInstruction& call, void* result, int count) {
  const void* args[3] = {};
  for (size_t i = 0; i < call.args.size(); ++i) args[i] = values_[call.args[i]];
  if (call.native != nullptr) {
    call.native(count, result, args);
  } else {
    apply_table_row(*call.function, call.operand_dtype, count, result, args);
  }
  if (needs_wrapping(call.dtype) && call.dtype != DType::boolean) {
    wrap_row(call.dtype, count, result);
  } else if (call.dtype == DType::boolean && call.operand_dtype == DType::boolean) {
    wrap_row(DType::boolean, count, result);
  }
}

void RowProgram::execute_read(const RowInstruction& read, void* result, const Row& row) {
  const RowAccess& access = read.access;
  const int64_t step = access.place.step(row.steps);
  const int bytes = row_element_bytes(row_class(read.dtype));
  const auto index_of = [&](int point) { return indices_at(access, row, point); };
  for (size_t s = 0; s < row.segments.size(); ++s) {
    const Row::Segment& segment = row.segments[s];
    Part inside{0, segment.count};
    if (!access.always_inside) inside = inside_part(access, row, s);
    const int first = segment.first + static_cast<int>(inside.first);
    const int last = segment.first + static_cast<int>(inside.last);
    if (first < last) {
      load_row(read.dtype, access.tensor->data, access.place.at(row.start(s)) + inside.first * step,
               step, last - first, static_cast<std::byte*>(result) + int64_t{first} * bytes);
    }
    if (last - first == segment.count) continue;
    fill_outside(read, result, segment.first, first, index_of);
    fill_outside(read, result, last, segment.first + segment.count, index_of);
  }
}

// Points outside the tensor take the `otherwise` of the read; without one they must be masked.
void RowProgram::fill_outside(const RowInstruction& read, void* result, int first, int last,
                              const std::function<std::vector<int64_t>(int point)>& index_of) {
  if (first >= last) return;
  const int bytes = row_element_bytes(row_class(read.dtype));
  std::byte* target = static_cast<std::byte*>(result) + int64_t{first} * bytes;
  const auto size = static_cast<size_t>(last - first) * bytes;
  if (read.otherwise >= 0) {
    const auto* values = static_cast<const std::byte*>(values_[read.otherwise]);
    std::memcpy(target, values + int64_t{first} * bytes, size);
    return;
  }
  std::memset(target, 0, size);
  const auto* needed = read.mask < 0 ? nullptr : static_cast<const int64_t*>(values_[read.mask]);
  for (int point = first; point < last; ++point) {
    if (needed != nullptr && needed[point] == 0) continue;
    report_outside(where_, "reads", *read.access.tensor, index_of(point));
  }
}

// Reads whose indices are rows themselves.
void RowProgram::execute_gather(const RowInstruction& gather, void* result, const Row& row) {
  std::vector<const int64_t*> indices;
  for (const int arg : gather.args) indices.push_back(static_cast<const int64_t*>(values_[arg]));
  const RowTensor& tensor = *gather.access.tensor;
  std::array<int64_t, row_capacity> places{};
  places_of(tensor, indices, row, places.data());
  gather_row(gather.dtype, tensor.data, places.data(), row.count, result);
  for (int point = 0; point < row.count; ++point) {
    if (places[point] >= 0) continue;
    fill_outside(gather, result, point, point + 1, [&](int at) {
      std::vector<int64_t> index;
      for (const int64_t* column : indices) index.push_back(column[at]);
      return index;
    });
  }
}

// The mask of the points at which an access is outside its tensor.
void RowProgram::execute_outside(const RowInstruction& outside, void* result, const Row& row) {
  auto* mask = static_cast<int64_t*>(result);
  const RowAccess& access = outside.access;
  if (outside.args.empty()) {
    for (size_t s = 0; s < row.segments.size(); ++s) {
      const Part inside = inside_part(access, row, s);
      for (int i = 0; i < row.segments[s].count; ++i) {
        *mask++ = i < inside.first || i >= inside.last;
      }
    }
    return;
  }
  std::vector<const int64_t*> indices;
  for (const int arg : outside.args) indices.push_back(static_cast<const int64_t*>(values_[arg]));
  std::array<int64_t, row_capacity> places{};
  places_of(*access.tensor, indices, row, places.data());
  for (int point = 0; point < row.count; ++point) mask[point] = places[point] < 0;
}

// --- targets ----------------------------------------------------------------------------------

RowTarget::RowTarget(const RowTensor& tensor, const std::vector<Expr>& indices,
                     const RowScope& scope)
    : where_(scope.where) {
  std::optional<RowAccess> access = affine_access(tensor, indices, scope);
  is_affine_ = access.has_value();
  if (is_affine_) {
    access_ = std::move(*access);
  } else {
    access_.tensor = &tensor;
    index_program_ = RowProgram(indices, scope);
  }
}

// An affine index is monotonic along a segment: its ends decide.
void RowTarget::check_segment(const Row& row, size_t segment) const {
  if (access_.always_inside) return;
  const Row::Segment& part = row.segments[segment];
  for (const int point : {part.first, part.first + part.count - 1}) {
    const std::vector<int64_t> index = indices_at(access_, row, point);
    if (!is_inside(index, tensor().shape)) report_outside(where_, "writes", tensor(), index);
  }
}

// Calls `use` with runs of points whose places are equally far apart.
template <typename Use>
void RowTarget::for_each_run(const Row& row, const Use& use) {
  if (!is_affine_) {
    locate(row);
    for (int point = 0; point < row.count; ++point) use(point, places_[point], int64_t{0}, 1);
    return;
  }
  const int64_t step = access_.place.step(row.steps);
  for (size_t s = 0; s < row.segments.size(); ++s) {
    check_segment(row, s);
    use(row.segments[s].first, access_.place.at(row.start(s)), step, row.segments[s].count);
  }
}

void RowTarget::store(const Row& row, const void* values) {
  const auto* bytes = static_cast<const std::byte*>(values);
  const int element = row_element_bytes(row_class(tensor().dtype));
  for_each_run(row, [&](int first, int64_t place, int64_t step, int count) {
    store_row(tensor().dtype, tensor().data, place, step, count, bytes + int64_t{first} * element);
  });
}

void RowTarget::accumulate(Combine combine, const Row& row, const void* values) {
  const auto* bytes = static_cast<const std::byte*>(values);
  const int element = row_element_bytes(row_class(tensor().dtype));
  for_each_run(row, [&](int first, int64_t place, int64_t step, int count) {
    accumulate_row(combine, tensor().dtype, tensor().data, place, step, count,
                   bytes + int64_t{first} * element);
  });
}

void RowTarget::locate(const Row& row) {
  places_.clear();
  if (is_affine_) {
    for_each_run(row, [&](int, int64_t place, int64_t step, int count) {
      for (int i = 0; i < count; ++i) places_.push_back(place + i * step);
    });
    return;
  }
  index_program_.run(row);
  std::vector<const int64_t*> indices;
  for (size_t axis = 0; axis < tensor().shape.size(); ++axis) {
    indices.push_back(index_program_.result_as<int64_t>(axis));
  }
  places_.resize(static_cast<size_t>(row.count));
  places_of(tensor(), indices, row, places_.data());
  for (int point = 0; point < row.count; ++point) {
    if (places_[point] >= 0) continue;
    std::vector<int64_t> index;
    for (const int64_t* column : indices) index.push_back(column[point]);
    report_outside(where_, "writes", tensor(), index);
  }
}

}  // namespace mlfc
