// The plain recurrent network: the new output is an activation of the projected input plus the
// recurrent product. It unrolls into cells; a cell is one kernel.
#include "ir/ops/axes.h"
#include "ir/ops/recurrence.h"

namespace mlfc {
namespace {

constexpr int gates = 1;
constexpr int states = 1;
const std::vector<std::string> default_activations = {"Tanh"};

std::vector<TensorType> infer(const Node& node) {
  return recurrence_types(node, recurrence_of(node, gates, states), states);
}

std::vector<Value*> expand(Expansion& expansion) {
  const Node& node = expansion.node();
  const Recurrence recurrence = recurrence_of(node, gates, states);
  const int64_t hidden = recurrence.hidden;
  const auto make_bias = [&](int64_t direction) -> Value* {
    if (!node.has_input(3)) return nullptr;
    Value* both = taken(expansion, node.inputs[3], direction, 1, {2 * hidden});
    return &expansion.add(
        "add", {taken(expansion, both, 0, hidden), taken(expansion, both, hidden, hidden)});
  };
  const auto prepare = [&](int64_t direction) -> MakeStep {
    Value* r = taken(expansion, node.inputs[2], direction, 1, {hidden, hidden});
    const Attributes attributes = cell_attributes_of(node, direction, default_activations);
    return [=, &expansion](Value* projected, const std::vector<Value*>& old) {
      return expansion.add_all("rnn_cell", {projected, r, old[0]}, states, attributes);
    };
  };
  return unrolled(expansion, recurrence, states, make_bias, prepare);
}

const Operator rnn{
    .name = "rnn",
    .summary = "Plain recurrent network over a sequence.",
    .onnx = {"RNN"},
    .onnx_opset = 14,
    .inputs = {"x", "w", "r", "b?", "sequence_lens?!", "initial_h?"},
    .outputs = {"y", "y_h"},
    .attributes = recurrence_attributes(),
    .infer = infer,
    .expand = expand,
};
const RegisteredOperator registered{rnn};

std::vector<TensorType> infer_cell(const Node& cell) {
  const TensorType& h = cell.input(2).type;
  const bool fits = h.rank() == 2 && cell.input(0).type == h &&
                    cell.input(1).type.shape == Shape{h.shape[1], h.shape[1]};
  if (!fits) {
    fail(cell, "projected, r and h are ", cell.input(0).type, ", ", cell.input(1).type, " and ", h,
         ", which do not fit each other");
  }
  check_cell_operands(cell, {});
  return {h.plain()};
}

Kernel cell_kernel(const Node& cell) {
  const Shape& shape = cell.input(2).type.shape;
  KernelBuilder k(cell);
  const Expr b = parallel_axis(k, "b", shape[0]);
  const Expr j = parallel_axis(k, "j", shape[1]);
  const Expr i = k.reduce("i", shape[1]);
  const Expr sum = k.reduction(Combine::sum, k.in(2)(b, i) * k.in(1)(j, i), k.in(0)(b, j));
  k.store(k.out()(b, j), cell_activation(cell, 0, sum));
  return k.done();
}

const Operator rnn_cell{
    .name = "rnn_cell",
    .summary = "One step of a plain recurrent network, its input already projected.",
    .inputs = {"projected", "r", "h"},
    .outputs = {"h_new"},
    .attributes = cell_attributes(),
    .infer = infer_cell,
    .kernel = cell_kernel,
};
const RegisteredOperator registered_cell{rnn_cell};

}  // namespace
}  // namespace mlfc
