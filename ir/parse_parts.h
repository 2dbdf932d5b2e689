// The parser of program text: one class, its functions filed by what they read. Every function
// starts at the current token and leaves the first token it does not need. Mistakes are user errors
// at a line and column; no input may crash it, which is why nesting and sizes are bounded.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/lexer.h"

namespace mlfc {

/// Tensors and scalars an expression may name; innermost last.
using Scope = std::vector<std::pair<std::string, DType>>;

class Parser {
 public:
  explicit Parser(std::string_view source);

  std::unique_ptr<Graph> program();
  Kernel kernel();
  Schedule schedule();
  Proc proc();
  Expr expression(const Scope& scope);
  TensorType type();
  /// Nothing may follow.
  void expect_end();

 private:
  /// An expression and the height of its tree.
  struct Parsed {
    Expr expr = {};
    int height = 1;
  };
  /// A number as written, kept until its dtype is known.
  struct Literal {
    std::string text = {};
    size_t offset = 0;
  };
  /// A tensor whose bytes follow the program.
  struct Pending {
    std::string name = {};
    Tensor* tensor = nullptr;
    size_t offset = 0;
  };
  /// A value that lives inside one which may be defined later.
  struct Nested {
    Value* value = nullptr;
    std::string outer = {};
    Graph* graph = nullptr;
    size_t offset = 0;
  };
  class Level;

  // parse.cpp: tokens
  template <typename... Parts>
  [[noreturn]] void error(const Parts&... parts) const {
    lexer_.fail_at(token_.offset, concat_text(parts...) + found());
  }
  std::string found() const;
  void advance() { token_ = lexer_.next(); }
  bool at(std::string_view symbol) const;
  bool at_word(std::string_view word) const;
  bool accept(std::string_view symbol);
  bool accept_word(std::string_view word);
  void expect(std::string_view symbol);
  void expect_word(std::string_view word);
  std::string name(std::string_view what);
  std::string string_token(std::string_view what);
  std::vector<std::string> strings();
  int64_t integer(std::string_view what);
  Shape shape();
  /// Runs `use`; what it complains about is reported at `offset`.
  void located(size_t offset, const std::function<void()>& use) const;
  void repeat(std::string_view separator, const std::function<void()>& item);

  // parse_expr.cpp
  Parsed binary(const Scope& scope, int least);
  Parsed unary(const Scope& scope);
  Parsed primary(const Scope& scope);
  Parsed literal(bool is_negative);
  Parsed read(const Scope& scope, const std::string& tensor, size_t offset);
  Parsed function(const Scope& scope, const std::string& called, size_t offset);
  Parsed call(const ScalarFunction& function, std::vector<Parsed> args, size_t offset) const;
  const ScalarFunction* infix_here();
  Expr adopted(const Expr& expr, DType dtype, size_t offset) const;
  /// An expression whose literals take `dtype`.
  Expr expression_of(const Scope& scope, DType dtype);
  std::vector<Expr> indices(const Scope& scope);
  DType dtype();

  // parse_work.cpp
  std::vector<Axis> axes();
  std::vector<Param> params();
  void header(std::string& work_name, std::vector<Param>& inputs, std::vector<Param>& outputs,
              Scope& scope);
  bool stage_line(Stage& stage, Scope& scope);
  void reduction(Stage& stage, const std::string& reduction_name, Scope& scope);
  void stages(Kernel& kernel, Scope& scope);
  Word word();
  std::vector<Stmt> statements(Scope& scope);
  Stmt statement(Scope& scope);
  Stmt loop(Scope& scope);
  Stmt local(Scope& scope);
  Stmt copy(const Scope& scope);
  Stmt call_statement(const Scope& scope);
  Stmt assignment(const Scope& scope);

  // parse_tensor.cpp
  /// Fills `tensor` from what stands before and after the colon; `tensor` must stay where it is,
  /// because bytes behind the program arrive later.
  void tensor(Tensor& tensor);
  std::vector<Literal> elements();
  Literal element();
  void fill(Tensor& tensor, const std::vector<Literal>& elements, size_t offset) const;
  void set_element(Tensor& tensor, int64_t place, const Literal& literal) const;
  void data_section();

  // parse.cpp: graphs
  std::unique_ptr<Graph> graph(std::string_view keyword, Graph* outer);
  void graph_line(Graph& graph);
  void node(Graph& graph, const std::vector<Literal>& outputs, const Literal& op_name);
  void node_body(Graph& graph, Node& node);
  void clauses(Graph& graph, Node& node);
  void attributes(Node& node);
  void attribute(Attribute& attribute);
  void list_attribute(Attribute& attribute);
  TensorType optional_type();
  void storage(Graph& graph, Value& value);
  void place(Graph& graph, Value& value);
  Value& new_value(Graph& graph, const Literal& value_name) const;
  Value& declared_value(Graph& graph);
  Literal value_name();
  Value* find_value(Graph& graph, const Literal& value_name) const;
  Value* operand(Graph& graph);
  void resolve_nested();

  Lexer lexer_;
  Token token_;
  int level_ = 0;
  std::vector<Pending> pending_;
  std::vector<Nested> nested_;
};

/// Counts how deep blocks and parentheses nest, and stops before the stack does.
class Parser::Level {
 public:
  explicit Level(Parser& parser) : parser_(parser) {
    if (++parser_.level_ > kDeepest) parser_.error("nested too deeply");
  }
  ~Level() { --parser_.level_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

  static constexpr int kDeepest = 1000;

 private:
  Parser& parser_;
};

}  // namespace mlfc
