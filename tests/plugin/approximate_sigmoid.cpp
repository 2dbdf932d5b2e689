// A pass of one's own, loaded with --plugin: replaces the sigmoid 1 / (1 + exp(-x)) by straight
// lines, for cores on which an exponential costs a hundred cycles and a little accuracy is worth
// them. The lines are those of Amin, Curtis and Hayes-Gill (1997); they are off by at most 0.019.
//
//   mlfc compile model.onnx --plugin approximate_sigmoid.so --after
//   fuse-epilogues=approximate-sigmoid
#include "passes/pass.h"

namespace mlfc {
namespace {

bool calls(const Expr& expr, std::string_view function) {
  return expr->kind == ExprKind::call && expr->function->name == function;
}

/// x where `expr` is 1 / (1 + exp(-x)); empty where it is something else.
Expr operand_of_sigmoid(const Expr& expr) {
  if (!calls(expr, "div") || !is_literal(expr->args[0], 1)) return {};
  const Expr& sum = expr->args[1];
  if (!calls(sum, "add") || !is_literal(sum->args[0], 1)) return {};
  const Expr& power = sum->args[1];
  if (!calls(power, "exp") || !calls(power->args[0], "neg")) return {};
  return power->args[0]->args[0];
}

/// The lines bend downwards, so the lowest one is always the right one.
Expr lines(const Expr& x) {
  const Expr distance = call_expr("abs", {x});
  const Expr steep = min_expr(distance * 0.25 + 0.5, distance * 0.125 + 0.625);
  const Expr flat = min_expr(distance * 0.03125 + 0.84375, 1);
  const Expr right_half = min_expr(steep, flat);
  return select_expr(call_expr("less", {x, 0}), Expr(1) - right_half, right_half);
}

void approximate_sigmoid(Graph& graph, const PassContext& context) {
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) approximate_sigmoid(*region, context);
    if (!node->kernel) continue;
    rewrite_exprs(*node->kernel, [](const Expr& expr) {
      const Expr x = operand_of_sigmoid(expr);
      return x.empty() ? Expr() : lines(x);
    });
  }
}

const Pass pass{
    .name = "approximate-sigmoid",
    .level = Level::kernel,
    .summary = "Compute sigmoids by straight lines instead of exponentials.",
    .run = approximate_sigmoid,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
