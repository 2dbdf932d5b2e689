// Scatters, turned around so that every output element asks which updates point at it: the kernel
// stays declared work that any target can run. The cost is one comparison per element and update.
#include <algorithm>

#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

void check_common(const Node& node) {
  const std::string& reduction = node.text("reduction");
  const bool known = reduction == "none" || reduction == "add" || reduction == "mul" ||
                     reduction == "max" || reduction == "min";
  if (!known) fail(node, "reduction '", reduction, "' is none of none, add, mul, max, min");
  if (!is_integer(node.input(1).type.dtype)) {
    fail(node, "indices are ", node.input(1).type, " but must be integers");
  }
  if (node.input(0).type.dtype != node.input(2).type.dtype) {
    fail(node, "updates are ", node.input(2).type, " but x is ", node.input(0).type);
  }
}

Combine combine_of(const std::string& reduction) {
  if (reduction == "mul") return Combine::product;
  if (reduction == "max") return Combine::max;
  if (reduction == "min") return Combine::min;
  return Combine::sum;
}

/// What one operator says about the updates: made anew for each stage that reduces over them.
struct Update {
  Expr points_here = {};  ///< the update belongs to this output element
  Expr number = {};       ///< its place in the order in which updates apply
};

/// Stores the element `at` after all updates. `update` makes the reduced axes; `value_of` reads the
/// update of a given number.
template <typename MakeUpdate, typename ValueOf>
void store_scattered(const Node& node, KernelBuilder& k, const std::vector<Expr>& at,
                     MakeUpdate make_update, ValueOf value_of) {
  const std::string& reduction = node.text("reduction");
  const Expr before = k.in(0).at(at);
  const Update update = make_update();
  if (reduction != "none") {
    const Combine combine = combine_of(reduction);
    const Expr neutral = neutral_element(combine, before.dtype());
    const Expr term = select_expr(update.points_here, value_of(update.number), neutral);
    k.store(k.out().at(at), k.reduction(combine, term, before));
    return;
  }
  // Without a reduction the last update counts.
  const Expr none = integer_expr(-1, DType::i64);
  const Expr candidate = select_expr(update.points_here, update.number, none);
  const Expr last = k.reduction(Combine::max, candidate, none, "last");
  k.stage();
  k.store(k.out().at(at), select_expr(less(last, 0), before, value_of(max_expr(last, Expr(0)))));
}

void offer(ForeignNode& node) {
  const auto reduction = node.attributes.find("reduction");
  if (reduction == node.attributes.end()) return;
  if (std::get<std::string>(reduction->second) == "none") {
    node.attributes.erase(reduction);
  } else {
    node.opset = 18;
  }
}

// --- scatter_elements -----------------------------------------------------------------------

int axis_of(const Node& node) {
  return normalized_axis(node, node.integer("axis"), node.input(0).type.rank());
}

std::vector<TensorType> infer_elements(const Node& node) {
  check_common(node);
  const TensorType& x = node.input(0).type;
  const TensorType& indices = node.input(1).type;
  const int axis = axis_of(node);
  if (indices.shape != node.input(2).type.shape || indices.rank() != x.rank()) {
    fail(node, "indices, ", indices, ", and updates, ", node.input(2).type,
         ", must have one shape and as many dimensions as x, ", x);
  }
  for (int i = 0; i < x.rank(); ++i) {
    if (i != axis && indices.shape[i] > x.shape[i]) {
      fail(node, "dimension ", i, " of indices, ", indices, ", is larger than that of x, ", x);
    }
  }
  return {x.plain()};
}

Kernel elements_kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const int axis = axis_of(node);
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, shape);
  const Expr outside = integer_expr(shape[axis], DType::i64);  // no element has this index
  const auto along = [&](const Expr& number) {
    std::vector<Expr> place = at;
    place[axis] = number;
    return place;
  };
  const auto make_update = [&] {
    const Expr number = with_dtype(k.reduce("u", node.input(1).type.shape[axis]), DType::i64);
    const Expr read = stored_element(k.in(1), along(number))
                          .or_else(with_dtype(Expr(shape[axis]), k.in(1).type().dtype));
    const Expr index = cast_expr(DType::i64, read);
    return Update{equal(wrapped_index(index, shape[axis]), at[axis]), number};
  };
  store_scattered(node, k, at, make_update,
                  [&](const Expr& number) { return k.in(2).at(along(number)).or_else(0); });
  return k.done();
}

const Operator scatter_elements{
    .name = "scatter_elements",
    .summary = "x with elements replaced, each at its own place along an axis.",
    .onnx = {"ScatterElements", "Scatter"},
    .inputs = {"x", "indices", "updates"},
    .attributes = {integer("axis", 0), text("reduction", "none")},
    .offer = offer,
    .infer = infer_elements,
    .kernel = elements_kernel,
};
const RegisteredOperator registered_elements{scatter_elements};

// --- scatter_nd -----------------------------------------------------------------------------

std::vector<TensorType> infer_nd(const Node& node) {
  check_common(node);
  const TensorType& x = node.input(0).type;
  const TensorType& indices = node.input(1).type;
  const TensorType& updates = node.input(2).type;
  if (indices.rank() < 1 || indices.shape.back() < 1 || indices.shape.back() > x.rank()) {
    fail(node, "index tuples of ", indices, " do not fit ", x);
  }
  Shape expected(indices.shape.begin(), indices.shape.end() - 1);
  expected.insert(expected.end(), x.shape.begin() + indices.shape.back(), x.shape.end());
  if (updates.shape != expected) {
    fail(node, "updates are ", updates, " but indices and x ask for ", expected);
  }
  return {x.plain()};
}

Kernel nd_kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  const Shape& index_shape = node.input(1).type.shape;
  const Shape tuples(index_shape.begin(), index_shape.end() - 1);
  const int64_t length = index_shape.back();
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, shape);
  const auto make_update = [&] {
    std::vector<Expr> tuple;
    for (size_t i = 0; i < tuples.size(); ++i) {
      tuple.push_back(k.reduce("u" + std::to_string(i), tuples[i]));
    }
    Expr points_here = integer_expr(1, DType::boolean);
    for (int64_t entry = 0; entry < length; ++entry) {
      std::vector<Expr> place = tuple;
      place.emplace_back(entry);
      const Expr index = wrapped_index(cast_expr(DType::i64, k.in(1).at(place)), shape[entry]);
      const Expr matches = equal(index, at[entry]);
      points_here = entry == 0 ? matches : call_expr("and", {points_here, matches});
    }
    return Update{points_here, with_dtype(flat_index(tuple, tuples), DType::i64)};
  };
  const auto value_of = [&](const Expr& number) {
    std::vector<Expr> place = split_index(number, tuples);
    for (size_t i = static_cast<size_t>(length); i < at.size(); ++i) place.push_back(at[i]);
    return k.in(2).at(place);
  };
  store_scattered(node, k, at, make_update, value_of);
  return k.done();
}

const Operator scatter_nd{
    .name = "scatter_nd",
    .summary = "x with slices replaced, each at a tuple of indices.",
    .onnx = {"ScatterND"},
    .inputs = {"x", "indices", "updates"},
    .attributes = {text("reduction", "none")},
    .offer = offer,
    .infer = infer_nd,
    .kernel = nd_kernel,
};
const RegisteredOperator registered_nd{scatter_nd};

}  // namespace
}  // namespace mlfc
