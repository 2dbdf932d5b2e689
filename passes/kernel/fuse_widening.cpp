// Lets kernels read narrow integers themselves instead of a widened copy: what dequantizes, or
// casts i8 to something larger, joins every kernel that reads its result. The wide tensor is never
// made, and the arithmetic on integers comes into sight of the reductions that may use it.
//
// Runs before fuse-epilogues: a value widened by the kernel that makes it would be stored wide.
#include <algorithm>

#include "ir/error.h"
#include "ir/interpret.h"
#include "passes/graph/replace.h"
#include "passes/kernel/fusion.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// The one tensor a widening kernel widens, and the value it makes of an element of it.
struct Widening {
  Value* narrow = nullptr;
  Expr value = {};               ///< in terms of the producer's axes
  Expr element = {};             ///< the read of the narrow tensor within `value`
  std::vector<Expr> place = {};  ///< where the value is stored
};

bool has_one_narrow_read(const Expr& value, const std::string& param, Expr& element) {
  int reads = 0;
  for_each(value, [&](const Expr& part) {
    if (part->kind != ExprKind::read || part->name != param) return;
    ++reads;
    element = part;
  });
  return reads == 1 && element->otherwise.empty();
}

std::optional<Widening> widening_of(const Node& node) {
  if (!node.kernel || node.is_free || node.outputs.size() != 1) return std::nullopt;
  const Kernel& kernel = *node.kernel;
  if (!is_elementwise(kernel) || !stores_by_plain_axes(kernel)) return std::nullopt;
  const Expr& value = kernel.stages[0].store->value;
  if (value->kind == ExprKind::read || is_expensive(value)) return std::nullopt;
  for (Value* input : node.inputs) {
    // Once only: as its own zero point (both are all zeros, say) it would leave a read behind.
    if (input == nullptr || std::ranges::count(node.inputs, input) != 1) continue;
    const TensorType& narrow = input->type;
    const TensorType& wide = kernel.outputs[0].type;
    const bool widens = is_integer(narrow.dtype) && narrow.elements() == wide.elements() &&
                        (bytes_of(narrow.dtype) < bytes_of(wide.dtype) || is_float(wide.dtype));
    const std::vector<Expr>& place = kernel.stages[0].store->indices;
    Widening widening{.narrow = input, .value = value, .place = place};
    if (widens && has_one_narrow_read(value, param_of(node, kernel, *input), widening.element)) {
      return widening;
    }
  }
  return std::nullopt;
}

// --- reads that may be outside ---------------------------------------------------------------

// What the widening makes of every number its narrow type can hold, lowest first. Empty unless the
// value depends on nothing else and the numbers are few.
std::optional<std::pair<Tensor, Tensor>> all_values(const Widening& widening) {
  const DType dtype = widening.element.dtype();
  if (bytes_of(dtype) > 2) return std::nullopt;
  const int64_t count = int64_t{1} << (8 * bytes_of(dtype));
  const bool is_signed = info(dtype).kind == DTypeKind::signed_integer;
  Tensor numbers(TensorType{dtype, {count}, {}});
  for (int64_t i = 0; i < count; ++i) numbers.set_integer(i, is_signed ? i - count / 2 : i);

  bool alone = true;
  for_each(widening.value, [&](const Expr& part) {
    const bool depends = part->kind == ExprKind::read || part->kind == ExprKind::axis ||
                         part->kind == ExprKind::local;
    alone &= !depends || (part->kind == ExprKind::read && part->name == widening.element->name) ||
             mentions_axis(widening.element, part->name);
  });
  if (!alone) return std::nullopt;
  const Expr at = axis_expr("number");
  const Expr value = rewritten(widening.value, [&](const Expr& part) -> Expr {
    return part->kind == ExprKind::read ? read_expr("x", dtype, {at}) : Expr();
  });
  Kernel kernel{.name = "all_values", .axes = {{"number", count}}};
  kernel.inputs = {{"x", numbers.type}};
  kernel.outputs = {{"y", {value.dtype(), {count}, {}}}};
  kernel.stages = {{.store = Store{"y", {at}, value}}};
  std::vector<Tensor> results = interpret(kernel, {&numbers});
  return std::pair(std::move(numbers), std::move(results[0]));
}

// The narrow number that stands for `wanted`, a real or integer literal; empty when none does.
Expr number_for(const Widening& widening, const Expr& wanted) {
  const auto values = all_values(widening);
  if (!values || wanted->kind != ExprKind::constant) return {};
  const auto& [numbers, results] = *values;
  for (int64_t i = 0; i < numbers.type.elements(); ++i) {
    const bool equal =
        wanted->is_real ? results.real(i) == wanted->real : results.integer(i) == wanted->integer;
    if (equal) return integer_expr(numbers.integer(i), numbers.type.dtype);
  }
  return {};
}

// A maximum does not notice whether what is outside counts as the lowest real or as the lowest
// number that can be inside.
Expr least_number_for(const Widening& widening, const Expr& body, const Expr& read,
                      const Reduction& reduction) {
  const bool is_limit = reduction.combine == Combine::max || reduction.combine == Combine::min;
  const bool neutral = same(read->otherwise, neutral_element(reduction.combine, read.dtype()));
  const auto values = all_values(widening);
  if (!is_limit || !neutral || !same(body, read) || !values) return {};
  const auto& [numbers, results] = *values;
  int64_t best = 0;
  for (int64_t i = 1; i < numbers.type.elements(); ++i) {
    const bool lower = results.real(i) < results.real(best);
    const bool higher = results.real(i) > results.real(best);
    if (reduction.combine == Combine::max ? lower : higher) best = i;
  }
  return integer_expr(numbers.integer(best), numbers.type.dtype);
}

// True when element i of the wide tensor is made of element i of the narrow one: what is outside
// one is outside the other.
bool keeps_places(const Widening& widening) {
  const std::vector<Expr>& stored = widening.place;
  const std::vector<Expr>& read = widening.element->args;
  return std::equal(stored.begin(), stored.end(), read.begin(), read.end(), same);
}

// --- replacing the reads ---------------------------------------------------------------------

// For each read of the wide tensor, what the narrow one yields outside; empty where that does not
// come up. Nullopt when some read cannot be replaced.
class Outside {
 public:
  Outside(const Widening& widening, const Kernel& consumer, const std::string& operand)
      : widening_(widening), operand_(operand) {
    for (const Stage& stage : consumer.stages) {
      if (stage.reduction) look_at(stage.reduction->init, nullptr);
      if (stage.reduction) look_at(stage.reduction->body, &*stage.reduction);
      if (!stage.store) continue;
      look_at(stage.store->value, nullptr);
      for (const Expr& index : stage.store->indices) refuse_in_index(index);
    }
  }

  bool all_known() const { return known_; }

  Expr of(const Expr& read) const {
    for (const auto& [seen, number] : numbers_) {
      if (same(seen, read)) return number;
    }
    return {};
  }

 private:
  void look_at(const Expr& expr, const Reduction* reduction) {
    for_each(expr, [&](const Expr& part) {
      if (part->kind != ExprKind::read) return;
      for (const Expr& index : part->args) refuse_in_index(index);
      if (part->name != operand_ || part->otherwise.empty()) return;
      Expr number = number_for(widening_, part->otherwise);
      if (number.empty() && reduction != nullptr) {
        number = least_number_for(widening_, expr, part, *reduction);
      }
      known_ &= !number.empty() && keeps_places(widening_);
      numbers_.emplace_back(part, number);
    });
  }

  // Indices stay plain: whoever reasons about them knows axes, not dequantization.
  void refuse_in_index(const Expr& index) { known_ &= !reads_tensor(index, operand_); }

  const Widening& widening_;
  const std::string& operand_;
  std::vector<std::pair<Expr, Expr>> numbers_ = {};
  bool known_ = true;
};

// The consumer's read of the wide tensor as a computation on the narrow one.
Expr widened(const Kernel& producer, const Expr& read, const Expr& outside) {
  const Store& store = *producer.stages[0].store;
  AxisMap axes;
  for (size_t dim = 0; dim < store.indices.size(); ++dim) {
    if (store.indices[dim]->kind == ExprKind::axis) {
      axes.emplace_back(store.indices[dim]->name, read->args[dim]);
    }
  }
  const Expr value = substituted(store.value, axes);
  if (outside.empty()) return value;
  // With all indices: one that is 0 inside the tensor, for its extent is 1, may leave it here.
  return rewritten(value, [&](const Expr& part) -> Expr {
    if (part->kind != ExprKind::read) return {};
    return read_expr(part->name, part.dtype(), read->args, outside);
  });
}

bool read_narrow(Node& consumer, const Node& producer, Value& between) {
  const std::optional<Widening> widening = widening_of(producer);
  Kernel kernel = *consumer.kernel;
  std::string operand = param_of(consumer, kernel, between);
  const bool twice = std::count(consumer.inputs.begin(), consumer.inputs.end(), &between) > 1;
  if (!widening || twice || reads_of(kernel, operand).empty()) return false;
  // What only copies (a concatenation, say) may become views of the wide tensor, and cost nothing.
  const Stage& last = kernel.stages.back();
  const bool copies = is_elementwise(kernel) && last.store->value->kind == ExprKind::read;
  if (copies) return false;
  const std::string aside = "%between";
  rename_param(kernel, operand, aside);
  const Outside outside(*widening, kernel, aside);
  if (!outside.all_known()) return false;

  drop_input(consumer, between);
  std::erase_if(kernel.inputs, [&](const Param& param) { return param.name == aside; });
  Kernel producer_kernel = *producer.kernel;
  // The narrow tensor takes the place of the wide one in the text, too.
  const std::string narrow = param_of(producer, producer_kernel, *widening->narrow);
  const bool is_free = find_param(producer_kernel, operand) == nullptr &&
                       find_axis(producer_kernel, operand) == nullptr;
  if (is_free) rename_param(producer_kernel, narrow, operand);
  join_inputs(kernel, consumer, producer_kernel, producer, between);
  rewrite_exprs(kernel, [&](const Expr& part) -> Expr {
    const bool is_operand = part->kind == ExprKind::read && part->name == aside;
    return is_operand ? widened(producer_kernel, part, outside.of(part)) : Expr();
  });
  consumer.kernel = std::move(kernel);
  for (const std::string& source : producer.sources) {
    const auto known = std::find(consumer.sources.begin(), consumer.sources.end(), source);
    if (known == consumer.sources.end()) {
      consumer.sources.insert(consumer.sources.begin(), source);
    }
  }
  return true;
}

bool read_some_input_narrow(Node& node) {
  const std::vector<Value*> inputs = node.inputs;
  return std::any_of(inputs.begin(), inputs.end(), [&](Value* input) {
    const bool made = input != nullptr && input->producer != nullptr;
    return made && read_narrow(node, *input->producer, *input);
  });
}

// Constants that nobody could read narrow are widened now rather than at every run.
void widen_constants(Graph& graph) {
  for (auto place = graph.nodes.begin(); place != graph.nodes.end();) {
    Node& node = **place++;
    std::vector<const Tensor*> inputs;
    const bool constant = std::all_of(node.inputs.begin(), node.inputs.end(), [&](Value* input) {
      if (input != nullptr && input->is_constant()) inputs.push_back(&*input->constant);
      return input == nullptr || input->is_constant();
    });
    if (!constant || graph.is_output(node.output()) || !widening_of(node)) continue;
    if (graph.users(node.output()).empty()) continue;
    replace_by_constants(graph, node, interpret(*node.kernel, inputs));
  }
}

void fuse_widening(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) fuse_widening(*region, context);
    if (!node->kernel || node->is_free) continue;
    while (read_some_input_narrow(*node)) {
    }
  }
  graph.remove_unused();
  widen_constants(graph);
  graph.remove_unused();
}

const Pass pass{
    .name = "fuse-widening",
    .level = Level::kernel,
    .summary = "Let kernels read narrow integers instead of a widened copy.",
    .run = fuse_widening,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
