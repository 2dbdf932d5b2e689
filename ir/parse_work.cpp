// Reads what a node does: kernels, schedules, and procedures of loops.
#include <algorithm>
#include <array>

#include "ir/parse_parts.h"

namespace mlfc {
namespace {

struct WordShape {
  std::string_view name = {};
  WordKind kind = WordKind::split;
  bool takes_list = false;  ///< as many names as stand on the line
};
constexpr auto kWords = std::to_array<WordShape>({{"split", WordKind::split, false},
                                                  {"order", WordKind::order, true},
                                                  {"unroll", WordKind::unroll, false},
                                                  {"lanes", WordKind::lanes, false},
                                                  {"cores", WordKind::cores, false},
                                                  {"stage", WordKind::stage, false},
                                                  {"stream", WordKind::stream, true},
                                                  {"frep", WordKind::frep, true},
                                                  {"call", WordKind::call, false}});

}  // namespace

// --- kernels ----------------------------------------------------------------------------------

std::vector<Axis> Parser::axes() {
  std::vector<Axis> list;
  repeat(",", [&] {
    Axis axis{.name = name("an axis")};
    expect("<");
    axis.extent = integer("the extent of an axis");
    list.push_back(std::move(axis));
  });
  return list;
}

std::vector<Param> Parser::params() {
  std::vector<Param> list;
  repeat(",", [&] {
    Param param{.name = name("a parameter")};
    expect(":");
    param.type = type();
    list.push_back(std::move(param));
  });
  return list;
}

// conv(x: f32[4]) -> y: f32[4] {
void Parser::header(std::string& work_name, std::vector<Param>& inputs, std::vector<Param>& outputs,
                    Scope& scope) {
  work_name = name("a name");
  expect("(");
  if (!at(")")) inputs = params();
  expect(")");
  if (accept("->")) outputs = params();
  expect("{");
  for (const auto* list : {&inputs, &outputs}) {
    for (const Param& param : *list) scope.emplace_back(param.name, param.type.dtype);
  }
}

// = sum from b[oc] of ...
void Parser::reduction(Stage& stage, const std::string& reduction_name, Scope& scope) {
  Reduction result{.name = reduction_name};
  if (accept(":")) result.dtype = dtype();
  expect("=");
  const size_t start = token_.offset;
  const std::optional<Combine> combine =
      token_.kind == TokenKind::name ? combine_named(token_.text) : std::nullopt;
  if (!combine) error("expected sum, product, max or min");
  advance();
  result.combine = *combine;
  if (accept_word("from")) result.init = expression(scope);
  expect_word("of");
  result.body = expression(scope);
  if (result.dtype == DType::none) result.dtype = result.body.dtype();
  if (result.dtype == DType::none) {
    lexer_.fail_at(start, "nothing here shows the dtype; write it: " + reduction_name + ": f32 =");
  }
  result.body = adopted(result.body, result.dtype, start);
  result.init = result.init.empty() ? neutral_element(result.combine, result.dtype)
                                    : adopted(result.init, result.dtype, start);
  scope.emplace_back(result.name, result.dtype);
  stage.reduction = std::move(result);
}

// One of: reduce k<4 | acc = sum of ... | y[i] = ...
bool Parser::stage_line(Stage& stage, Scope& scope) {
  if (accept_word("reduce")) {
    if (!stage.reduce.empty()) error("a stage has one line of reduced axes");
    stage.reduce = axes();
    return true;
  }
  if (token_.kind != TokenKind::name && token_.kind != TokenKind::quoted) return false;
  if (stage.store) error("a stage ends with its store; begin another with 'stage {'");
  const std::string target = name("a target");
  if (!at("[")) {
    if (stage.reduction) error("a stage has one reduction; begin another with 'stage {'");
    reduction(stage, target, scope);
    return true;
  }
  Store store{.target = target, .indices = indices(scope)};
  expect("=");
  const auto found = std::find_if(scope.begin(), scope.end(),
                                  [&](const auto& named) { return named.first == target; });
  if (found == scope.end()) error("there is no tensor '", target, "' to store to");
  store.value = expression_of(scope, found->second);
  stage.store = std::move(store);
  return true;
}

void Parser::stages(Kernel& kernel, Scope& scope) {
  Stage flat;
  bool is_flat = false;
  while (!accept("}")) {
    if (accept_word("for")) {
      if (!kernel.axes.empty()) error("a kernel has one line of shared axes");
      kernel.axes = axes();
    } else if (accept_word("local")) {
      Param local{.name = name("a local")};
      expect(":");
      local.type = type();
      scope.emplace_back(local.name, local.type.dtype);
      kernel.locals.push_back(std::move(local));
    } else if (accept_word("stage")) {
      Stage stage;
      expect("{");
      if (accept_word("for")) stage.parallel = axes();
      while (stage_line(stage, scope)) continue;
      expect("}");
      kernel.stages.push_back(std::move(stage));
    } else if (stage_line(flat, scope)) {
      is_flat = true;
    } else {
      error("expected an axis line, a stage or '}'");
    }
  }
  if (!is_flat) return;
  if (!kernel.stages.empty()) error("some work of this kernel stands outside its stages");
  kernel.stages.push_back(std::move(flat));
}

Kernel Parser::kernel() {
  Kernel kernel;
  Scope scope;
  expect_word("kernel");
  header(kernel.name, kernel.inputs, kernel.outputs, scope);
  stages(kernel, scope);
  return kernel;
}

// --- schedules --------------------------------------------------------------------------------

Word Parser::word() {
  const auto shape = std::find_if(kWords.begin(), kWords.end(),
                                  [&](const WordShape& row) { return row.name == token_.text; });
  if (token_.kind != TokenKind::name || shape == kWords.end()) {
    error("expected a word of a schedule such as split, order or unroll");
  }
  advance();
  Word word;
  word.kind = shape->kind;
  word.names.push_back(name("a name"));
  while (shape->takes_list && !at("}")) {
    const bool continues = accept(",");
    if (!continues && token_.starts_line) break;
    word.names.push_back(name("a name"));
  }
  if (word.kind == WordKind::split) word.amount = integer("the extent of the inner axis");
  if (word.kind == WordKind::stage) {
    expect_word("at");
    word.at = name("an axis");
    expect_word("in");
    word.memory = name("a memory");
    word.is_double = accept_word("double");
  }
  return word;
}

Schedule Parser::schedule() {
  Schedule schedule;
  expect_word("schedule");
  if (!at("{")) name("the name of the kernel");
  expect("{");
  while (!accept("}")) schedule.words.push_back(word());
  return schedule;
}

// --- loops ------------------------------------------------------------------------------------

Stmt Parser::loop(Scope& scope) {
  const Level level(*this);
  Stmt stmt;
  stmt.kind = StmtKind::loop;
  stmt.name = name("an axis");
  expect_word("in");
  stmt.begin = expression_of(scope, DType::i64);
  expect("..");
  stmt.end = expression_of(scope, DType::i64);
  if (accept_word("step")) stmt.step = integer("the step of a loop");
  return stmt;
}

Stmt Parser::local(Scope& scope) {
  Stmt stmt;
  stmt.kind = StmtKind::local;
  stmt.name = name("a local");
  expect(":");
  stmt.dtype = dtype();
  if (at("[")) stmt.shape = shape();
  if (accept_word("in")) stmt.memory = name("a memory");
  scope.emplace_back(stmt.name, stmt.dtype);
  return stmt;
}

Stmt Parser::copy(const Scope& scope) {
  Stmt stmt;
  stmt.kind = StmtKind::copy;
  stmt.name = name("a target");
  stmt.indices = indices(scope);
  expect_word("extents");
  stmt.extents = shape();
  expect_word("from");
  stmt.source = name("a source");
  stmt.source_indices = indices(scope);
  return stmt;
}

Stmt Parser::call_statement(const Scope& scope) {
  Stmt stmt;
  stmt.kind = StmtKind::call;
  stmt.name = name("a function");
  expect("(");
  if (!at(")")) repeat(",", [&] { stmt.args.push_back(expression(scope)); });
  expect(")");
  return stmt;
}

// y[i] = v, y[i] += v, y[i] max= v
Stmt Parser::assignment(const Scope& scope) {
  Stmt stmt;
  const size_t start = token_.offset;
  stmt.name = name("a statement");
  if (at("[")) stmt.indices = indices(scope);
  stmt.kind = at("=") ? StmtKind::assign : StmtKind::accumulate;
  if (accept("+=")) {
    stmt.combine = Combine::sum;
  } else if (accept("*=")) {
    stmt.combine = Combine::product;
  } else {
    if (accept_word("max")) stmt.combine = Combine::max;
    if (accept_word("min")) stmt.combine = Combine::min;
    expect("=");
  }
  DType target = DType::none;
  for (const auto& [named, dtype] : scope) {
    if (named == stmt.name) target = dtype;
  }
  if (target == DType::none) lexer_.fail_at(start, "there is no '" + stmt.name + "' to assign to");
  stmt.value = expression_of(scope, target);
  return stmt;
}

Stmt Parser::statement(Scope& scope) {
  if (accept_word("for")) return loop(scope);
  if (accept_word("local")) return local(scope);
  if (accept_word("copy")) return copy(scope);
  if (accept_word("call")) return call_statement(scope);
  if (accept_word("note")) {
    Stmt stmt;
    stmt.kind = StmtKind::comment;
    stmt.name = string_token("the text of a note");
    return stmt;
  }
  return assignment(scope);
}

// Up to and including the closing brace; what the block declares ends with it.
std::vector<Stmt> Parser::statements(Scope& scope) {
  const Level level(*this);
  const size_t outer = scope.size();
  std::vector<Stmt> body;
  while (!accept("}")) {
    Stmt stmt = statement(scope);
    while (token_.kind == TokenKind::mark) {
      stmt.marks.push_back(token_.text);
      advance();
    }
    if (stmt.kind == StmtKind::loop) {
      expect("{");
      stmt.body = statements(scope);
    }
    body.push_back(std::move(stmt));
  }
  scope.resize(outer);
  return body;
}

Proc Parser::proc() {
  Proc proc;
  Scope scope;
  expect_word("proc");
  header(proc.name, proc.inputs, proc.outputs, scope);
  proc.body = statements(scope);
  return proc;
}

}  // namespace mlfc
