// Reductions over axes, and the places of extremes.
#include "frontend/tflite/rule.h"

namespace mlfc {
namespace {

Value& reduced(TfliteNode& node, Value& x, const char* op) {
  const std::vector<int64_t> axes = node.constant_integers(1);
  if (axes.empty()) return x;
  return node.add(op, {&x, &node.integers_constant(axes)},
                  {{"keepdims", int64_t{node.flag("keep_dims") ? 1 : 0}}});
}

template <int kind>
void reduce(TfliteNode& node) {
  constexpr const char* ops[] = {"reduce_mean", "reduce_sum", "reduce_prod", "reduce_max",
                                 "reduce_min"};
  node.set_output(0, reduced(node, node.input(0), ops[kind]));
}

/// Booleans are compared as numbers.
void reduce_booleans(TfliteNode& node, const char* op) {
  Value& numbers = node.add("cast", {&node.input(0)}, {{"to", std::string("u8")}});
  Value& result = reduced(node, numbers, op);
  node.set_output(0, node.add("cast", {&result}, {{"to", to_text(DType::boolean)}}));
}

void arg_extreme(TfliteNode& node, const char* op) {
  const std::vector<int64_t> axis = node.constant_integers(1);
  if (axis.size() != 1) fail(node, "its axis must be one number, not ", axis.size());
  Value& place = node.add(op, {&node.input(0)}, {{"axis", axis[0]}, {"keepdims", int64_t{0}}});
  node.set_output(0, node.add("cast", {&place}, {{"to", to_text(node.output_tensor(0).dtype)}}));
}

void top_k(TfliteNode& node) {
  const std::vector<int64_t> count = node.constant_integers(1);
  const std::vector<Value*> results = node.add_all(
      "top_k", {&node.input(0), &node.integers_constant(count)}, 2, {{"axis", int64_t{-1}}});
  node.set_output(0, *results[0]);
  node.set_output(1,
                  node.add("cast", {results[1]}, {{"to", to_text(node.output_tensor(1).dtype)}}));
}

void cumulative_sum(TfliteNode& node) {
  const std::vector<int64_t> axis = node.constant_integers(1);
  if (axis.size() != 1) fail(node, "its axis must be one number, not ", axis.size());
  node.set_output(
      0, node.add("cumsum",
                  {&node.input(0),
                   &node.constant(tensor_of(DType::i64, {}, {static_cast<double>(axis[0])}))},
                  {{"exclusive", int64_t{node.flag("exclusive") ? 1 : 0}},
                   {"reverse", int64_t{node.flag("reverse") ? 1 : 0}}}));
}

// The largest of quantised numbers is the quantised largest: extremes serve both kinds.
const RegisteredTfliteRules registered({
    {.name = "ARG_MAX",
     .computes = Computes::either,
     .inputs = 2,
     .convert = [](TfliteNode& node) { arg_extreme(node, "arg_max"); }},
    {.name = "ARG_MIN",
     .computes = Computes::either,
     .inputs = 2,
     .convert = [](TfliteNode& node) { arg_extreme(node, "arg_min"); }},
    {.name = "CUMSUM", .inputs = 2, .convert = cumulative_sum},
    {.name = "MEAN", .inputs = 2, .convert = reduce<0>},
    {.name = "SUM", .inputs = 2, .convert = reduce<1>},
    {.name = "REDUCE_PROD", .inputs = 2, .convert = reduce<2>},
    {.name = "REDUCE_MAX", .computes = Computes::either, .inputs = 2, .convert = reduce<3>},
    {.name = "REDUCE_MIN", .computes = Computes::either, .inputs = 2, .convert = reduce<4>},
    {.name = "REDUCE_ALL",
     .inputs = 2,
     .convert = [](TfliteNode& node) { reduce_booleans(node, "reduce_min"); }},
    {.name = "REDUCE_ANY",
     .inputs = 2,
     .convert = [](TfliteNode& node) { reduce_booleans(node, "reduce_max"); }},
    {.name = "TOPK_V2", .computes = Computes::either, .inputs = 2, .outputs = 2, .convert = top_k},
});

}  // namespace
}  // namespace mlfc
