// Making and walking loop programs.
#include "ir/loop.h"

#include <algorithm>

namespace mlfc {

Stmt loop_stmt(std::string axis, Expr begin, Expr end, std::vector<Stmt> body,
               std::vector<std::string> marks) {
  Stmt stmt;
  stmt.kind = StmtKind::loop;
  stmt.name = std::move(axis);
  stmt.begin = with_dtype(begin, DType::i64);
  stmt.end = with_dtype(end, DType::i64);
  stmt.body = std::move(body);
  stmt.marks = std::move(marks);
  return stmt;
}

Stmt local_stmt(std::string name, DType dtype, Shape shape, std::string memory) {
  Stmt stmt;
  stmt.kind = StmtKind::local;
  stmt.name = std::move(name);
  stmt.dtype = dtype;
  stmt.shape = std::move(shape);
  stmt.memory = std::move(memory);
  return stmt;
}

Stmt assign_stmt(std::string target, std::vector<Expr> indices, Expr value) {
  Stmt stmt;
  stmt.kind = StmtKind::assign;
  stmt.name = std::move(target);
  stmt.indices = std::move(indices);
  stmt.value = std::move(value);
  return stmt;
}

Stmt accumulate_stmt(std::string target, std::vector<Expr> indices, Combine combine, Expr value) {
  Stmt stmt = assign_stmt(std::move(target), std::move(indices), std::move(value));
  stmt.kind = StmtKind::accumulate;
  stmt.combine = combine;
  return stmt;
}

Stmt comment_stmt(std::string text) {
  Stmt stmt;
  stmt.name = std::move(text);
  return stmt;
}

bool has_mark(const Stmt& stmt, std::string_view mark) {
  return std::find(stmt.marks.begin(), stmt.marks.end(), mark) != stmt.marks.end();
}

void rewrite_exprs(std::vector<Stmt>& body, const std::function<Expr(const Expr&)>& rewrite) {
  const auto apply = [&](Expr& expr) { expr = rewritten(expr, rewrite); };
  for (Stmt& stmt : body) {
    for (Expr* expr : {&stmt.begin, &stmt.end, &stmt.value}) apply(*expr);
    for (auto* list : {&stmt.indices, &stmt.source_indices, &stmt.args}) {
      for (Expr& expr : *list) apply(expr);
    }
    rewrite_exprs(stmt.body, rewrite);
  }
}

void for_each_stmt(const std::vector<Stmt>& body, const std::function<void(const Stmt&)>& visit) {
  for (const Stmt& stmt : body) {
    visit(stmt);
    for_each_stmt(stmt.body, visit);
  }
}

}  // namespace mlfc
