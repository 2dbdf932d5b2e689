// Turns the model's declared inputs into graph inputs. Shapes must be static before compilation
// starts, so every dimension that neither the model nor the command line states is reported, all
// in one message with the flag to type.
#include <algorithm>

#include "frontend/onnx/model.h"
#include "frontend/onnx/tensor_data.h"

namespace mlfc {
namespace {

constexpr int64_t open = -1;

struct Input {
  std::string name = {};
  DType dtype = DType::none;
  bool is_four_bit = false;
  bool has_rank = false;
  Shape shape = {};                       ///< `open` where the model does not say
  std::vector<std::string> symbols = {};  ///< names of open dimensions, "" where they have none
};

Input declared_input(const onnx::ValueInfoProto& info, const std::string& where) {
  Input input;
  input.name = info.name();
  input.dtype = tensor_dtype(info, where);
  const auto& type = info.type().tensor_type();
  input.is_four_bit = is_four_bit(type.elem_type());
  input.has_rank = type.has_shape();
  for (const auto& dim : type.shape().dim()) {
    // Exporters also write -1 for a dimension they do not know.
    const bool known = dim.has_dim_value() && dim.dim_value() >= 0;
    input.shape.push_back(known ? dim.dim_value() : open);
    input.symbols.push_back(dim.has_dim_param() ? dim.dim_param() : "");
  }
  return input;
}

/// The shape as the model spells it: [batch,3,?,224].
std::string open_shape_text(const Input& input) {
  if (!input.has_rank) return "[shape not stated]";
  std::string text = "[";
  for (size_t i = 0; i < input.shape.size(); ++i) {
    if (i > 0) text += ",";
    if (input.shape[i] != open) {
      text += std::to_string(input.shape[i]);
    } else {
      text += input.symbols[i].empty() ? "?" : input.symbols[i];
    }
  }
  return text + "]";
}

/// What to write for it on the command line: an open first dimension is nearly always the batch.
std::string suggestion(const Input& input) {
  if (!input.has_rank) return input.name + ":[...]";
  std::string text = input.name + ":[";
  for (size_t i = 0; i < input.shape.size(); ++i) {
    if (i > 0) text += ",";
    if (input.shape[i] != open) {
      text += std::to_string(input.shape[i]);
    } else {
      text += i == 0 ? "1" : "?";
    }
  }
  return text + "]";
}

void bind_shape(Input& input, const Shape& given, const std::string& where) {
  if (input.has_rank && given.size() != input.shape.size()) {
    fail(where, "--input-shapes gives it ", given, ", but the model says ", open_shape_text(input));
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (input.has_rank && input.shape[i] != open && input.shape[i] != given[i] && given[i] > 0) {
      fail(where, "--input-shapes gives it ", given, ", but the model says ",
           open_shape_text(input));
    }
  }
  if (!input.has_rank) {
    input.shape.assign(given.size(), open);
    input.symbols.assign(given.size(), "");
    input.has_rank = true;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] > 0) input.shape[i] = given[i];
  }
}

/// Dimensions of one name have one size throughout a model.
void spread_symbols(std::vector<Input>& inputs, const std::vector<Input>& before) {
  std::map<std::string, int64_t> sizes;
  for (size_t n = 0; n < inputs.size(); ++n) {
    for (size_t i = 0; i < before[n].symbols.size(); ++i) {
      const bool bound_now = before[n].shape[i] == open && inputs[n].shape[i] != open;
      if (bound_now && !inputs[n].symbols[i].empty()) {
        sizes.emplace(inputs[n].symbols[i], inputs[n].shape[i]);
      }
    }
  }
  for (Input& input : inputs) {
    for (size_t i = 0; i < input.shape.size(); ++i) {
      const auto found = sizes.find(input.symbols[i]);
      if (input.shape[i] == open && found != sizes.end()) input.shape[i] = found->second;
    }
  }
}

bool is_open(const Input& input) {
  return !input.has_rank || std::ranges::find(input.shape, open) != input.shape.end();
}

void fail_on_open_inputs(const std::vector<Input>& inputs, const Model& model) {
  std::string list, flag;
  int count = 0;
  for (const Input& input : inputs) {
    if (!is_open(input)) continue;
    ++count;
    list += fmt::format("{}'{}' {}", list.empty() ? "" : ", ", input.name, open_shape_text(input));
    flag += (flag.empty() ? "" : " ") + suggestion(input);
  }
  if (count == 0) return;
  fail(model.file, count == 1 ? "the shape of input " : "the shapes of inputs ", list,
       count == 1 ? " is" : " are", " not fixed; state every dimension: --input-shapes \"", flag,
       "\"");
}

void check_names(const ImportOptions& options, const std::vector<Input>& inputs,
                 const Model& model) {
  for (const auto& [name, shape] : options.input_shapes) {
    const bool known =
        std::ranges::any_of(inputs, [&](const Input& input) { return input.name == name; });
    if (known || options.constant_inputs.contains(name)) continue;
    std::string names;
    for (const Input& input : inputs) names += (names.empty() ? "'" : ", '") + input.name + "'";
    fail(model.file, "--input-shapes names '", name, "', which is not an input; inputs are ",
         names.empty() ? "none" : names);
  }
}

}  // namespace

DType tensor_dtype(const onnx::ValueInfoProto& info, const std::string& where) {
  const auto& type = info.type();
  if (type.has_tensor_type()) return dtype_of_onnx(type.tensor_type().elem_type(), where);
  const char* kind = type.has_sequence_type()        ? "a sequence"
                     : type.has_map_type()           ? "a map"
                     : type.has_optional_type()      ? "an optional"
                     : type.has_sparse_tensor_type() ? "a sparse tensor"
                                                     : "without a type";
  fail(where, "is ", kind, "; only dense tensors are supported");
}

void add_inputs(const Model& model, const std::map<std::string, Tensor>& initialisers,
                Scope& scope) {
  const ImportOptions& options = model.options;
  std::vector<Input> inputs;
  for (const onnx::ValueInfoProto& info : model.proto.graph().input()) {
    const std::string where = model.file + ": input '" + info.name() + "'";
    if (info.name().empty()) fail(model.file, "an input has no name");
    // Since IR version 4 an input with an initialiser is one with a default; it is compiled in.
    if (initialisers.contains(info.name())) continue;
    const Input input = declared_input(info, where);
    const auto constant = options.constant_inputs.find(info.name());
    if (constant == options.constant_inputs.end()) {
      inputs.push_back(input);
      continue;
    }
    if (constant->second.type.dtype != input.dtype) {
      fail(where, "has type ", input.dtype, " but its constant value is ", constant->second.type);
    }
    define(scope, info.name(), scope.graph->add_constant(info.name(), constant->second), where);
  }
  check_names(options, inputs, model);
  const std::vector<Input> before = inputs;
  for (Input& input : inputs) {
    const auto given = options.input_shapes.find(input.name);
    if (given == options.input_shapes.end()) continue;
    bind_shape(input, given->second, model.file + ": input '" + input.name + "'");
  }
  spread_symbols(inputs, before);
  fail_on_open_inputs(inputs, model);
  for (const Input& input : inputs) {
    const std::string where = model.file + ": input '" + input.name + "'";
    checked_elements(input.shape, where);
    Value& value = scope.graph->add_input(input.name, {input.dtype, input.shape, std::nullopt});
    define(scope, input.name, value, where);
    if (input.is_four_bit) model.four_bit.insert(&value);
  }
}

}  // namespace mlfc
