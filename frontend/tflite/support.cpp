// Lists every operator of a model that has no rule, before anything is converted: somebody who has
// to change a model wants the whole list, not the first line of it. Also decides which kind of rule
// an operator wants.
#include <algorithm>

#include "frontend/tflite/scope.h"

namespace mlfc {
namespace {

bool is_quantized(const TfliteTensor& tensor) {
  const bool is_narrow = tensor.dtype == DType::i8 || tensor.dtype == DType::u8 ||
                         tensor.dtype == DType::i16 || tensor.dtype == DType::u16;
  return is_narrow && !tensor.quantization.empty();
}

/// Subgraphs that the model can come to: others belong to entry points that nobody asked for.
std::set<int64_t> reachable_subgraphs(const TfliteModel& model) {
  std::set<int64_t> seen = {0};
  std::vector<int64_t> open = {0};
  while (!open.empty()) {
    const int64_t number = open.back();
    open.pop_back();
    for (const TfliteOperator& op : model.subgraphs[static_cast<size_t>(number)].operators) {
      for (const auto& [name, value] : op.options) {
        const bool names_subgraph = name.find("subgraph") != std::string::npos;
        const auto* target = std::get_if<int64_t>(&value);
        if (!names_subgraph || target == nullptr) continue;
        const bool exists = *target >= 0 && *target < static_cast<int64_t>(model.subgraphs.size());
        if (exists && seen.insert(*target).second) open.push_back(*target);
      }
    }
  }
  return seen;
}

std::string list_of(const std::vector<std::string>& places) {
  constexpr size_t shown = 10;
  std::string text;
  for (size_t i = 0; i < std::min(places.size(), shown); ++i) {
    text += (i > 0 ? ", " : "") + places[i];
  }
  if (places.size() > shown) text += fmt::format(" and {} more", places.size() - shown);
  return text;
}

std::string missing_name(const TfliteSubgraph& graph, const TfliteOperator& op) {
  if (op.is_custom) return "custom operator " + op.name;
  const bool is_known = find_tflite_rule(op.name, false, !is_quantized(graph, op)) != nullptr;
  if (!is_known) return op.name;
  return op.name + (is_quantized(graph, op) ? " on quantised integers" : " on plain numbers");
}

}  // namespace

bool is_quantized(const TfliteSubgraph& subgraph, const TfliteOperator& op) {
  const auto first = [&](const std::vector<int>& operands) -> const TfliteTensor* {
    if (operands.empty() || operands.front() < 0) return nullptr;
    return &subgraph.tensors[static_cast<size_t>(operands.front())];
  };
  const TfliteTensor* input = first(op.inputs);
  const TfliteTensor* output = first(op.outputs);
  if (input != nullptr && is_float(input->dtype)) return false;
  return (input != nullptr && is_quantized(*input)) || (output != nullptr && is_quantized(*output));
}

void check_tflite_support(const TfliteModel& model) {
  std::map<std::string, std::vector<std::string>> missing;
  for (const int64_t number : reachable_subgraphs(model)) {
    const TfliteSubgraph& graph = model.subgraphs[static_cast<size_t>(number)];
    for (size_t i = 0; i < graph.operators.size(); ++i) {
      const TfliteOperator& op = graph.operators[i];
      if (find_tflite_rule(op.name, op.is_custom, is_quantized(graph, op)) != nullptr) continue;
      const std::string part = number == 0 ? "" : fmt::format("subgraph {} ", number);
      missing[missing_name(graph, op)].push_back(
          fmt::format("{}operator {} '{}'", part, i, tflite_label(graph, op)));
    }
  }
  if (missing.empty()) return;
  std::string list;
  for (const auto& [name, places] : missing) {
    list += fmt::format("{}{} at {}", missing.size() > 1 ? "\n  " : " ", name, list_of(places));
  }
  fail(model.file,
       missing.size() > 1 ? fmt::format("{} operators are not supported:", missing.size())
                          : "one operator is not supported:",
       list);
}

}  // namespace mlfc
