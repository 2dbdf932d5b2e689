// Carries out what makes loops simpler without changing them: loops marked @unroll are written out,
// loops of one turn or none disappear, and expressions are simplified with what their place in the
// program tells about the axes.
#include "ir/affine.h"
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

std::vector<Stmt> simplified_loop(Stmt loop, Ranges& ranges) {
  loop.begin = simplified_index(loop.begin, ranges);
  loop.end = simplified_index(loop.end, ranges);
  const auto begin = range_of(loop.begin, ranges), end = range_of(loop.end, ranges);
  if (begin && end && end->last <= begin->first) return {};
  const bool constant =
      loop.begin->kind == ExprKind::constant && loop.end->kind == ExprKind::constant;
  if (constant) {
    const int64_t first = loop.begin->integer, last = loop.end->integer;
    const int64_t turns = (last - first + loop.step - 1) / loop.step;
    const bool unroll =
        has_mark(loop, "unroll") && turns * count_statements(loop.body) <= kMostUnrolledStatements;
    if (turns == 1 || unroll) {
      std::vector<Stmt> all;
      for (int64_t value = first; value < last; value += loop.step) {
        std::vector<Stmt> turn = simplified(with_axis(loop.body, loop.name, value), ranges);
        // Locals of one turn must not meet those of the next: a turn that declares any keeps braces
        // by staying a loop of one turn.
        all.insert(all.end(), turn.begin(), turn.end());
      }
      return all;
    }
  }
  if (begin && end) ranges[loop.name] = {begin->first, end->last - 1};
  loop.body = simplified(loop.body, ranges);
  ranges.erase(loop.name);
  if (loop.body.empty()) return {};
  return {loop};
}

// A turn that declares locals cannot be written out beside another one: the names would clash.
bool declares_locals(const std::vector<Stmt>& body) {
  for (const Stmt& stmt : body) {
    if (stmt.kind == StmtKind::local) return true;
  }
  return false;
}

std::vector<Stmt> simplified(const std::vector<Stmt>& body, Ranges& ranges) {
  std::vector<Stmt> result;
  for (Stmt stmt : body) {
    if (stmt.kind == StmtKind::loop) {
      const bool keep = declares_locals(stmt.body);
      if (keep) {
        Stmt loop = stmt;
        loop.begin = simplified_index(loop.begin, ranges);
        loop.end = simplified_index(loop.end, ranges);
        const auto begin = range_of(loop.begin, ranges), end = range_of(loop.end, ranges);
        if (begin && end) ranges[loop.name] = {begin->first, end->last - 1};
        loop.body = simplified(loop.body, ranges);
        ranges.erase(loop.name);
        if (!loop.body.empty()) result.push_back(std::move(loop));
        continue;
      }
      for (Stmt& inner : simplified_loop(std::move(stmt), ranges))
        result.push_back(std::move(inner));
      continue;
    }
    simplify_exprs(stmt, ranges);
    result.push_back(std::move(stmt));
  }
  return result;
}

void simplify_loops(Graph& graph, const PassContext&) {
  for (const auto& node : graph.nodes) {
    if (!node->proc) continue;
    Ranges ranges;
    node->proc->body = simplified(node->proc->body, ranges);
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
