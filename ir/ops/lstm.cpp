// Long short-term memory. The operator unrolls into cells; a cell is one kernel: four gates per
// hidden unit, each a dot product with the last output, and the two states they make.
#include "ir/ops/axes.h"
#include "ir/ops/recurrence.h"

namespace mlfc {
namespace {

constexpr int gates = 4;   // input, output, forget, cell: the order of their rows in w, r and b
constexpr int states = 2;  // the output h and the cell c
const std::vector<std::string> default_activations = {"Sigmoid", "Tanh", "Tanh"};

std::vector<TensorType> infer(const Node& node) {
  const Recurrence recurrence = recurrence_of(node, gates, states);
  if (node.has_input(7)) {
    const Shape expected = {recurrence.directions, 3 * recurrence.hidden};
    if (node.input(7).type.shape != expected) {
      fail(node, "p is ", node.input(7).type, " but must be ", expected);
    }
  }
  return recurrence_types(node, recurrence, states);
}

std::vector<Value*> expand(Expansion& expansion) {
  const Node& node = expansion.node();
  const Recurrence recurrence = recurrence_of(node, gates, states);
  const int64_t width = gates * recurrence.hidden;
  const auto make_bias = [&](int64_t direction) -> Value* {
    if (!node.has_input(3)) return nullptr;
    Value* both = taken(expansion, node.inputs[3], direction, 1, {2 * width});
    return &expansion.add("add",
                          {taken(expansion, both, 0, width), taken(expansion, both, width, width)});
  };
  const auto prepare = [&](int64_t direction) -> MakeStep {
    Value* r = taken(expansion, node.inputs[2], direction, 1, {width, recurrence.hidden});
    Value* peepholes = nullptr;
    if (node.has_input(7)) {
      peepholes = taken(expansion, node.inputs[7], direction, 1, {3 * recurrence.hidden});
    }
    Attributes attributes = cell_attributes_of(node, direction, default_activations);
    attributes["input_forget"] = node.integer("input_forget");
    return [=, &expansion](Value* projected, const std::vector<Value*>& old) {
      std::vector<Value*> operands = {projected, r, old[0], old[1]};
      if (peepholes != nullptr) operands.push_back(peepholes);
      return expansion.add_all("lstm_cell", operands, states, attributes);
    };
  };
  return unrolled(expansion, recurrence, states, make_bias, prepare);
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> specs = recurrence_attributes();
  specs.push_back(integer("input_forget", 0));
  return specs;
}

const Operator lstm{
    .name = "lstm",
    .summary = "Long short-term memory over a sequence.",
    .onnx = {"LSTM"},
    .onnx_opset = 14,
    .inputs = {"x", "w", "r", "b?", "sequence_lens?!", "initial_h?", "initial_c?", "p?"},
    .outputs = {"y", "y_h", "y_c"},
    .attributes = attributes(),
    .infer = infer,
    .expand = expand,
};
const RegisteredOperator registered{lstm};

// --- one step -------------------------------------------------------------------------------

std::vector<TensorType> infer_cell(const Node& cell) {
  const TensorType& h = cell.input(2).type;
  if (h.rank() != 2 || cell.input(3).type != h) {
    fail(cell, "h and c must be matrices of one type but are ", h, " and ", cell.input(3).type);
  }
  const int64_t width = gates * h.shape[1];
  const TensorType& projected = cell.input(0).type;
  const TensorType& r = cell.input(1).type;
  if (projected.shape != Shape{h.shape[0], width} || r.shape != Shape{width, h.shape[1]}) {
    fail(cell, "projected and r are ", projected, " and ", r, ", which do not fit h, ", h);
  }
  check_cell_operands(cell, {{4, 3 * h.shape[1]}});
  return {h.plain(), h.plain()};
}

Kernel cell_kernel(const Node& cell) {
  const Shape& shape = cell.input(2).type.shape;
  const DType dtype = compute_dtype(cell.input(2).type.dtype);
  const int64_t hidden = shape[1];
  KernelBuilder k(cell);
  const Expr b = parallel_axis(k, "b", shape[0]);
  const Expr j = parallel_axis(k, "j", hidden);
  const auto gate = [&](int number, const std::string& name) {
    if (number > 0) k.stage();
    const Expr row = j + Expr(number * hidden);
    const Expr i = k.reduce("i", hidden);
    return k.reduction(Combine::sum, k.in(2)(b, i) * k.in(1)(row, i), k.in(0)(b, row), name);
  };
  const auto peephole = [&](int number, const Expr& sum, const Expr& state) {
    return k.has(4) ? sum + k.in(4)(j + Expr(number * hidden)) * state : sum;
  };
  const Expr input = gate(0, "input");
  const Expr output = gate(1, "output");
  const Expr forget = gate(2, "forget");
  const Expr candidate = gate(3, "candidate");

  k.stage();
  const TensorRef state = k.local("state", dtype, {});
  const Expr old = k.in(3)(b, j);
  const Expr take = cell_activation(cell, 0, peephole(0, input, old));
  const Expr keep = cell.integer("input_forget") != 0
                        ? Expr(1) - take
                        : cell_activation(cell, 0, peephole(2, forget, old));
  const Expr renewed = keep * old + take * cell_activation(cell, 1, candidate);
  const double limit = cell.real("state_clip");
  k.store(state(), limit > 0 ? max_expr(min_expr(renewed, limit), -limit) : renewed);
  k.stage();
  k.store(k.out(1)(b, j), state());
  k.stage();
  const Expr show = cell_activation(cell, 0, peephole(1, output, state()));
  k.store(k.out(0)(b, j), show * cell_activation(cell, 2, state(), false));
  return k.done();
}

std::vector<AttributeSpec> lstm_cell_attributes() {
  std::vector<AttributeSpec> specs = cell_attributes();
  specs.push_back(integer("input_forget", 0));
  specs.push_back(real("state_clip", 0));  // limits the cell's state; 0: nothing does
  return specs;
}

const Operator lstm_cell{
    .name = "lstm_cell",
    .summary = "One step of a long short-term memory, its input already projected.",
    .inputs = {"projected", "r", "h", "c", "p?"},
    .outputs = {"h_new", "c_new"},
    .attributes = lstm_cell_attributes(),
    .infer = infer_cell,
    .kernel = cell_kernel,
};
const RegisteredOperator registered_cell{lstm_cell};

}  // namespace
}  // namespace mlfc
