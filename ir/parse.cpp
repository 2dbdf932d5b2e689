// Reads graphs, and holds the parts of the parser that everything else is made of: tokens, names
// and positions of mistakes.
#include "ir/parse.h"

#include <charconv>

#include "ir/operator.h"
#include "ir/parse_parts.h"

namespace mlfc {

// --- tokens -----------------------------------------------------------------------------------

Parser::Parser(std::string_view source) : lexer_(source) {
  advance();
}

std::string Parser::found() const {
  constexpr size_t kMostShown = 40;
  if (token_.kind == TokenKind::end) return ", found the end of the text";
  return ", found " + quoted(token_.text.substr(0, kMostShown));
}

bool Parser::at(std::string_view symbol) const {
  return token_.kind == TokenKind::symbol && token_.text == symbol;
}

bool Parser::at_word(std::string_view word) const {
  return token_.kind == TokenKind::name && token_.text == word;
}

bool Parser::accept(std::string_view symbol) {
  const bool is_here = at(symbol);
  if (is_here) advance();
  return is_here;
}

bool Parser::accept_word(std::string_view word) {
  const bool is_here = at_word(word);
  if (is_here) advance();
  return is_here;
}

void Parser::expect(std::string_view symbol) {
  if (!accept(symbol)) error("expected '", symbol, "'");
}

void Parser::expect_word(std::string_view word) {
  if (!accept_word(word)) error("expected '", word, "'");
}

void Parser::expect_end() {
  if (token_.kind != TokenKind::end) error("expected nothing more");
}

std::string Parser::name(std::string_view what) {
  // An unquoted keyword is no name: it would change its meaning when it is printed.
  const bool is_name = token_.kind == TokenKind::quoted ||
                       (token_.kind == TokenKind::name && is_plain_name(token_.text));
  if (!is_name) error("expected ", what);
  std::string text = std::move(token_.text);
  advance();
  return text;
}

std::string Parser::string_token(std::string_view what) {
  if (token_.kind != TokenKind::quoted) error("expected ", what, " in quotes");
  std::string text = std::move(token_.text);
  advance();
  return text;
}

std::vector<std::string> Parser::strings() {
  std::vector<std::string> list;
  repeat(",", [&] { list.push_back(string_token("a name")); });
  return list;
}

int64_t Parser::integer(std::string_view what) {
  const size_t start = token_.offset;
  std::string text = accept("-") ? "-" : "";
  if (token_.kind != TokenKind::number) error("expected ", what);
  text += token_.text;
  int64_t value = 0;
  const auto [rest, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || *rest != '\0') {
    lexer_.fail_at(start, concat_text("expected ", what, ", found ", text));
  }
  advance();
  return value;
}

Shape Parser::shape() {
  Shape shape;
  const size_t start = token_.offset;
  expect("[");
  if (!at("]")) repeat(",", [&] { shape.push_back(integer("an extent")); });
  expect("]");
  located(start, [&] { element_count(shape); });
  return shape;
}

void Parser::located(size_t offset, const std::function<void()>& use) const {
  try {
    use();
  } catch (const UserError& problem) {
    lexer_.fail_at(offset, problem.what());
  }
}

void Parser::repeat(std::string_view separator, const std::function<void()>& item) {
  do {
    item();
  } while (accept(separator));
}

// --- values -----------------------------------------------------------------------------------

Parser::Literal Parser::value_name() {
  if (token_.kind != TokenKind::value) error("expected a value such as %x");
  Literal result{token_.text, token_.offset};
  advance();
  return result;
}

Value* Parser::find_value(Graph& graph, const Literal& wanted) const {
  for (Graph* around = &graph; around != nullptr; around = around->outer) {
    if (Value* value = around->find_value(wanted.text)) return value;
  }
  lexer_.fail_at(wanted.offset, "value " + sigil_text('%', wanted.text) + " is not defined here");
}

Value& Parser::new_value(Graph& graph, const Literal& wanted) const {
  if (wanted.text.empty()) lexer_.fail_at(wanted.offset, "a value needs a name");
  if (graph.find_value(wanted.text) != nullptr) {
    lexer_.fail_at(wanted.offset, "value " + sigil_text('%', wanted.text) + " is defined twice");
  }
  return graph.add_value(wanted.text);
}

TensorType Parser::optional_type() {
  return accept("?") ? TensorType{} : type();
}

// f32[4] inside %z at workspace+64
void Parser::storage(Graph& graph, Value& value) {
  value.type = optional_type();
  place(graph, value);
}

void Parser::place(Graph& graph, Value& value) {
  if (accept_word("inside")) {
    const Literal outer = value_name();
    nested_.push_back({&value, outer.text, &graph, outer.offset});
  }
  if (accept_word("at")) {
    Placement placement{.pool = name("a pool")};
    expect("+");
    placement.offset = integer("an offset");
    value.placement = std::move(placement);
  }
}

Value& Parser::declared_value(Graph& graph) {
  Value& value = new_value(graph, value_name());
  expect(":");
  storage(graph, value);
  return value;
}

// An input of a node: a value, or _ where an optional one is absent.
Value* Parser::operand(Graph& graph) {
  return accept_word("_") ? nullptr : find_value(graph, value_name());
}

// Values may live inside values that are defined later, so this comes last.
void Parser::resolve_nested() {
  for (const Nested& nested : nested_) {
    nested.value->inside = find_value(*nested.graph, {nested.outer, nested.offset});
  }
  for (const Nested& nested : nested_) {
    size_t steps = 0;
    for (const Value* v = nested.value; v != nullptr; v = v->inside) {
      if (++steps > nested_.size() + 1) {
        lexer_.fail_at(nested.offset, "this value lives inside itself");
      }
    }
  }
}

// --- nodes ------------------------------------------------------------------------------------

// [1,1], [0.5], ["a"], reals [], strings []; integers unless something says otherwise.
void Parser::list_attribute(Attribute& attribute) {
  const bool is_reals = accept_word("reals"), is_strings = accept_word("strings");
  expect("[");
  if (is_strings || token_.kind == TokenKind::quoted) {
    attribute = at("]") ? std::vector<std::string>() : strings();
    return expect("]");
  }
  std::vector<int64_t> integers;
  std::vector<double> reals;
  bool has_reals = is_reals;
  const auto item = [&] {
    Attribute number;
    this->attribute(number);
    if (const auto* whole = std::get_if<int64_t>(&number)) {
      integers.push_back(*whole);
      reals.push_back(static_cast<double>(*whole));
    } else if (const auto* real = std::get_if<double>(&number)) {
      has_reals = true;
      reals.push_back(*real);
    } else {
      error("expected a list of numbers");
    }
  };
  if (!at("]")) repeat(",", item);
  expect("]");
  if (has_reals) {
    attribute = std::move(reals);
  } else {
    attribute = std::move(integers);
  }
}

void Parser::attribute(Attribute& attribute) {
  const Level level(*this);
  if (token_.kind == TokenKind::quoted) {
    attribute = string_token("a string");
  } else if (accept_word("tensor")) {
    tensor(attribute.emplace<Tensor>());
  } else if (at("[") || at_word("reals") || at_word("strings")) {
    list_attribute(attribute);
  } else {
    const Literal number = element();
    const char* end = number.text.data() + number.text.size();
    int64_t whole = 0;
    double real = 0;
    const auto [rest, problem] = std::from_chars(number.text.data(), end, whole);
    if (problem == std::errc() && rest == end) {
      attribute = whole;
    } else if (std::from_chars(number.text.data(), end, real).ec == std::errc()) {
      attribute = real;
    } else {
      lexer_.fail_at(number.offset, "'" + number.text + "' is not a number of 64 bits");
    }
  }
}

void Parser::attributes(Node& node) {
  if (!accept("{") || accept("}")) return;
  repeat(",", [&] {
    const size_t start = token_.offset;
    const std::string key = name("an attribute");
    expect("=");
    const auto [place, is_new] = node.attributes.try_emplace(key);
    if (!is_new) lexer_.fail_at(start, "attribute '" + key + "' is given twice");
    attribute(place->second);
  });
  expect("}");
}

// : f32[4], i64[4] named "n" from "a", "b" free scratch %s: f32[16]
void Parser::clauses(Graph& graph, Node& node) {
  if (accept(":")) {
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (i > 0) expect(",");
      storage(graph, *node.outputs[i]);
    }
  }
  const bool is_named = accept_word("named");
  if (is_named) node.name = string_token("the name of the node");
  if (accept_word("from")) node.sources = strings();
  // The first source is the usual name of a node and is not said twice.
  if (!is_named && !node.sources.empty()) node.name = node.sources.front();
  node.is_free = accept_word("free");
  if (accept_word("scratch")) {
    repeat(",", [&] { node.scratch.push_back(&declared_value(graph)); });
  }
}

void Parser::node_body(Graph& graph, Node& node) {
  while (!accept("}")) {
    if (at_word("region")) {
      node.regions.push_back(this->graph("region", &graph));
    } else if (at_word("kernel") && !node.kernel) {
      node.kernel = kernel();
    } else if (at_word("schedule") && !node.schedule) {
      node.schedule = schedule();
    } else if (at_word("proc") && !node.proc) {
      node.proc = proc();
    } else {
      error("expected one kernel, schedule or proc, or regions, or '}'");
    }
  }
}

// (%x, %w, _) {pads=[1,1]} : f32[1,16] ...
void Parser::node(Graph& graph, const std::vector<Literal>& outputs, const Literal& op_name) {
  const Operator* op = find_operator(op_name.text);
  if (op == nullptr) {
    lexer_.fail_at(op_name.offset, "there is no operator '" + op_name.text + "'");
  }
  auto owned = std::make_unique<Node>();
  Node& node = *owned;
  node.op = op;
  expect("(");
  if (!at(")")) repeat(",", [&] { node.inputs.push_back(operand(graph)); });
  expect(")");
  // The outputs come into being only now: no node reads its own result.
  for (const Literal& output : outputs) {
    Value& value = new_value(graph, output);
    value.producer = &node;
    node.outputs.push_back(&value);
  }
  graph.nodes.push_back(std::move(owned));
  attributes(node);
  clauses(graph, node);
  if (accept("{")) node_body(graph, node);
}

// --- graphs -----------------------------------------------------------------------------------

void Parser::graph_line(Graph& graph) {
  if (accept_word("pool")) {
    Pool pool{.name = name("a pool")};
    pool.bytes = integer("the size of the pool");
    graph.pools.push_back(std::move(pool));
    return;
  }
  if (accept_word("value")) {
    declared_value(graph);
    return;
  }
  std::vector<Literal> outputs;
  if (token_.kind == TokenKind::value) {
    repeat(",", [&] { outputs.push_back(value_name()); });
    expect("=");
  }
  const size_t start = token_.offset;
  const Literal op_name{name("an operator"), start};
  // There is also an operator of that name; its operands follow at once.
  if (op_name.text != "constant" || at("(")) return node(graph, outputs, op_name);
  if (outputs.size() != 1) error("a constant is one value");
  Value& value = new_value(graph, outputs[0]);
  tensor(value.constant.emplace());
  value.type = value.constant->type;
  place(graph, value);
}

std::unique_ptr<Graph> Parser::graph(std::string_view keyword, Graph* outer) {
  const Level level(*this);
  auto owned = std::make_unique<Graph>();
  Graph& graph = *owned;
  graph.outer = outer;
  expect_word(keyword);
  graph.name = name("the name of the graph");
  expect("(");
  if (!at(")")) repeat(",", [&] { graph.inputs.push_back(&declared_value(graph)); });
  expect(")");
  expect("->");
  expect("(");
  std::vector<Literal> outputs;
  if (!at(")")) repeat(",", [&] { outputs.push_back(value_name()); });
  expect(")");
  expect("{");
  while (!accept("}")) graph_line(graph);
  for (const Literal& output : outputs) graph.outputs.push_back(find_value(graph, output));
  return owned;
}

std::unique_ptr<Graph> Parser::program() {
  std::unique_ptr<Graph> result = graph("graph", nullptr);
  resolve_nested();
  data_section();
  expect_end();
  return result;
}

// --- what parse.h promises --------------------------------------------------------------------

std::unique_ptr<Graph> parse_graph(std::string_view text) {
  return Parser(text).program();
}

Kernel parse_kernel(std::string_view text) {
  Parser parser(text);
  Kernel kernel = parser.kernel();
  parser.expect_end();
  return kernel;
}

Proc parse_proc(std::string_view text) {
  Parser parser(text);
  Proc proc = parser.proc();
  parser.expect_end();
  return proc;
}

Schedule parse_schedule(std::string_view text) {
  Parser parser(text);
  Schedule schedule = parser.schedule();
  parser.expect_end();
  return schedule;
}

Expr parse_expr(std::string_view text, const std::vector<Param>& params) {
  Scope scope;
  for (const Param& param : params) scope.emplace_back(param.name, param.type.dtype);
  Parser parser(text);
  Expr expr = parser.expression(scope);
  parser.expect_end();
  return expr;
}

TensorType parse_type(std::string_view text) {
  Parser parser(text);
  TensorType type = parser.type();
  parser.expect_end();
  return type;
}

}  // namespace mlfc
