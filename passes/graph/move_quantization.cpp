// Lets data travel as integers: what only moves elements - transpose, reshape, slice, concat, pad -
// does so before they are dequantized and after they have been quantized, and a tensor that would
// be quantized to what it was dequantized from stays as it is.
//
//     transpose(dequantize(x))   becomes   dequantize(transpose(x))
//     quantize(concat(a, b))     becomes   concat(quantize(a), quantize(b))
//     quantize(dequantize(x))    becomes   x, when scale and zero point are the same
//
// A quarter of the bytes move, and dequantize meets the computation that can absorb it.
#include <algorithm>
#include <functional>
#include <numeric>

#include "ir/error.h"
#include "ir/operator.h"
#include "passes/graph/copies.h"
#include "passes/graph/replace.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

bool is_called(const Value* value, std::string_view op) {
  return value != nullptr && value->producer != nullptr && value->producer->op->name == op &&
         !value->producer->kernel;
}
bool is_dequantized(const Value* value) {
  return is_called(value, "dequantize_linear");
}
bool is_quantize(const Node& node) {
  return node.op->name == "quantize_linear" && !node.kernel;
}

bool is_pad(const Node& node) {
  return node.op->name == "pad";
}
bool fills(const Node& node) {
  return is_pad(node) && node.text("mode") == "constant";
}

// Inputs that are moved, as against those that say how.
std::vector<size_t> moved_inputs(const Node& node) {
  std::vector<size_t> moved;
  const bool is_variadic = parse_slot(node.op->inputs.back()).variadic;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool is_data = i == 0 || (is_variadic && i + 1 >= node.op->inputs.size());
    if (node.inputs[i] != nullptr && is_data) moved.push_back(i);
  }
  return moved;
}

bool moves_data(const Node& node) {
  return !node.kernel && node.op->moves_data_only;
}

// --- scale and zero point --------------------------------------------------------------------

const Value* zero_point_of(const Node& node) {
  return node.has_input(2) ? node.inputs[2] : nullptr;
}

bool same_number(const Value* a, const Value* b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || !a->is_constant() || !b->is_constant()) return false;
  const Tensor& left = *a->constant;
  const Tensor& right = *b->constant;
  const bool scalars = left.type.elements() == 1 && right.type.elements() == 1;
  return left.type.dtype == right.type.dtype && left.bytes == right.bytes &&
         (scalars || left.type == right.type);
}

// An absent zero point is 0.
bool same_zero_point(const Value* a, const Value* b) {
  const auto is_zero = [](const Value* value) {
    if (value == nullptr) return true;
    if (!value->is_constant()) return false;
    const auto numbers = value->constant->integers();
    return std::all_of(numbers.begin(), numbers.end(), [](int64_t n) { return n == 0; });
  };
  return same_number(a, b) || (is_zero(a) && is_zero(b));
}

bool same_parameters(const Node& a, const Node& b) {
  return same_number(a.inputs[1], b.inputs[1]) &&
         same_zero_point(zero_point_of(a), zero_point_of(b)) &&
         a.integer("block_size") == b.integer("block_size");
}

bool is_per_tensor(const Node& node) {
  return node.input(1).type.elements() == 1;
}

bool is_blocked(const Node& node) {
  return node.integer("block_size") > 0;
}

// --- making nodes ----------------------------------------------------------------------------

Node& insert_like(Graph& graph, Node& before, const Node& model, std::vector<Value*> inputs,
                  const std::vector<Value*>& named_after, Attributes changed = {}) {
  std::vector<std::string> names;
  for (const Value* value : named_after) names.push_back(value->name);
  changed.insert(model.attributes.begin(), model.attributes.end());  // what is there already stays
  Node& made = graph.insert_node(graph.position(before), *model.op, std::move(inputs), names,
                                 std::move(changed));
  made.name = model.name;
  made.sources = model.sources;
  const std::vector<TensorType> types = made.op->infer(made);
  for (size_t i = 0; i < types.size(); ++i) made.outputs[i]->type = types[i];
  return made;
}

// The integer that quantizing turns a pad's fill into; nullopt unless it stands for it exactly.
std::optional<Tensor> exact_fill(const Node& pad, const Node& quantization) {
  const Value* real = pad.has_input(2) ? pad.inputs[2] : nullptr;
  const Value* zero = zero_point_of(quantization);
  const Value& scale = quantization.input(1);
  const DType dtype = is_quantize(quantization) ? quantization.output().type.dtype
                                                : quantization.input(0).type.dtype;
  const bool known = (real == nullptr || real->is_constant()) && scale.is_constant() &&
                     (zero == nullptr || zero->is_constant());
  if (!known) return std::nullopt;
  const double value = real == nullptr ? pad.real("value") : real->constant->real(0);
  const double number = value / scale.constant->real(0) +
                        (zero == nullptr ? 0 : static_cast<double>(zero->constant->integer(0)));
  Tensor result(TensorType{dtype, {}, {}});
  result.set_real(0, number);
  if (result.real(0) != number) return std::nullopt;
  return result;
}

// What a moving node reads once its data are integers; empty when it cannot.
std::vector<Value*> integer_inputs(Graph& graph, const Node& mover, const Node& quantization,
                                   const std::vector<Value*>& data) {
  std::vector<Value*> inputs = mover.inputs;
  const std::vector<size_t> moved = moved_inputs(mover);
  for (size_t i = 0; i < moved.size(); ++i) inputs[moved[i]] = data[i];
  if (!is_pad(mover)) return inputs;
  if (!fills(mover)) {
    if (inputs.size() > 2) inputs[2] = nullptr;  // a real number that nothing reads
    return inputs;
  }
  const std::optional<Tensor> fill = exact_fill(mover, quantization);
  if (!fill) return {};
  if (inputs.size() < 3) inputs.resize(3, nullptr);
  inputs[2] = &graph.add_constant(mover.output().name + "/value", *fill);
  return inputs;
}

// --- the three rules -------------------------------------------------------------------------

// The dimension of `to` that runs along with dimension `axis` of `from`; -1 when there is none.
int64_t axis_along(const Expr& index, const std::vector<Expr>& to) {
  if (index->kind != ExprKind::axis) return -1;
  int64_t found = -1;
  for (size_t i = 0; i < to.size(); ++i) {
    if (!mentions_axis(to[i], index->name)) continue;
    if (found >= 0 || !same(to[i], index)) return -1;
    found = static_cast<int64_t>(i);
  }
  return found;
}

// Where the entries along an axis of the data go when all of them stay and keep their order, read
// off the mover's kernel; -1 when they do anything else.
int64_t moved_axis_in_kernel(const Node& mover, const TensorType& x, size_t axis) {
  int64_t moved = -1;
  for (const Stage& stage : mover.op->kernel(mover).stages) {
    if (stage.reduction || !stage.store) return -1;
    const Expr& read = stage.store->value;
    if (read->kind != ExprKind::read || !read->otherwise.empty() || axis >= read->args.size()) {
      return -1;
    }
    const int64_t here = axis_along(read->args[axis], stage.store->indices);
    if (here < 0 || (moved >= 0 && here != moved)) return -1;
    moved = here;
  }
  const auto keeps_extent = [&](const Value* output) {
    return output->type.shape[moved] == x.shape[axis];
  };
  const bool whole =
      moved >= 0 && std::all_of(mover.outputs.begin(), mover.outputs.end(), keeps_extent);
  return whole ? moved : -1;
}

int64_t elements_before(const Shape& shape, size_t axis) {
  return std::accumulate(shape.begin(), shape.begin() + axis, int64_t{1}, std::multiplies<>());
}

// The axis of a per-channel scale once a node has moved its channels; -1 when it cannot be told.
int64_t moved_axis(const Node& mover, const Node& dequantize) {
  if (is_per_tensor(dequantize)) return dequantize.integer("axis");
  const TensorType& x = dequantize.input(0).type;
  const auto axis =
      static_cast<size_t>(normalized_axis(dequantize, dequantize.integer("axis"), x.rank()));
  const std::optional<CopyOf> copy = copy_of(mover);
  if (is_blocked(dequantize)) {  // the scale is moved like the data
    if (!copy || copy->permutation.empty()) return -1;
    const auto& order = copy->permutation;
    return std::find(order.begin(), order.end(), axis) - order.begin();
  }
  if (!copy || !copy->keeps_places) return moved_axis_in_kernel(mover, x, axis);
  const Shape& shape = mover.output().type.shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool is_it =
        shape[i] == x.shape[axis] && elements_before(shape, i) == elements_before(x.shape, axis);
    if (is_it) return static_cast<int64_t>(i);
  }
  return -1;
}

// What dequantizes an output of `integers` as `dequantize` did before the data moved.
Node& dequantize_moved(Graph& graph, Node& mover, const Node& dequantize, Value& integers,
                       Value& old, int64_t axis) {
  std::vector<Value*> inputs = {&integers, dequantize.inputs[1]};
  if (dequantize.has_input(2)) inputs.push_back(dequantize.inputs[2]);
  if (is_blocked(dequantize)) {
    for (size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i]->type.rank() < 2) continue;  // one zero point for all
      std::vector<Value*> moved = mover.inputs;
      moved[moved_inputs(mover).front()] = inputs[i];
      inputs[i] = &insert_like(graph, mover, mover, std::move(moved), {inputs[i]}).output();
    }
  }
  return insert_like(graph, mover, dequantize, std::move(inputs), {&old}, {{"axis", axis}});
}

bool move_before_dequantize(Graph& graph, Node& mover) {
  if (!moves_data(mover)) return false;
  const std::vector<size_t> moved = moved_inputs(mover);
  if (moved.empty() || !is_dequantized(mover.inputs[moved[0]])) return false;
  const Node& dequantize = *mover.inputs[moved[0]]->producer;
  std::vector<Value*> data;
  for (const size_t i : moved) {
    const bool alike =
        is_dequantized(mover.inputs[i]) && same_parameters(*mover.inputs[i]->producer, dequantize);
    if (!alike) return false;
    data.push_back(mover.inputs[i]->producer->inputs[0]);
  }
  const int64_t axis = moved_axis(mover, dequantize);
  if (axis < 0 && !is_per_tensor(dequantize)) return false;
  std::vector<Value*> inputs = integer_inputs(graph, mover, dequantize, data);
  if (inputs.empty()) return false;
  Node& integers = insert_like(graph, mover, mover, std::move(inputs), mover.outputs);
  for (size_t i = 0; i < mover.outputs.size(); ++i) {
    Value& old = *mover.outputs[i];
    const int64_t new_axis = is_per_tensor(dequantize) ? 0 : axis;
    Node& reals = dequantize_moved(graph, mover, dequantize, *integers.outputs[i], old, new_axis);
    replace_value(graph, old, reals.output(), true);
  }
  graph.erase(mover);
  return true;
}

// The data come from quantized numbers or from a computation that quantizes for nobody else.
bool quantize_before_move(Graph& graph, Node& quantize) {
  Value& between = quantize.input(0);
  if (!is_quantize(quantize) || !is_per_tensor(quantize) || between.producer == nullptr) {
    return false;
  }
  Node& mover = *between.producer;
  const bool one_reader = graph.users(between).size() == 1 && !graph.is_output(between);
  if (!moves_data(mover) || mover.outputs.size() != 1 || !one_reader) return false;
  const std::vector<size_t> moved = moved_inputs(mover);
  std::vector<Value*> data;
  for (const size_t i : moved) data.push_back(mover.inputs[i]);
  // A first look at whether the fill can be had: nothing has been made yet.
  if (fills(mover) && !exact_fill(mover, quantize)) return false;
  for (Value*& value : data) {
    Node& integers = insert_like(
        graph, mover, quantize,
        {value, quantize.inputs[1], const_cast<Value*>(zero_point_of(quantize))}, {value});
    value = &integers.output();
  }
  Node& moved_integers = insert_like(
      graph, quantize, mover, integer_inputs(graph, mover, quantize, data), {&quantize.output()});
  replace_value(graph, quantize.output(), moved_integers.output(), true);
  graph.erase(quantize);
  graph.erase(mover);
  return true;
}

bool drop_round_trip(Graph& graph, Node& quantize) {
  if (!is_quantize(quantize) || !is_dequantized(quantize.inputs[0])) return false;
  const Node& dequantize = *quantize.input(0).producer;
  Value& original = dequantize.input(0);
  const bool alike =
      same_parameters(quantize, dequantize) &&
      (is_per_tensor(quantize) || quantize.integer("axis") == dequantize.integer("axis")) &&
      original.type.dtype == quantize.output().type.dtype && bytes_of(original.type.dtype) <= 2;
  if (!alike) return false;
  replace_value(graph, quantize.output(), original, false);
  graph.erase(quantize);
  return true;
}

bool move_once(Graph& graph) {
  bool changed = false;
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place++;
    changed |= drop_round_trip(graph, node) || quantize_before_move(graph, node) ||
               move_before_dequantize(graph, node);
  }
  return changed;
}

void move_quantization(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) move_quantization(*region, context);
  }
  while (move_once(graph)) graph.remove_unused();
}

const Pass pass{
    .name = "move-quantization",
    .level = Level::graph,
    .summary = "Move data as integers: before dequantizing, after quantizing.",
    .run = move_quantization,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
