// Gated recurrent unit. The operator unrolls into cells; a cell is one kernel. When the reset gate
// acts before the recurrent product, the gated output is a row that all units of a step share.
#include "ir/ops/axes.h"
#include "ir/ops/recurrence.h"

namespace mlfc {
namespace {

constexpr int gates = 3;  // update, reset, hidden: the order of their rows in w, r and b
constexpr int states = 1;
const std::vector<std::string> default_activations = {"Sigmoid", "Tanh"};

std::vector<TensorType> infer(const Node& node) {
  return recurrence_types(node, recurrence_of(node, gates, states), states);
}

std::vector<Value*> expand(Expansion& expansion) {
  const Node& node = expansion.node();
  const Recurrence recurrence = recurrence_of(node, gates, states);
  const int64_t hidden = recurrence.hidden;
  const int64_t width = gates * hidden;
  const bool resets_product = node.integer("linear_before_reset") != 0;
  const auto biases = [&](int64_t direction) {
    return taken(expansion, node.inputs[3], direction, 1, {2 * width});
  };
  // The hidden gate's recurrent bias is reset together with the product and cannot join the others.
  const auto make_bias = [&](int64_t direction) -> Value* {
    if (!node.has_input(3)) return nullptr;
    Value* both = biases(direction);
    Value* own = taken(expansion, both, 0, width);
    if (!resets_product) return &expansion.add("add", {own, taken(expansion, both, width, width)});
    Value* summed = &expansion.add(
        "add", {taken(expansion, both, 0, 2 * hidden), taken(expansion, both, width, 2 * hidden)});
    return &expansion.add("concat", {summed, taken(expansion, own, 2 * hidden, hidden)},
                          {{"axis", int64_t{0}}});
  };
  const auto prepare = [&](int64_t direction) -> MakeStep {
    Value* r = taken(expansion, node.inputs[2], direction, 1, {width, hidden});
    Value* bias = nullptr;
    if (resets_product && node.has_input(3)) {
      bias = taken(expansion, biases(direction), width + 2 * hidden, hidden);
    }
    Attributes attributes = cell_attributes_of(node, direction, default_activations);
    attributes["linear_before_reset"] = node.integer("linear_before_reset");
    return [=, &expansion](Value* projected, const std::vector<Value*>& old) {
      std::vector<Value*> operands = {projected, r, old[0]};
      if (bias != nullptr) operands.push_back(bias);
      return expansion.add_all("gru_cell", operands, states, attributes);
    };
  };
  return unrolled(expansion, recurrence, states, make_bias, prepare);
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = recurrence_attributes();
  specs.push_back(integer("linear_before_reset", 0));
  return specs;
}

const Operator gru{
    .name = "gru",
    .summary = "Gated recurrent unit over a sequence.",
    .onnx = {"GRU"},
    .onnx_opset = 14,
    .inputs = {"x", "w", "r", "b?", "sequence_lens?!", "initial_h?"},
    .outputs = {"y", "y_h"},
    .attributes = attributes(),
    .infer = infer,
    .expand = expand,
};
const RegisteredOperator registered{gru};

// --- one step -------------------------------------------------------------------------------

std::vector<TensorType> infer_cell(const Node& cell) {
  const TensorType& h = cell.input(2).type;
  if (h.rank() != 2) fail(cell, "h must be a matrix but is ", h);
  const int64_t width = gates * h.shape[1];
  const TensorType& projected = cell.input(0).type;
  const TensorType& r = cell.input(1).type;
  if (projected.shape != Shape{h.shape[0], width} || r.shape != Shape{width, h.shape[1]}) {
    fail(cell, "projected and r are ", projected, " and ", r, ", which do not fit h, ", h);
  }
  check_cell_operands(cell, {{3, h.shape[1]}});
  return {h.plain()};
}

/// The sum that goes into gate `number` of unit `j`, without the hidden gate's special cases.
Expr gate_sum(KernelBuilder& k, int number, const Expr& b, const Expr& j, int64_t hidden,
              const std::string& name) {
  const Expr row = j + Expr(number * hidden);
  const Expr i = k.reduce("i", hidden);
  return k.reduction(Combine::sum, k.in(2)(b, i) * k.in(1)(row, i), k.in(0)(b, row), name);
}

Expr mixed(const Expr& update, const Expr& candidate, const Expr& old) {
  return (Expr(1) - update) * candidate + update * old;
}

/// The reset gate scales the recurrent product: every unit is on its own.
Kernel reset_after_kernel(const Node& cell) {
  const Shape& shape = cell.input(2).type.shape;
  const int64_t hidden = shape[1];
  KernelBuilder k(cell);
  const Expr b = parallel_axis(k, "b", shape[0]);
  const Expr j = parallel_axis(k, "j", hidden);
  const TensorRef keep = k.local("keep", compute_dtype(cell.input(2).type.dtype), {});
  k.store(keep(), cell_activation(cell, 0, gate_sum(k, 0, b, j, hidden, "update")));
  k.stage();
  const Expr reset = gate_sum(k, 1, b, j, hidden, "reset");
  k.stage();
  const Expr i = k.reduce("i", hidden);
  const Expr row = j + Expr(2 * hidden);
  const Expr product = k.reduction(Combine::sum, k.in(2)(b, i) * k.in(1)(row, i),
                                   k.has(3) ? k.in(3)(j) : Expr(), "product");
  const Expr candidate = k.in(0)(b, row) + cell_activation(cell, 0, reset) * product;
  k.store(k.out()(b, j), mixed(keep(), cell_activation(cell, 1, candidate), k.in(2)(b, j)));
  return k.done();
}

/// The reset gate scales the last output before the product: first the whole gated row.
Kernel reset_before_kernel(const Node& cell) {
  const Shape& shape = cell.input(2).type.shape;
  const DType dtype = compute_dtype(cell.input(2).type.dtype);
  const int64_t hidden = shape[1];
  KernelBuilder k(cell);
  const Expr b = parallel_axis(k, "b", shape[0]);
  const TensorRef gated = k.local("gated", dtype, {hidden});
  const TensorRef updates = k.local("updates", dtype, {hidden});
  const Expr first = row_axis(k, "j", hidden);
  const Expr reset = gate_sum(k, 1, b, first, hidden, "reset");
  k.store(gated(first), cell_activation(cell, 0, reset) * k.in(2)(b, first));
  k.stage();
  const Expr second = row_axis(k, "j", hidden);
  const Expr update = gate_sum(k, 0, b, second, hidden, "update");
  k.store(updates(second), cell_activation(cell, 0, update));
  k.stage();
  const Expr j = row_axis(k, "j", hidden);
  const Expr i = k.reduce("i", hidden);
  const Expr row = j + Expr(2 * hidden);
  const Expr candidate =
      k.reduction(Combine::sum, gated(i) * k.in(1)(row, i), k.in(0)(b, row), "candidate");
  k.store(k.out()(b, j), mixed(updates(j), cell_activation(cell, 1, candidate), k.in(2)(b, j)));
  return k.done();
}

Kernel cell_kernel(const Node& cell) {
  return cell.integer("linear_before_reset") != 0 ? reset_after_kernel(cell)
                                                  : reset_before_kernel(cell);
}

std::vector<AttributeSpec> gru_cell_attributes() {
  std::vector<AttributeSpec> specs = cell_attributes();
  specs.push_back(integer("linear_before_reset", 0));
  return specs;
}

const Operator gru_cell{
    .name = "gru_cell",
    .summary = "One step of a gated recurrent unit, its input already projected.",
    .inputs = {"projected", "r", "h", "b?"},
    .outputs = {"h_new"},
    .attributes = gru_cell_attributes(),
    .infer = infer_cell,
    .kernel = cell_kernel,
};
const RegisteredOperator registered_cell{gru_cell};

}  // namespace
}  // namespace mlfc
