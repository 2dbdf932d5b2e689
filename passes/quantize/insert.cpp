// Inserts quantize_linear and dequantize_linear according to a plan.
#include "passes/quantize/insert.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "ir/operator.h"
#include "passes/quantize/contraction.h"

namespace mlfc {
namespace {

constexpr const char* kComputed = "/computed";
constexpr int64_t kHighest = 127;  // symmetric: -128 is left unused

int64_t entries_of(const Tensor& weights, int axis) {
  return axis < 0 ? 1 : weights.type.shape[static_cast<size_t>(axis)];
}

/// Which entry of `axis` element `place` belongs to.
int64_t entry_of(const Tensor& weights, int axis, int64_t place) {
  if (axis < 0) return 0;
  const int64_t stride = row_major_strides(weights.type.shape)[static_cast<size_t>(axis)];
  return place / stride % weights.type.shape[static_cast<size_t>(axis)];
}

Tensor scale_tensor(const std::vector<float>& scales, bool per_entry) {
  const Shape shape = per_entry ? Shape{static_cast<int64_t>(scales.size())} : Shape{};
  return tensor_of(DType::f32, shape, {scales.begin(), scales.end()});
}

class Inserter {
 public:
  Inserter(Graph& graph, const Plan& plan, const std::map<std::string, Parameters>& parameters,
           const QuantizeOptions& options)
      : graph_(graph), plan_(plan), parameters_(parameters), options_(options) {}

  void run() {
    // Weights first: their scales depend on whose data they multiply, by name.
    for (auto place = graph_.nodes.begin(); place != graph_.nodes.end(); ++place) {
      quantize_operands(**place);
    }
    for (const std::string& name : plan_.stored) {
      Value* value = graph_.find_value(name);
      check(value != nullptr, "the planned value '", name, "' is not in the graph");
      store(*value);
    }
    graph_.remove_unused();
  }

 private:
  Value& dequantize(Graph::Position before, Value& integers, Value& scale, Value& zero,
                    const std::string& name, int axis) {
    Attributes attributes;
    if (axis >= 0) attributes["axis"] = int64_t{axis};
    Node& node = graph_.insert_node(before, operator_named("dequantize_linear"),
                                    {&integers, &scale, &zero}, {name}, attributes);
    node.output().type = {DType::f32, integers.type.shape, {}};
    return node.output();
  }

  const Parameters* parameters_of(const Value& value) const {
    const auto found = parameters_.find(value.name);
    return found == parameters_.end() ? nullptr : &found->second;
  }

  void quantize_operands(Node& node) {
    if (node.outputs.size() != 1 || !plan_.contractions.contains(node.output().name)) return;
    const std::optional<ContractionNode> contraction = contraction_of(node);
    check(contraction.has_value(), describe(node), " was planned as a contraction");
    if (!contraction->weights_are_constant) return;
    const ContractionNode::Channel channel = contraction->channel();
    const Value& weights = contraction->weight_value();
    const int axis = options_.per_channel ? channel.weight_dim : -1;
    const WeightForm form = weight_form(*weights.constant, axis);
    const Parameters* data = parameters_of(contraction->data_value());
    if (contraction->bias >= 0 && data != nullptr) {
      quantize_bias(node, contraction->bias, form, data->scale);
    }
    node.inputs[static_cast<size_t>(contraction->weights)] = &weights_of(node, weights, form);
  }

  /// The dequantized weights; two contractions that share weights share these, too.
  Value& weights_of(const Node& node, const Value& weights, const WeightForm& form) {
    const auto key = std::pair{&weights, form.axis};
    const auto found = weights_.find(key);
    if (found != weights_.end()) return *found->second;
    const bool per_entry = form.axis >= 0;
    Value& integers = graph_.add_constant(weights.name + "/quantized",
                                          quantized_weights(*weights.constant, form));
    Value& scale =
        graph_.add_constant(weights.name + "/scale", scale_tensor(form.scales, per_entry));
    Value& zero = graph_.add_constant(weights.name + "/zero_point",
                                      Tensor({DType::i8, scale.type.shape, {}}));
    return *(weights_[key] = &dequantize(graph_.position(node), integers, scale, zero,
                                         dequantized_name(weights.name), form.axis));
  }

  /// In units of the accumulator: the scale of the data times that of the weights.
  void quantize_bias(Node& node, int input, const WeightForm& form, float data_scale) {
    const Value& bias = node.input(input);
    std::vector<float> scales;
    const int64_t channels = bias.type.elements();
    for (int64_t i = 0; i < channels; ++i) {
      scales.push_back(data_scale * form.scales[form.axis < 0 ? 0 : static_cast<size_t>(i)]);
    }
    Tensor integers({DType::i32, bias.type.shape, {}});
    for (int64_t i = 0; i < channels; ++i) {
      const double steps = std::nearbyint(bias.constant->real(i) / scales[static_cast<size_t>(i)]);
      // Past 2^30 the accumulator has no room left for the sum: the bias stays float.
      if (!(std::fabs(steps) < 0x1p30) || scales[static_cast<size_t>(i)] == 0) return;
      integers.set_integer(i, static_cast<int64_t>(steps));
    }
    Value& quantized = graph_.add_constant(bias.name + "/quantized", std::move(integers));
    Value& scale = graph_.add_constant(bias.name + "/scale", scale_tensor(scales, true));
    Value& zero =
        graph_.add_constant(bias.name + "/zero_point", Tensor({DType::i32, {channels}, {}}));
    node.inputs[static_cast<size_t>(input)] =
        &dequantize(graph_.position(node), quantized, scale, zero, dequantized_name(bias.name), 0);
  }

  struct Constants {
    Value* scale = nullptr;
    Value* zero = nullptr;
  };
  /// Values with the same parameters share the constants that say them.
  Constants constants_of(const Value& value, const Parameters& parameters) {
    const auto key = std::tuple{parameters.dtype, parameters.scale, parameters.zero_point};
    const auto found = constants_.find(key);
    if (found != constants_.end()) return found->second;
    Value& scale =
        graph_.add_constant(value.name + "/scale", tensor_of(DType::f32, {}, {parameters.scale}));
    Value& zero =
        graph_.add_constant(value.name + "/zero_point", Tensor({parameters.dtype, {}, {}}));
    zero.constant->set_integer(0, parameters.zero_point);
    return constants_[key] = {&scale, &zero};
  }

  void store(Value& value) {
    const Parameters& parameters = *parameters_of(value);
    const Constants constants = constants_of(value, parameters);
    const bool is_input = graph_.is_input(value), is_output = graph_.is_output(value);
    if (is_input && options_.integer_io) return read_integers(value, parameters, constants);
    auto after = is_input ? graph_.nodes.begin() : std::next(graph_.position(*value.producer));
    Node& quantize =
        graph_.insert_node(after, operator_named("quantize_linear"),
                           {&value, constants.scale, constants.zero}, {value.name + "/quantized"});
    quantize.output().type = {parameters.dtype, value.type.shape, {}};
    Value& read = dequantize(std::next(graph_.position(quantize)), quantize.output(),
                             *constants.scale, *constants.zero, dequantized_name(value.name), -1);
    graph_.replace_uses(value, read);
    quantize.inputs[0] = &value;
    if (is_output) name_output(value, options_.integer_io ? quantize.output() : read, read);
  }

  /// The graph's input itself holds the integers.
  void read_integers(Value& input, const Parameters& parameters, const Constants& constants) {
    const std::vector<Node*> users = graph_.users(input);
    input.type.dtype = parameters.dtype;
    Value& read = dequantize(graph_.nodes.begin(), input, *constants.scale, *constants.zero,
                             dequantized_name(input.name), -1);
    const Node* reader = read.producer;
    const bool is_output = graph_.is_output(input);
    check(!is_output, "the input '", input.name, "' is an output as well");
    graph_.replace_uses(input, read);
    const_cast<Node*>(reader)->inputs[0] = &input;
  }

  /// What the user sees keeps its name; `replace_uses` has made `read` the graph's output.
  void name_output(Value& value, Value& output, Value& read) {
    std::replace(graph_.outputs.begin(), graph_.outputs.end(), &read, &output);
    const std::string name = value.name, old = output.name;
    graph_.rename(value, name + kComputed);
    graph_.rename(output, name);
  }

  Graph& graph_;
  const Plan& plan_;
  const std::map<std::string, Parameters>& parameters_;
  const QuantizeOptions& options_;
  std::map<std::pair<const Value*, int>, Value*> weights_ = {};
  std::map<std::tuple<DType, float, int64_t>, Constants> constants_ = {};
};

}  // namespace

std::string dequantized_name(const std::string& value) {
  return value + "/dequantized";
}

std::string stored_value_of(const Value& computed) {
  constexpr std::string_view suffix = kComputed;
  const bool gave_its_name = computed.name.ends_with(suffix);
  return gave_its_name ? computed.name.substr(0, computed.name.size() - suffix.size())
                       : computed.name;
}

WeightForm weight_form(const Tensor& weights, int axis) {
  WeightForm form{.axis = axis};
  std::vector<double> largest(static_cast<size_t>(entries_of(weights, axis)), 0.0);
  for (int64_t i = 0; i < weights.type.elements(); ++i) {
    double& entry = largest[static_cast<size_t>(entry_of(weights, axis, i))];
    entry = std::max(entry, std::fabs(weights.real(i)));
  }
  for (const double top : largest) {
    form.scales.push_back(parameters_for({-top, top}, DType::i8, true).scale);
  }
  return form;
}

Tensor quantized_weights(const Tensor& weights, const WeightForm& form) {
  Tensor integers({DType::i8, weights.type.shape, {}});
  for (int64_t i = 0; i < weights.type.elements(); ++i) {
    const float scale = form.scales[static_cast<size_t>(entry_of(weights, form.axis, i))];
    const auto steps = static_cast<int64_t>(std::nearbyint(weights.real(i) / scale));
    integers.set_integer(i, std::clamp(steps, -kHighest, kHighest));
  }
  return integers;
}

Tensor stored_weights(const Tensor& weights, const WeightForm& form) {
  const Tensor integers = quantized_weights(weights, form);
  Tensor result({DType::f32, weights.type.shape, {}});
  for (int64_t i = 0; i < weights.type.elements(); ++i) {
    const float scale = form.scales[static_cast<size_t>(entry_of(weights, form.axis, i))];
    result.set_real(i, static_cast<double>(integers.integer(i)) * scale);
  }
  return result;
}

void insert_quantization(Graph& graph, const Plan& plan,
                         const std::map<std::string, Parameters>& parameters,
                         const QuantizeOptions& options) {
  Inserter(graph, plan, parameters, options).run();
}

}  // namespace mlfc
