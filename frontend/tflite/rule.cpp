// The registry of rules, and what a rule may ask of the operator it converts.
#include "frontend/tflite/rule.h"

#include <map>

#include "frontend/tflite/scope.h"

namespace mlfc {
namespace {

struct RuleKey {
  std::string name = {};
  bool is_custom = false;
  bool is_quantized = false;
  auto operator<=>(const RuleKey&) const = default;
};

std::map<RuleKey, TfliteRule>& registry() {
  static std::map<RuleKey, TfliteRule> rules;
  return rules;
}

void give(const TfliteRule& rule, bool is_quantized) {
  const bool fresh =
      registry().emplace(RuleKey{rule.name, rule.is_custom, is_quantized}, rule).second;
  check(fresh, "two rules are for the TFLite operator ", rule.name);
}

const Attribute* find_option(const TfliteOperator& op, const std::string& name) {
  const auto found = op.options.find(name);
  return found == op.options.end() ? nullptr : &found->second;
}

}  // namespace

RegisteredTfliteRule::RegisteredTfliteRule(const TfliteRule& rule) {
  if (rule.computes != Computes::quantized) give(rule, false);
  if (rule.computes != Computes::plain) give(rule, true);
}

RegisteredTfliteRules::RegisteredTfliteRules(const std::vector<TfliteRule>& rules) {
  for (const TfliteRule& rule : rules) RegisteredTfliteRule{rule};
}

const TfliteRule* find_tflite_rule(const std::string& name, bool is_custom, bool is_quantized) {
  const auto found = registry().find({name, is_custom, is_quantized});
  return found == registry().end() ? nullptr : &found->second;
}

std::string describe(const TfliteNode& node) {
  return node.where();
}

TfliteNode::TfliteNode(TfliteScope& scope, const TfliteOperator& op, std::string where)
    : scope_(scope), op_(op), where_(std::move(where)) {}

// --- operands -----------------------------------------------------------------------------------

const TfliteImportOptions& TfliteNode::import_options() const {
  return scope_.conversion().options;
}

bool TfliteNode::has_input(int index) const {
  return index < input_count() && op_.inputs[static_cast<size_t>(index)] >= 0;
}

const TfliteTensor& TfliteNode::input_tensor(int index) const {
  if (!has_input(index)) fail(*this, "its input ", index, " is missing");
  return scope_.tensor(op_.inputs[static_cast<size_t>(index)]);
}

const TfliteTensor& TfliteNode::output_tensor(int index) const {
  if (index >= output_count()) fail(*this, "its output ", index, " is missing");
  return scope_.tensor(op_.outputs[static_cast<size_t>(index)]);
}

const TfliteTensor& TfliteNode::intermediate(int index) const {
  const bool exists =
      index < intermediate_count() && op_.intermediates[static_cast<size_t>(index)] >= 0;
  if (!exists) fail(*this, "its intermediate ", index, " is missing");
  return scope_.tensor(op_.intermediates[static_cast<size_t>(index)]);
}

Value& TfliteNode::input(int index) {
  if (!has_input(index)) fail(*this, "its input ", index, " is missing");
  return scope_.value(op_.inputs[static_cast<size_t>(index)], where_);
}

std::vector<Value*> TfliteNode::inputs() {
  std::vector<Value*> all;
  for (int i = 0; i < input_count(); ++i) all.push_back(has_input(i) ? &input(i) : nullptr);
  return all;
}

const Tensor& TfliteNode::constant(int index) {
  const Value& value = input(index);
  if (!value.is_constant()) {
    fail(*this, "its input ", index, " ('", value.name,
         "') must be known at compile time, but it is computed while the model runs");
  }
  return *value.constant;
}

std::vector<int64_t> TfliteNode::constant_integers(int index) {
  const Tensor& tensor = constant(index);
  if (is_float(tensor.type.dtype)) {
    fail(*this, "its input ", index, " must hold integers, not ", tensor.type);
  }
  return tensor.integers();
}

const TfliteQuantization& TfliteNode::input_quantization(int index) const {
  return input_tensor(index).quantization;
}

const TfliteQuantization& TfliteNode::output_quantization(int index) const {
  return output_tensor(index).quantization;
}

// --- options ------------------------------------------------------------------------------------

bool TfliteNode::has(const std::string& option) const {
  return find_option(op_, option) != nullptr;
}

namespace {

template <typename T>
T option_or(const TfliteNode& node, const Attribute* option, const std::string& name, T fallback) {
  if (option == nullptr) return fallback;
  const T* value = std::get_if<T>(option);
  if (value == nullptr) fail(node, "its option '", name, "' has another type than the format says");
  return *value;
}

}  // namespace

int64_t TfliteNode::integer(const std::string& option, int64_t fallback) const {
  return option_or(*this, find_option(op_, option), option, fallback);
}

bool TfliteNode::flag(const std::string& option, bool fallback) const {
  return integer(option, fallback ? 1 : 0) != 0;
}

double TfliteNode::real(const std::string& option, double fallback) const {
  return option_or(*this, find_option(op_, option), option, fallback);
}

std::string TfliteNode::text(const std::string& option, const std::string& fallback) const {
  return option_or(*this, find_option(op_, option), option, fallback);
}

std::vector<int64_t> TfliteNode::integers(const std::string& option) const {
  return option_or(*this, find_option(op_, option), option, std::vector<int64_t>{});
}

}  // namespace mlfc
