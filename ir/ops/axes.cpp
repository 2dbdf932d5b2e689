// Loop axes that leave out what runs once, and the arithmetic between flat and split indices.
#include "ir/ops/axes.h"

namespace mlfc {

Expr parallel_axis(KernelBuilder& k, const std::string& name, int64_t extent) {
  return extent == 1 ? Expr(0) : k.axis(name, extent);
}

std::vector<Expr> parallel_axes(KernelBuilder& k, const Shape& shape, const std::string& prefix) {
  std::vector<Expr> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    axes.push_back(parallel_axis(k, prefix + std::to_string(i), shape[i]));
  }
  return axes;
}

Expr row_axis(KernelBuilder& k, const std::string& name, int64_t extent) {
  return extent == 1 ? Expr(0) : k.stage_axis(name, extent);
}

Expr Reducer::axis(const std::string& name, int64_t extent) {
  if (extent == 1) return Expr(0);
  reduces_ = true;
  return k_.reduce(name, extent);
}

Expr Reducer::result(Combine combine, const Expr& body, const Expr& init, const std::string& name) {
  if (reduces_) return k_.reduction(combine, body, init, name);
  return init.empty() ? body : combined(combine, init, body);
}

std::vector<std::string> spatial_names(const std::string& prefix, int count) {
  const std::string letters = "dhw";
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    names.push_back(count <= 3 ? prefix + letters[3 - count + i] : prefix + std::to_string(i));
  }
  return names;
}

Expr flat_index(const std::vector<Expr>& indices, const Shape& shape) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  Expr place = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1) place = place + indices[i] * Expr(strides[i]);
  }
  return place;
}

std::vector<Expr> split_index(const Expr& place, const Shape& shape) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  std::vector<Expr> indices;
  bool outermost = true;  // nothing lies above it, so no remainder has to be taken
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) {
      indices.emplace_back(0);
      continue;
    }
    const Expr above = strides[i] == 1 ? place : floor_div(place, Expr(strides[i]));
    indices.push_back(outermost ? above : floor_mod(above, Expr(shape[i])));
    outermost = false;
  }
  return indices;
}

std::vector<Expr> regrouped_index(const std::vector<Expr>& indices, const Shape& shape,
                                  const Shape& other) {
  if (element_count(shape) == 0) return std::vector<Expr>(other.size(), Expr(0));
  std::vector<Expr> result;
  size_t from = 0;
  size_t to = 0;
  while (to < other.size()) {
    // The shortest run of dimensions on both sides that holds equally many elements.
    const size_t first_from = from;
    const size_t first_to = to;
    int64_t elements = from < shape.size() ? shape[from++] : 1;
    int64_t other_elements = other[to++];
    while (elements != other_elements) {
      if (elements < other_elements) {
        elements *= shape[from++];
      } else {
        other_elements *= other[to++];
      }
    }
    const Shape run(shape.begin() + first_from, shape.begin() + from);
    const Shape other_run(other.begin() + first_to, other.begin() + to);
    const Expr place = flat_index(part(indices, first_from, from), run);
    for (const Expr& index : split_index(place, other_run)) result.push_back(index);
  }
  return result;
}

Expr stored_element(const TensorRef& tensor, std::vector<Expr> indices) {
  return read_expr(tensor.name(), tensor.type().dtype, std::move(indices));
}

Expr wrapped_index(const Expr& index, int64_t extent) {
  return select_expr(call_expr("less", {index, Expr(0)}), index + Expr(extent), index);
}

std::vector<Expr> part(const std::vector<Expr>& indices, size_t first, size_t last) {
  return {indices.begin() + static_cast<int64_t>(first),
          indices.begin() + static_cast<int64_t>(last)};
}

}  // namespace mlfc
