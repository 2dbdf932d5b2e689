// Shapes, activations and unrolling of recurrent operators.
#include "ir/ops/recurrence.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

// Every step becomes nodes of its own.
constexpr int64_t kMostSteps = 4096;

// --- activations ----------------------------------------------------------------------------

struct ActivationRow {
  std::string_view name = {};
  double alpha = 0, beta = 0;  ///< defaults
  Expr (*apply)(const Expr& x, double alpha, double beta) = nullptr;
};

const std::vector<ActivationRow>& activation_rows() {
  using E = const Expr&;
  static const std::vector<ActivationRow> rows = {
      {"relu", 0, 0, [](E x, double, double) { return max_expr(x, 0); }},
      {"tanh", 0, 0, [](E x, double, double) { return tanh(x); }},
      {"sigmoid", 0, 0, [](E x, double, double) { return sigmoid(x); }},
      {"affine", 1, 0, [](E x, double a, double b) { return Expr(a) * x + Expr(b); }},
      {"leakyrelu", 0.01, 0,
       [](E x, double a, double) { return select_expr(less(x, 0), Expr(a) * x, x); }},
      {"thresholdedrelu", 1, 0,
       [](E x, double a, double) { return select_expr(less(x, a), 0, x); }},
      {"scaledtanh", 1, 1, [](E x, double a, double b) { return Expr(a) * tanh(Expr(b) * x); }},
      {"hardsigmoid", 0.2, 0.5,
       [](E x, double a, double b) { return max_expr(min_expr(Expr(a) * x + Expr(b), 1), 0); }},
      {"elu", 1, 0,
       [](E x, double a, double) {
         return select_expr(less(x, 0), Expr(a) * (exp(x) - Expr(1)), x);
       }},
      {"softsign", 0, 0, [](E x, double, double) { return x / (Expr(1) + abs(x)); }},
      {"softplus", 0, 0, [](E x, double, double) { return softplus(x); }},
  };
  return rows;
}

const ActivationRow& activation_row(const Node& node, std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const ActivationRow& row : activation_rows()) {
    if (row.name == name) return row;
  }
  fail(node, "activation '", name, "' is unknown");
}

using Texts = std::vector<std::string>;

Texts texts(const Node& node, const std::string& name) {
  return node.has(name) ? std::get<Texts>(node.attributes.at(name)) : Texts();
}

// --- shapes ---------------------------------------------------------------------------------

void check_shape(const Node& node, int input, const Shape& expected) {
  if (!node.has_input(input)) return;
  const TensorType wanted = {node.input(0).type.dtype, expected, {}};
  if (node.input(input).type.plain() == wanted) return;
  fail(node, input_name(node, input), " is ", node.input(input).type, " but must be ", wanted);
}

void check_lengths(const Node& node, const Recurrence& recurrence) {
  if (!node.has_input(4)) return;
  for (const int64_t length : constant_integers(node, 4)) {
    if (length != recurrence.steps) {
      fail(node, "sequences of different lengths in one batch are not supported; a sequence has ",
           length, " steps but x has ", recurrence.steps);
    }
  }
}

Shape state_shape(const Recurrence& recurrence) {
  const int64_t directions = recurrence.directions;
  if (recurrence.batch_first) return {recurrence.batch, directions, recurrence.hidden};
  return {directions, recurrence.batch, recurrence.hidden};
}

// --- unrolling ------------------------------------------------------------------------------

Value* joined(Expansion& expansion, const std::vector<Value*>& parts, int64_t axis) {
  if (parts.size() == 1) return parts.front();
  return &expansion.add("concat", parts, {{"axis", axis}});
}

Value* transposed(Expansion& expansion, Value* value, const std::vector<int64_t>& perm) {
  return &expansion.add("transpose", {value}, {{"perm", perm}});
}

/// The initial state of one direction, [batch, hidden].
Value* initial_state(Expansion& expansion, const Recurrence& recurrence, int input,
                     int64_t direction) {
  const Node& node = expansion.node();
  const Shape shape = {recurrence.batch, recurrence.hidden};
  if (!node.has_input(input)) {
    return &expansion.constant(splat({node.input(0).type.dtype, shape, {}}, 0));
  }
  Value* states = node.inputs[input];
  if (recurrence.batch_first) states = transposed(expansion, states, {1, 0, 2});
  return taken(expansion, states, direction, 1, shape);
}

struct DirectionResult {
  std::vector<Value*> first_states = {};  ///< of every step, in the order of time
  std::vector<Value*> last_states = {};
};

DirectionResult one_direction(Expansion& expansion, const Recurrence& recurrence, int states,
                              int64_t direction, Value* x, const MakeBias& make_bias,
                              const PrepareSteps& prepare) {
  const Node& node = expansion.node();
  const int64_t width = recurrence.gates * recurrence.hidden;
  Value* weights = taken(expansion, node.inputs[1], direction, 1, {width, recurrence.inputs});
  std::vector<Value*> factors = {x, weights};
  if (Value* bias = make_bias(direction)) factors.push_back(bias);
  Value* projected = &expansion.add("gemm", factors, {{"transB", int64_t{1}}});

  DirectionResult result;
  for (int i = 0; i < states; ++i) {
    result.last_states.push_back(initial_state(expansion, recurrence, 5 + i, direction));
  }
  const MakeStep make_step = prepare(direction);
  const bool reverse = recurrence.first_is_reverse || direction == 1;
  result.first_states.resize(recurrence.steps);
  for (int64_t i = 0; i < recurrence.steps; ++i) {
    const int64_t step = reverse ? recurrence.steps - 1 - i : i;
    Value* row = taken(expansion, projected, step * recurrence.batch, recurrence.batch);
    result.last_states = make_step(row, result.last_states);
    result.first_states[step] = result.last_states.front();
  }
  return result;
}

}  // namespace

std::vector<AttributeSpec> recurrence_attributes() {
  return {integer("hidden_size", 0),
          text("direction", "forward"),
          integer("layout", 0),
          {.name = "activations", .fallback = Texts()},
          reals("activation_alpha"),
          reals("activation_beta"),
          real("clip", 0)};
}

Recurrence recurrence_of(const Node& node, int64_t gates, int states) {
  const TensorType& x = node.input(0).type;
  const TensorType& r = node.input(2).type;
  if (x.rank() != 3 || r.rank() != 3) fail(node, "x and r must have 3 dimensions: ", x, ", ", r);
  const std::string& direction = node.text("direction");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    fail(node, "direction '", direction, "' is none of forward, reverse, bidirectional");
  }
  const bool batch_first = node.integer("layout") == 1;
  const Recurrence recurrence = {.steps = x.shape[batch_first ? 1 : 0],
                                 .batch = x.shape[batch_first ? 0 : 1],
                                 .inputs = x.shape[2],
                                 .hidden = r.shape[2],
                                 .gates = gates,
                                 .directions = direction == "bidirectional" ? 2 : 1,
                                 .first_is_reverse = direction == "reverse",
                                 .batch_first = batch_first};
  if (recurrence.steps > kMostSteps) {
    fail(node, "has ", recurrence.steps, " steps; steps are written out, up to ", kMostSteps,
         ": cut the sequence");
  }
  const int64_t directions = recurrence.directions;
  const int64_t width = gates * recurrence.hidden;
  check_shape(node, 1, {directions, width, recurrence.inputs});
  check_shape(node, 2, {directions, width, recurrence.hidden});
  check_shape(node, 3, {directions, 2 * width});
  for (int i = 0; i < states; ++i) check_shape(node, 5 + i, state_shape(recurrence));
  check_lengths(node, recurrence);
  if (node.has("hidden_size") && node.integer("hidden_size") != recurrence.hidden) {
    fail(node, "hidden_size is ", node.integer("hidden_size"), " but r is ", r);
  }
  return recurrence;
}

std::vector<TensorType> recurrence_types(const Node& node, const Recurrence& recurrence,
                                         int states) {
  const DType dtype = node.input(0).type.dtype;
  const auto [steps, batch, directions, hidden] =
      std::array{recurrence.steps, recurrence.batch, recurrence.directions, recurrence.hidden};
  const Shape y = recurrence.batch_first ? Shape{batch, steps, directions, hidden}
                                         : Shape{steps, directions, batch, hidden};
  std::vector<TensorType> types = {{dtype, y, {}}};
  for (int i = 0; i < states; ++i) types.push_back({dtype, state_shape(recurrence), {}});
  return types;
}

std::vector<AttributeSpec> cell_attributes() {
  return {{.name = "activations", .fallback = Texts(), .required = true},
          reals("alphas"),
          reals("betas"),
          real("clip", 0)};
}

Attributes cell_attributes_of(const Node& node, int64_t direction, const Texts& defaults) {
  Texts names = texts(node, "activations");
  const std::vector<double> alphas = node.reals("activation_alpha");
  const std::vector<double> betas = node.reals("activation_beta");
  const bool bidirectional = node.text("direction") == "bidirectional";
  const size_t count = defaults.size();
  if (names.empty()) {
    names = defaults;
    if (bidirectional) names.insert(names.end(), defaults.begin(), defaults.end());
  }
  if (names.size() != count * (bidirectional ? 2 : 1)) {
    fail(node, "has ", names.size(), " activations but needs ", count, " per direction");
  }
  // Parameters are listed only for the functions that take them.
  Texts own;
  std::vector<double> own_alphas;
  std::vector<double> own_betas;
  size_t next_alpha = 0;
  size_t next_beta = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const ActivationRow& row = activation_row(node, names[i]);
    double alpha = row.alpha;
    double beta = row.beta;
    if (row.alpha != 0 && next_alpha < alphas.size()) alpha = alphas[next_alpha++];
    const bool takes_beta = row.name == "affine" || row.beta != 0;
    if (takes_beta && next_beta < betas.size()) beta = betas[next_beta++];
    if (i / count != static_cast<size_t>(direction)) continue;
    own.emplace_back(row.name);
    own_alphas.push_back(alpha);
    own_betas.push_back(beta);
  }
  return {{"activations", own},
          {"alphas", own_alphas},
          {"betas", own_betas},
          {"clip", node.has("clip") ? node.real("clip") : 0.0}};
}

void check_cell_operands(const Node& cell, const std::vector<std::pair<int, int64_t>>& vectors) {
  const DType dtype = cell.input(0).type.dtype;
  for (const Value* input : cell.inputs) {
    if (input == nullptr || input->type.dtype == dtype) continue;
    fail(cell, "all operands must be of one type, but ", cell.input(0).name, " is ",
         cell.input(0).type, " and ", input->name, " is ", input->type);
  }
  if (!is_float(dtype)) fail(cell, "computes real numbers, not ", cell.input(0).type);
  for (const auto& [slot, length] : vectors) {
    if (!cell.has_input(slot) || cell.input(slot).type.shape == Shape{length}) continue;
    fail(cell, input_name(cell, slot), " is ", cell.input(slot).type, " but must be of ", length,
         " elements");
  }
}

Expr cell_activation(const Node& cell, int index, Expr x, bool clipped) {
  const double clip = cell.real("clip");
  if (clipped && clip > 0) x = min_expr(max_expr(x, -clip), clip);
  const auto place = static_cast<size_t>(index);
  const Texts names = texts(cell, "activations");
  const std::vector<double> alphas = cell.reals("alphas"), betas = cell.reals("betas");
  if (place >= std::min({names.size(), alphas.size(), betas.size()})) {
    fail(cell, "needs an activation number ", index, " with its alpha and beta");
  }
  return activation_row(cell, names[place]).apply(x, alphas[place], betas[place]);
}

std::vector<Value*> unrolled(Expansion& expansion, const Recurrence& recurrence, int states,
                             const MakeBias& make_bias, const PrepareSteps& prepare) {
  Value* x = expansion.node().inputs[0];
  if (recurrence.batch_first) x = transposed(expansion, x, {1, 0, 2});
  x = reshaped(expansion, x, {recurrence.steps * recurrence.batch, recurrence.inputs});

  std::vector<std::vector<Value*>> rows(recurrence.steps);
  std::vector<std::vector<Value*>> last(states);
  for (int64_t direction = 0; direction < recurrence.directions; ++direction) {
    const DirectionResult result =
        one_direction(expansion, recurrence, states, direction, x, make_bias, prepare);
    const Shape one_step = {1, 1, recurrence.batch, recurrence.hidden};
    for (int64_t step = 0; step < recurrence.steps; ++step) {
      rows[step].push_back(reshaped(expansion, result.first_states[step], one_step));
    }
    for (int i = 0; i < states; ++i) {
      last[i].push_back(
          reshaped(expansion, result.last_states[i], {1, recurrence.batch, recurrence.hidden}));
    }
  }
  std::vector<Value*> steps;
  for (const std::vector<Value*>& row : rows) steps.push_back(joined(expansion, row, 1));
  std::vector<Value*> results = {joined(expansion, steps, 0)};
  for (const std::vector<Value*>& state : last) results.push_back(joined(expansion, state, 0));
  if (!recurrence.batch_first) return results;
  results[0] = transposed(expansion, results[0], {2, 0, 1, 3});
  for (size_t i = 1; i < results.size(); ++i) {
    results[i] = transposed(expansion, results[i], {1, 0, 2});
  }
  return results;
}

Value* taken(Expansion& expansion, Value* value, int64_t start, int64_t count, const Shape& shape) {
  const bool whole = start == 0 && count == value->type.shape.front();
  if (!whole) {
    const auto number = [&](int64_t n) { return &expansion.constant(integer_tensor({n})); };
    value = &expansion.add("slice", {value, number(start), number(start + count), number(0)});
  }
  return shape.empty() ? value : reshaped(expansion, value, shape);
}

Value* reshaped(Expansion& expansion, Value* value, const Shape& shape) {
  if (value->type.shape == shape) return value;
  return &expansion.add("reshape", {value, &expansion.constant(integer_tensor(shape))});
}

}  // namespace mlfc
