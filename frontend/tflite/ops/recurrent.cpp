// Operators with memory on reals: the sequence LSTM and SVDF. What they remember are variable
// tensors (TfliteNode::state).
#include "frontend/tflite/ops/moving.h"
#include "frontend/tflite/ops/weights.h"

namespace mlfc {
namespace {

// Inputs of the LSTM, by number.
constexpr int input_weights = 1;      // of the gates input, forget, cell, output
constexpr int recurrent_weights = 5;  // likewise
constexpr int peephole_weights = 9;   // input, forget, output
constexpr int biases = 12;            // input, forget, cell, output
constexpr int projection_weights = 16;
constexpr int output_state = 18;
constexpr int cell_state = 19;
constexpr int normalization_weights = 20;

/// lstm_cell wants its gates in the order input, output, forget, cell.
Value& gates(TfliteNode& node, int first) {
  std::vector<Value*> parts;
  for (const int gate : {0, 3, 1, 2}) parts.push_back(&real_weights(node, first + gate));
  return node.add("concat", parts, {{"axis", int64_t{0}}});
}

/// What models of the format may ask for and neither TensorFlow Lite Micro nor this computes.
void check_lstm(TfliteNode& node) {
  const auto refuse = [&](bool wants, const char* what) {
    if (wants) fail(node, "has ", what, ", which is not supported");
  };
  refuse(!node.has_input(input_weights), "an input gate coupled to the forget gate");
  refuse(node.has_input(projection_weights), "a projection");
  for (int i = normalization_weights; i < normalization_weights + 4; ++i) {
    refuse(node.has_input(i), "layer normalisation");
  }
  refuse(node.flag("diagonal_recurrent_tensors"), "diagonal recurrent weights");
  refuse(node.text("fused_activation_function", "NONE") != "TANH",
         "an activation that is not TANH");
  if (node.rank(0) != 3)
    fail(node, "its input must be a batch of sequences but is ", node.shape(0));
  for (const int state : {output_state, cell_state}) {
    if (node.input_tensor(state).shape.size() != 2) fail(node, "its states must be matrices");
  }
}

/// One projection of all steps, then a cell for each step.
void sequence_lstm(TfliteNode& node) {
  check_lstm(node);
  const bool time_major = node.flag("time_major");
  Value& x = time_major ? node.input(0) : node.transposed(node.input(0), {1, 0, 2});
  const int64_t steps = x.type.shape[0], batch = x.type.shape[1], width = x.type.shape[2];
  Value& rows = node.reshaped(x, {steps * batch, width});
  Value& projected = node.add("gemm", {&rows, &gates(node, input_weights), &gates(node, biases)},
                              {{"transB", int64_t{1}}});
  Value& recurrent = gates(node, recurrent_weights);
  std::vector<Value*> old = {&node.state(output_state), &node.state(cell_state)};
  const int64_t hidden = old[0]->type.shape.back();
  Value* peepholes = nullptr;
  if (node.has_input(peephole_weights)) {
    std::vector<Value*> parts;
    for (const int gate : {0, 2, 1}) parts.push_back(&real_weights(node, peephole_weights + gate));
    peepholes = &node.add("concat", parts, {{"axis", int64_t{0}}});
  }
  const std::vector<double> none(3, 0);
  const Attributes attributes = {
      {"activations", std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"}},
      {"alphas", none},
      {"betas", none},
      {"state_clip", node.real("cell_clip")}};
  std::vector<Value*> shown;
  for (int64_t step = 0; step < steps; ++step) {
    Value& row =
        steps == 1 ? projected : sliced(node, projected, 0, step * batch, (step + 1) * batch);
    std::vector<Value*> operands = {&row, &recurrent, old[0], old[1]};
    if (peepholes != nullptr) operands.push_back(peepholes);
    old = node.add_all("lstm_cell", operands, 2, attributes);
    shown.push_back(&node.reshaped(*old[0], {1, batch, hidden}));
  }
  Value& all = node.add("concat", shown, {{"axis", int64_t{0}}});
  node.set_output(0, time_major ? all : node.transposed(all, {1, 0, 2}));
  node.set_state(output_state, *old[0]);
  node.set_state(cell_state, *old[1]);
}

/// Every filter reduces the input to one feature, remembers the last few, and weighs them in time;
/// `rank` filters make a unit.
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
  Value& feature =
      node.add("gemm", {&node.input(0), &real_weights(node, 1)}, {{"transB", int64_t{1}}});
  Value& before = node.reshaped(node.state(state_input), {batch, filters, memory});
  std::vector<Value*> features = {&node.reshaped(feature, {batch, filters, 1})};
  if (memory > 1) features.insert(features.begin(), &sliced(node, before, 2, 1, memory));
  Value& now = node.add("concat", features, {{"axis", int64_t{2}}});
  Value& weighed = node.add("mul", {&now, &real_weights(node, 2)});
  Value& parts = node.reshaped(weighed, {batch, filters / rank, rank * memory});
  Value* result =
      &node.add("reduce_sum", {&parts, &node.integers_constant({2})}, {{"keepdims", int64_t{0}}});
  if (node.has_input(3)) result = &node.add("add", {result, &real_weights(node, 3)});
  node.set_output(0, node.activated(*result));
  node.set_state(state_input, node.reshaped(now, {batch, filters * memory}));
}

const RegisteredTfliteRules registered({
    {.name = "SVDF", .inputs = 5, .convert = svdf},
    {.name = "UNIDIRECTIONAL_SEQUENCE_LSTM", .inputs = 20, .convert = sequence_lstm},
});

}  // namespace
}  // namespace mlfc
