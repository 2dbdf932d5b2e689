// Assumes it of all locals, and takes it back where a value assigned to one contradicts.
#include "codegen/c/c_numbers.h"

#include <cmath>

namespace mlfc {

bool is_certainly_a_number(const Expr& expr, const std::set<std::string>& numbers) {
  bool certain = true;
  for_each(expr, [&](const Expr& part) {
    if (!is_float(part.dtype())) return;
    if (part->kind == ExprKind::read || part->kind == ExprKind::local) {
      certain &= numbers.contains(part->name);
    }
    if (part->kind == ExprKind::constant) certain &= std::isfinite(part->real);
    if (part->kind != ExprKind::call) return;
    const std::string_view name = part->function->name;
    certain &= name == "add" || name == "sub" || name == "mul" || name == "neg" || name == "min" ||
               name == "max" || name == "select" || name == "round_even";
  });
  return certain;
}

bool makes_integers_of_reals(const Proc& proc) {
  bool makes = false;
  for_each_stmt(proc.body, [&](const Stmt& stmt) {
    if (stmt.kind != StmtKind::assign && stmt.kind != StmtKind::accumulate) return;
    for_each(stmt.value, [&](const Expr& part) {
      makes |= part->kind == ExprKind::cast && is_integer(part.dtype()) &&
               is_float(part->args[0].dtype());
    });
  });
  return makes;
}

std::set<std::string> numbers_in(const Proc& proc, const std::set<std::string>& constants) {
  std::set<std::string> numbers = constants;
  for_each_stmt(proc.body, [&](const Stmt& stmt) {
    if (stmt.kind == StmtKind::local && is_float(stmt.dtype)) numbers.insert(stmt.name);
  });
  for (size_t before = numbers.size() + 1; before != numbers.size();) {
    before = numbers.size();
    for_each_stmt(proc.body, [&](const Stmt& stmt) {
      const bool stores = stmt.kind == StmtKind::assign || stmt.kind == StmtKind::accumulate;
      const bool sums = stmt.kind == StmtKind::assign || stmt.combine == Combine::sum ||
                        stmt.combine == Combine::max || stmt.combine == Combine::min;
      if (stores && !(sums && is_certainly_a_number(stmt.value, numbers))) numbers.erase(stmt.name);
    });
  }
  return numbers;
}

}  // namespace mlfc
