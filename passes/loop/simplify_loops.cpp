// Carries out what makes loops simpler without changing them: loops marked @unroll are written out,
// loops of one turn or none disappear, and expressions are simplified with what their place in the
// program tells about the axes.
#include <algorithm>

#include "ir/affine.h"
#include "passes/loop/lower.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

// Writing out more statements than this makes code that no instruction cache likes.
constexpr int64_t kMostUnrolledStatements = 256;

int64_t count_statements(const std::vector<Stmt>& body) {
  int64_t count = 0;
  for_each_stmt(body, [&](const Stmt&) { ++count; });
  return count;
}

std::vector<Stmt> with_axis(const std::vector<Stmt>& body, const std::string& axis, int64_t value) {
  std::vector<Stmt> copy = body;
  rewrite_exprs(copy, [&](const Expr& part) -> Expr {
    const bool is_axis = part->kind == ExprKind::axis && part->name == axis;
    return is_axis ? integer_expr(value, DType::i64) : Expr();
  });
  return copy;
}

void simplify_exprs(Stmt& stmt, const Ranges& ranges) {
  const auto simplify = [&](Expr& expr) {
    if (!expr.empty()) expr = simplified_index(expr, ranges);
  };
  simplify(stmt.value);
  for (auto* list : {&stmt.indices, &stmt.source_indices, &stmt.args}) {
    for (Expr& expr : *list) simplify(expr);
  }
}

std::vector<Stmt> simplified(const std::vector<Stmt>& body, Ranges& ranges);

// A turn that declares locals cannot be written out beside another one: the names would clash.
bool declares_locals(const std::vector<Stmt>& body) {
  return std::any_of(body.begin(), body.end(),
                     [](const Stmt& stmt) { return stmt.kind == StmtKind::local; });
}

// How many turns a loop with constant bounds makes; nullopt when they are not constant.
std::optional<int64_t> constant_turns(const Stmt& loop) {
  const bool constant =
      loop.begin->kind == ExprKind::constant && loop.end->kind == ExprKind::constant;
  if (!constant) return std::nullopt;
  return (loop.end->integer - loop.begin->integer + loop.step - 1) / loop.step;
}

bool should_write_out(const Stmt& loop) {
  const std::optional<int64_t> turns = constant_turns(loop);
  if (!turns || declares_locals(loop.body)) return false;
  const bool affordable = *turns * count_statements(loop.body) <= kMostUnrolledStatements;
  return *turns == 1 || (has_mark(loop, "unroll") && affordable);
}

std::vector<Stmt> simplified_loop(Stmt loop, Ranges& ranges) {
  loop.begin = simplified_index(loop.begin, ranges);
  loop.end = simplified_index(loop.end, ranges);
  const auto begin = range_of(loop.begin, ranges), end = range_of(loop.end, ranges);
  if (begin && end && end->last <= begin->first) return {};
  if (should_write_out(loop)) {
    std::vector<Stmt> all;
    for (int64_t value = loop.begin->integer; value < loop.end->integer; value += loop.step) {
      for (Stmt& stmt : simplified(with_axis(loop.body, loop.name, value), ranges)) {
        all.push_back(std::move(stmt));
      }
    }
    return all;
  }
  if (begin && end) ranges[loop.name] = {begin->first, end->last - 1};
  loop.body = simplified(loop.body, ranges);
  ranges.erase(loop.name);
  if (loop.body.empty()) return {};
  return {loop};
}

std::vector<Stmt> simplified(const std::vector<Stmt>& body, Ranges& ranges) {
  std::vector<Stmt> result;
  for (Stmt stmt : body) {
    if (stmt.kind == StmtKind::loop) {
      for (Stmt& inner : simplified_loop(std::move(stmt), ranges))
        result.push_back(std::move(inner));
    } else {
      simplify_exprs(stmt, ranges);
      result.push_back(std::move(stmt));
    }
  }
  return result;
}

}  // namespace

void simplify(Proc& proc) {
  Ranges ranges;
  proc.body = simplified(proc.body, ranges);
}

namespace {

void simplify_loops(Graph& graph, const PassContext&) {
  for (const auto& node : graph.nodes) {
    if (node->proc) simplify(*node->proc);
  }
}

const Pass pass{
    .name = "simplify-loops",
    .level = Level::loop,
    .summary = "Write out unrolled loops, drop loops of one turn, simplify indices.",
    .run = simplify_loops,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
