// Looks up what an expensive function makes of a small integer instead of computing it: the
// exponentials of a quantized softmax, or sigmoid(8-bit) as one table of 256 bytes.
//
// A table is faster than libm, and it is the same on every machine: it is computed here, by the
// interpreter, while libraries of mathematics differ in the last bit.
#include <algorithm>

#include "ir/interpret.h"
#include "passes/kernel/fusion.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/scaled_form.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

constexpr int64_t kLargestTable = 512;

// Rounding is not worth a table: it has its own short code.
bool calls_something_dear(const Expr& expr) {
  bool dear = false;
  for_each(expr, [&](const Expr& part) {
    if (part->kind != ExprKind::call || !is_float(part.dtype())) return;
    const std::string_view name = part->function->name;
    const bool cheap = name == "round_even" || name == "floor" || name == "ceil" ||
                       name == "trunc" || name == "abs" || name == "min" || name == "max" ||
                       name == "select" || (!part->function->infix.empty() && name != "div");
    dear |= !cheap;
  });
  return dear;
}

bool touches_reals(const Expr& expr) {
  bool touches = false;
  for_each(expr, [&](const Expr& part) { touches |= is_float(part.dtype()); });
  return touches;
}

bool is_data(const Expr& part) {
  return part->kind == ExprKind::read || part->kind == ExprKind::local ||
         part->kind == ExprKind::axis;
}

// The one integer an expression is a function of; empty when there is none, or more.
Expr source_of(const Expr& expr) {
  Expr source;
  bool alone = true;
  const std::function<void(const Expr&)> visit = [&](const Expr& part) {
    if (part->kind == ExprKind::constant) return;
    const bool is_source = is_integer(part.dtype()) && !touches_reals(part);
    if (is_source) {
      alone &= source.empty() || same(source, part);
      source = part;
      return;
    }
    if (is_data(part)) alone = false;
    for (const Expr& arg : part->args) visit(arg);
  };
  visit(expr);
  return alone ? source : Expr();
}

// x - top is not positive where top is the largest x.
bool subtracts_maximum(const Kernel& kernel, const Expr& source) {
  if (!is_call(source, "sub")) return false;
  const auto widened = [](const Expr& expr) {
    return expr->kind == ExprKind::cast ? expr->args[0] : expr;
  };
  const Expr value = widened(source->args[0]), top = widened(source->args[1]);
  if (value->kind != ExprKind::read || top->kind != ExprKind::local) return false;
  return std::any_of(kernel.stages.begin(), kernel.stages.end(), [&](const Stage& stage) {
    return stage.reduction && stage.reduction->name == top->name &&
           stage.reduction->combine == Combine::max &&
           stage.reduction->body->kind == ExprKind::read &&
           stage.reduction->body->name == value->name;
  });
}

std::optional<Range> range_of_source(const Kernel& kernel, const Expr& source) {
  std::optional<Range> range = value_range(source);
  if (range && subtracts_maximum(kernel, source)) range->last = std::min<int64_t>(range->last, 0);
  const bool small = range && range->last - range->first < kLargestTable;
  return small ? range : std::nullopt;
}

// `expr` for every value of its source.
Tensor table_of(const Expr& expr, const Expr& source, const Range& range) {
  const int64_t size = range.last - range.first + 1;
  const Expr at = axis_expr("number");
  const Expr number = cast_expr(source.dtype(), at + Expr(range.first));
  const std::function<Expr(const Expr&)> replaced = [&](const Expr& part) -> Expr {
    if (same(part, source)) return number;
    if (part->args.empty()) return part;
    std::vector<Expr> args;
    for (const Expr& arg : part->args) args.push_back(replaced(arg));
    return part->kind == ExprKind::cast ? cast_expr(part.dtype(), args[0])
                                        : call_expr(*part->function, args);
  };
  Kernel kernel{.name = "table", .axes = {{"number", size}}};
  kernel.outputs = {{"y", {expr.dtype(), {size}, {}}}};
  kernel.stages = {{.store = Store{"y", {at}, replaced(expr)}}};
  return std::move(interpret(kernel, {})[0]);
}

// Where in the table the source's value stands: constants are joined.
Expr place_in_table(const Expr& source, int64_t first) {
  const bool is_sum = is_call(source, "add") || is_call(source, "sub");
  if (!is_sum || source->args[1]->kind != ExprKind::constant) {
    return plus_constant(integer_cast(DType::i64, source), -first);
  }
  const int64_t constant = source->args[1]->integer;
  return place_in_table(source->args[0], first - (is_call(source, "add") ? constant : -constant));
}

class Tables {
 public:
  Tables(Graph& graph, Node& node) : node_(node), known_(graph, node) {}

  // Replaces the largest parts that a table can stand for.
  Expr looked_up(const Expr& expr) {
    if (expr->args.empty() || expr->kind == ExprKind::read || !calls_something_dear(expr)) {
      return expr;
    }
    const Expr source = source_of(expr);
    if (!source.empty()) {
      if (const auto range = range_of_source(*node_.kernel, source)) {
        return known_.looked_up(table_of(expr, source, *range),
                                place_in_table(source, range->first), "table");
      }
    }
    std::vector<Expr> args;
    for (const Expr& arg : expr->args) args.push_back(looked_up(arg));
    return expr->kind == ExprKind::cast ? cast_expr(expr.dtype(), args[0])
                                        : call_expr(*expr->function, args);
  }

 private:
  Node& node_;
  KnownValues known_;
};

void tabulate_node(Graph& graph, Node& node) {
  Tables tables(graph, node);
  for (Stage& stage : node.kernel->stages) {
    if (stage.reduction) stage.reduction->body = tables.looked_up(stage.reduction->body);
    if (stage.store) stage.store->value = tables.looked_up(stage.store->value);
  }
  drop_unread_inputs(node);
}

void tabulate(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) tabulate(*region, context);
    if (node->kernel && !node->is_free) tabulate_node(graph, *node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "tabulate",
    .level = Level::kernel,
    .summary = "Look up expensive functions of small integers in tables.",
    .run = tabulate,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
