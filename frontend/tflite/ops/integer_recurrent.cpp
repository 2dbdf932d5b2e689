// Operators with memory on quantised tensors: the sequence LSTM and SVDF. What they remember are
// variable tensors (TfliteNode::state). Inside an LSTM, gates before their activation are 16-bit
// numbers in units of 2^-12, after it in units of 2^-15.
#include <algorithm>
#include <cmath>

#include "frontend/tflite/ops/moving.h"
#include "frontend/tflite/quantized.h"

namespace mlfc {
namespace {

// Inputs of the LSTM, by number.
constexpr int input_weights = 1;      // of the gates input, forget, cell, output
constexpr int recurrent_weights = 5;  // likewise
constexpr int peephole_weights = 9;   // three
constexpr int biases = 12;            // of the gates
constexpr int projection_weights = 16;
constexpr int output_state = 18;
constexpr int cell_state = 19;
constexpr int normalization_weights = 20;
constexpr int gate_count = 4;

constexpr double gate_unit = 0x1p-12, activated_unit = 0x1p-15;

void check_lstm(TfliteNode& node) {
  const auto refuse = [&](bool wants, const char* what) {
    if (wants) fail(node, "is quantised and has ", what, ", which is not supported");
  };
  refuse(!node.has_input(input_weights), "an input gate coupled to the forget gate");
  for (int i = 0; i < 3; ++i) refuse(node.has_input(peephole_weights + i), "peepholes");
  refuse(node.has_input(projection_weights), "a projection");
  for (int i = 0; i < gate_count; ++i) {
    refuse(node.has_input(normalization_weights + i), "layer normalisation");
  }
  refuse(node.flag("diagonal_recurrent_tensors"), "diagonal recurrent weights");
  refuse(node.text("fused_activation_function", "NONE") != "TANH",
         "an activation that is not TANH");
  if (node.rank(0) != 3)
    fail(node, "its input must be a batch of sequences but is ", node.shape(0));
  if (node.rank(recurrent_weights) != 2) fail(node, "its recurrent weights must be matrices");
  if (node.input_tensor(cell_state).dtype != DType::i16) {
    fail(node, "its cell state must be 16-bit integers but is ",
         node.input_tensor(cell_state).dtype);
  }
}

/// Weights or biases of all gates, one after the other along the first axis.
Value& of_all_gates(TfliteNode& node, int first) {
  std::vector<Value*> parts;
  for (int gate = 0; gate < gate_count; ++gate) parts.push_back(&node.input(first + gate));
  return node.add("concat", parts, {{"axis", int64_t{0}}});
}

/// What all gates get from `rows`: products with their weights in units of 2^-12. The scales of
/// each gate's operands are multiplied in float.
Value& gate_sums(TfliteNode& node, Value& rows, const TfliteTensor& rows_tensor, int first,
                 Value* bias) {
  check_per_tensor(node, rows_tensor);
  std::vector<double> scales;
  for (int gate = 0; gate < gate_count; ++gate) {
    const TfliteTensor& weights = node.input_tensor(first + gate);
    check_per_tensor(node, weights);
    if (zero_of(node, weights) != 0) fail(node, "its weights must have zero point 0");
    const float product = scale_of(node, rows_tensor) * scale_of(node, weights);
    scales.insert(scales.end(), static_cast<size_t>(node.shape(first + gate)[0]),
                  static_cast<double>(product) / gate_unit);
  }
  const DType accumulator = node.dtype(biases);
  Value& weights = node.transposed(of_all_gates(node, first), {1, 0});
  Value& sums =
      node.add("matmul_integer", {&rows, &weights, zero_point_of(node, rows_tensor), nullptr, bias},
               {{"accumulator", to_text(accumulator)}});
  const ScaleConstants scale = scale_constants(node, scales);
  Attributes attributes =
      rounded_as_wanted(node, {{"axis", int64_t{1}}, {"dtype", std::string("i16")}});
  return node.add("requantize_fixed", {&sums, scale.multiplier, scale.shift}, attributes);
}

/// How products of 16-bit numbers are stored.
struct Target {
  double scale = activated_unit;
  int64_t zero_point = 0;
  DType dtype = DType::i16;
};
Value& product(TfliteNode& node, Value& a, Value& b, double scale, const Target& target) {
  Attributes attributes = rounded_as_wanted(
      node, {{"zero_point", target.zero_point}, {"dtype", to_text(target.dtype)}});
  set_scale(attributes, "y", scale / target.scale);
  return node.add("fixed_mul", {&a, &b}, attributes);
}

Value& saturated_sum(TfliteNode& node, Value& a, Value& b) {
  return node.add(
      "fixed_add_shifted", {&a, &b},
      {{"a_shift", int64_t{0}}, {"b_shift", int64_t{0}}, {"dtype", std::string("i16")}});
}

/// The parts of the cell that stay the same from step to step.
struct Cell {
  TfliteNode& node;
  Value& table;
  double scale = 1;         ///< of the cell state
  int64_t tanh_factor = 3;  ///< from the cell state to units of 1 / (3 * 4096), with ...
  int64_t tanh_shift = 0;   ///< ... a shift to the right
  Target hidden = {};

  Value& sigmoid(Value& x) const { return node.add("fixed_sigmoid", {&x, &table}); }
  Value& tanh(Value& x, int64_t factor, int64_t shift) const {
    return node.add("fixed_tanh", {&x, &table}, {{"multiplier", factor}, {"shift", shift}});
  }
};

Cell cell_of(TfliteNode& node) {
  const TfliteTensor& state = node.input_tensor(cell_state);
  const TfliteTensor& hidden = node.input_tensor(output_state);
  check_per_tensor(node, state);
  check_per_tensor(node, hidden);
  const auto scale = static_cast<double>(scale_of(node, state));
  const int64_t left = static_cast<int64_t>(std::lround(std::log2(scale))) + 12;
  if (left > 12 || left < -19) fail(node, "the scale of its cell state, ", scale, ", is extreme");
  return {
      .node = node,
      .table = node.constant(sigmoid_table()),
      .scale = scale,
      .tanh_factor = left < 0 ? 3 : int64_t{3} << left,
      .tanh_shift = left < 0 ? -left : 0,
      .hidden = {static_cast<double>(scale_of(node, hidden)), zero_of(node, hidden), hidden.dtype}};
}

Value& clipped(TfliteNode& node, Value& state, double scale) {
  const double clip = node.real("cell_clip");
  if (clip <= 0) return state;
  const double limit =
      std::trunc(std::min(static_cast<double>(static_cast<float>(clip)) / scale, 32767.0));
  return node.add("clip", {&state}, {{"min", -limit}, {"max", limit}});
}

/// One step: the new output and the new cell state from the gates' sums.
std::pair<Value*, Value*> step(const Cell& cell, Value& sums, Value& state, int64_t hidden) {
  TfliteNode& node = cell.node;
  const auto gate = [&](int number) -> Value& {
    return sliced(node, sums, 1, number * hidden, (number + 1) * hidden);
  };
  Value& forgets = cell.sigmoid(gate(1));
  Value& lets_in = cell.sigmoid(gate(0));
  Value& candidate = cell.tanh(gate(2), 3, 0);
  const Target as_state = {.scale = cell.scale};
  Value& kept = product(node, forgets, state, activated_unit * cell.scale, as_state);
  Value& added = product(node, lets_in, candidate, activated_unit * activated_unit, as_state);
  Value& now = clipped(node, saturated_sum(node, kept, added), cell.scale);
  Value& shown = cell.tanh(now, cell.tanh_factor, cell.tanh_shift);
  Value& lets_out = cell.sigmoid(gate(3));
  return {&product(node, shown, lets_out, activated_unit * activated_unit, cell.hidden), &now};
}

/// One projection of all steps, then a cell for each step.
void sequence_lstm(TfliteNode& node) {
  check_lstm(node);
  const bool time_major = node.flag("time_major");
  Value& x = time_major ? node.input(0) : node.transposed(node.input(0), {1, 0, 2});
  const int64_t steps = x.type.shape[0], batch = x.type.shape[1], width = x.type.shape[2];
  Value& rows = node.reshaped(x, {steps * batch, width});
  Value& projected =
      gate_sums(node, rows, node.input_tensor(0), input_weights, &of_all_gates(node, biases));
  const Cell cell = cell_of(node);
  const int64_t hidden = node.shape(recurrent_weights)[1];
  Value* output = &node.reshaped(node.state(output_state), {batch, hidden});
  Value* state = &node.reshaped(node.state(cell_state), {batch, hidden});
  const Shape output_shape = node.input_tensor(output_state).shape;
  const Shape state_shape = node.input_tensor(cell_state).shape;
  std::vector<Value*> shown;
  for (int64_t i = 0; i < steps; ++i) {
    Value& row = steps == 1 ? projected : sliced(node, projected, 0, i * batch, (i + 1) * batch);
    Value& recurrent =
        gate_sums(node, *output, node.input_tensor(output_state), recurrent_weights, nullptr);
    std::tie(output, state) = step(cell, saturated_sum(node, row, recurrent), *state, hidden);
    shown.push_back(&node.reshaped(*output, {1, batch, hidden}));
  }
  Value& all = node.add("concat", shown, {{"axis", int64_t{0}}});
  node.set_output(0, time_major ? all : node.transposed(all, {1, 0, 2}));
  node.set_state(output_state, node.reshaped(*output, output_shape));
  node.set_state(cell_state, node.reshaped(*state, state_shape));
}

// --- SVDF -----------------------------------------------------------------------------------

/// Every filter reduces the input to one feature, remembers the last few, and weighs them in time;
/// `rank` filters make a unit. Scales are multiplied and divided in float.
void svdf(TfliteNode& node) {
  constexpr int state_input = 4;
  if (node.rank(0) != 2 || node.rank(1) != 2 || node.rank(2) != 2) {
    fail(node, "its input and weights must be matrices");
  }
  const int64_t batch = node.shape(0)[0], filters = node.shape(1)[0], memory = node.shape(2)[1];
  const int64_t rank = node.integer("rank");
  if (rank < 1 || filters % rank != 0) {
    fail(node, "its ", filters, " filters do not divide into units of ", rank);
  }
  const int64_t units = filters / rank;
  for (const int index : {0, 1, 2, state_input}) check_per_tensor(node, node.input_tensor(index));
  check_per_tensor(node, node.output_tensor(0));
  const auto scale_at = [&](int index) { return scale_of(node, node.input_tensor(index)); };
  const TfliteTensor& state = node.input_tensor(state_input);

  Value& sums = node.add("matmul_integer", {&node.input(0), &node.transposed(node.input(1), {1, 0}),
                                            zero_point_of(node, node.input_tensor(0))});
  const float to_state = scale_at(0) * scale_at(1) / scale_at(state_input);
  const ScaleConstants scale = scale_constants(node, {static_cast<double>(to_state)});
  Value& feature = node.add("requantize_fixed", {&sums, scale.multiplier, scale.shift},
                            rounded_as_wanted(node, {{"zero_point", zero_of(node, state)},
                                                     {"dtype", to_text(state.dtype)}}));
  Value& before = node.reshaped(node.state(state_input), {batch, filters, memory});
  std::vector<Value*> features = {&node.reshaped(feature, {batch, filters, 1})};
  if (memory > 1) features.insert(features.begin(), &sliced(node, before, 2, 1, memory));
  Value& now = node.add("concat", features, {{"axis", int64_t{2}}});

  // A unit is one dot product of its filters' memories with their weights.
  Value* bias = node.has_input(3) ? &node.reshaped(node.input(3), {units, 1, 1}) : nullptr;
  Value& weighed =
      node.add("matmul_integer", {&node.reshaped(now, {batch, units, 1, rank * memory}),
                                  &node.reshaped(node.input(2), {units, rank * memory, 1}),
                                  zero_point_of(node, state), nullptr, bias});
  const float to_output =
      scale_at(state_input) * scale_at(2) / scale_of(node, node.output_tensor(0));
  // The activation is always RELU and never computed: it is the zero point that lets nothing below
  // 0 through.
  const TfliteTensor& output = node.output_tensor(0);
  const ScaleConstants shown = scale_constants(node, {static_cast<double>(to_output)});
  node.set_output(
      0, node.add("requantize_fixed",
                  {&node.reshaped(weighed, {batch, units}), shown.multiplier, shown.shift},
                  rounded_as_wanted(node, {{"zero_point", zero_of(node, output)},
                                           {"dtype", to_text(output.dtype)}})));
  node.set_state(state_input, node.reshaped(now, {batch, filters * memory}));
}

const RegisteredTfliteRules registered({
    {.name = "SVDF", .computes = Computes::quantized, .inputs = 5, .convert = svdf},
    {.name = "UNIDIRECTIONAL_SEQUENCE_LSTM",
     .computes = Computes::quantized,
     .inputs = 20,
     .convert = sequence_lstm},
});

}  // namespace
}  // namespace mlfc
