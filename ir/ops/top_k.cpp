// The k largest (or smallest) elements along an axis and their places, in order; equal elements
// keep the order of their places. Sorting is no kernel, so this is a C function with a reference.
#include <algorithm>
#include <numeric>

#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

/// x as outer * rows * inner, rows being the axis that is searched.
struct Search {
  int64_t outer = 1, rows = 1, inner = 1;
  int64_t kept = 0;
  bool largest = true;
};

Search search_of(const Node& node) {
  const TensorType& x = node.input(0).type;
  const int axis = normalized_axis(node, node.integer("axis"), x.rank());
  const std::vector<int64_t> kept = constant_integers(node, 1);
  Search search = {.outer = element_count({x.shape.begin(), x.shape.begin() + axis}),
                   .rows = x.shape[axis],
                   .inner = element_count({x.shape.begin() + axis + 1, x.shape.end()}),
                   .largest = node.integer("largest") != 0};
  if (kept.size() != 1 || kept[0] < 0 || kept[0] > search.rows) {
    fail(node, "k is ", Shape(kept), " but axis ", axis, " of ", x, " has ", search.rows,
         " elements");
  }
  search.kept = kept[0];
  return search;
}

std::vector<TensorType> infer(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  const TensorType& x = node.input(0).type;
  if (compute_dtype(x.dtype) != x.dtype) {
    fail(node, "x is ", x, "; sorting 16-bit floats is not supported, insert a Cast to float");
  }
  Shape shape = x.shape;
  shape[normalized_axis(node, node.integer("axis"), x.rank())] = search_of(node).kept;
  std::vector<TensorType> types = {{x.dtype, shape}, {DType::i64, shape}};
  types.resize(node.outputs.size());
  return types;
}

// Insertion into the result while reading the axis once: no scratch memory, stable, and quick for
// the small k of classifiers.
RuntimeCall call(const Node& node) {
  const Search search = search_of(node);
  const DType dtype = node.input(0).type.dtype;
  const std::string type(info(dtype).c_name);
  const std::string name =
      fmt::format("mlfc_top_k_{}_{}x{}x{}_{}_{}", to_text(dtype), search.outer, search.rows,
                  search.inner, search.kept, search.largest ? "largest" : "smallest");
  const std::string source = fmt::format(
      R"(void {name}(const {type}* x, const int64_t* k, {type}* values, int64_t* indices) {{
  (void)k;
  for (int64_t o = 0; o < {outer}; ++o) {{
    for (int64_t i = 0; i < {inner}; ++i) {{
      const {type}* row = x + o * {row_step} + i;
      {type}* best = values + o * {kept_step} + i;
      int64_t* place = indices + o * {kept_step} + i;
      for (int64_t r = 0; r < {rows}; ++r) {{
        const {type} value = row[r * {inner}];
        int64_t at = r < {kept} ? r : {kept};
        for (; at > 0 && value {better} best[(at - 1) * {inner}]; --at) {{
          if (at < {kept}) {{
            best[at * {inner}] = best[(at - 1) * {inner}];
            place[at * {inner}] = place[(at - 1) * {inner}];
          }}
        }}
        if (at < {kept}) {{
          best[at * {inner}] = value;
          place[at * {inner}] = r;
        }}
      }}
    }}
  }}
}}
)",
      fmt::arg("name", name), fmt::arg("type", type), fmt::arg("outer", search.outer),
      fmt::arg("rows", search.rows), fmt::arg("inner", search.inner), fmt::arg("kept", search.kept),
      fmt::arg("row_step", search.rows * search.inner),
      fmt::arg("kept_step", search.kept * search.inner),
      fmt::arg("better", search.largest ? ">" : "<"));
  return {name, source};
}

std::vector<Tensor> reference(const Node& node, const std::vector<const Tensor*>& inputs) {
  const Search search = search_of(node);
  const Tensor& x = *inputs[0];
  const std::vector<TensorType> types = infer(node);
  Tensor values(types[0]);
  Tensor indices({DType::i64, types[0].shape, {}});
  const bool real = is_float(x.type.dtype);
  const bool is_unsigned = info(x.type.dtype).kind == DTypeKind::unsigned_integer;
  const auto below = [&](int64_t a, int64_t b) {  // element a of x is smaller than element b
    if (real) return x.real(a) < x.real(b);
    if (!is_unsigned) return x.integer(a) < x.integer(b);
    return static_cast<uint64_t>(x.integer(a)) < static_cast<uint64_t>(x.integer(b));
  };
  for (int64_t o = 0; o < search.outer; ++o) {
    for (int64_t i = 0; i < search.inner; ++i) {
      const auto place = [&](int64_t r) { return (o * search.rows + r) * search.inner + i; };
      std::vector<int64_t> order(search.rows);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return search.largest ? below(place(b), place(a)) : below(place(a), place(b));
      });
      for (int64_t r = 0; r < search.kept; ++r) {
        const int64_t to = (o * search.kept + r) * search.inner + i;
        indices.set_integer(to, order[r]);
        if (real) {
          values.set_real(to, x.real(place(order[r])));
        } else {
          values.set_integer(to, x.integer(place(order[r])));
        }
      }
    }
  }
  return {values, indices};
}

const Operator top_k{
    .name = "top_k",
    .summary = "The k largest or smallest elements along an axis, and their places.",
    .onnx = {"TopK"},
    .inputs = {"x", "k!"},
    .outputs = {"values", "indices"},
    .attributes = {integer("axis", -1), integer("largest", 1), integer("sorted", 1)},
    .adopt = [](ForeignNode& node) { attribute_to_input(node, "k", 1); },
    .infer = infer,
    .call = call,
    .reference = reference,
};
const RegisteredOperator registered{top_k};

}  // namespace
}  // namespace mlfc
