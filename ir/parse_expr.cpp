// Reads expressions. The tree is built exactly as written - nothing is simplified - so that text
// printed from a program reads back as that program. Literals take the dtype of their neighbours
// (see expr.h); the rules here mirror those of print_expr.cpp.
#include <charconv>
#include <cmath>
#include <limits>

#include "ir/parse_parts.h"

namespace mlfc {
namespace {

// Trees are walked by recursion everywhere; beyond this height the stack would be in danger.
constexpr int kHighestTree = 1000;

Expr make(ExprNode node) {
  return Expr(std::make_shared<const ExprNode>(std::move(node)));
}

const ScalarFunction* find_prefix(std::string_view spelling) {
  for (const ScalarFunction& row : scalar_functions()) {
    if (row.arity == 1 && row.infix == spelling) return &row;
  }
  return nullptr;
}

const DType* find_dtype(const Scope& scope, const std::string& name) {
  for (size_t i = scope.size(); i-- > 0;) {
    if (scope[i].first == name) return &scope[i].second;
  }
  return nullptr;
}

// True when an integer dtype can hold the real without loss.
bool is_whole(double value) {
  return std::trunc(value) == value && std::fabs(value) < 0x1p63;
}

}  // namespace

DType Parser::dtype() {
  const std::optional<DType> found =
      token_.kind == TokenKind::name ? dtype_named(token_.text) : std::nullopt;
  // Only our own spelling: f32 is a type, float32 could be anybody's name.
  if (!found || info(*found).name != token_.text) error("expected a type such as f32");
  advance();
  return *found;
}

Expr Parser::expression(const Scope& scope) {
  return binary(scope, 0).expr;
}

Expr Parser::expression_of(const Scope& scope, DType dtype) {
  const size_t offset = token_.offset;
  return adopted(expression(scope), dtype, offset);
}

std::vector<Expr> Parser::indices(const Scope& scope) {
  std::vector<Expr> list;
  expect("[");
  if (accept("]")) return list;
  repeat(",", [&] { list.push_back(expression_of(scope, DType::i64)); });
  expect("]");
  return list;
}

// Gives untyped literals below `expr` their dtype.
Expr Parser::adopted(const Expr& expr, DType dtype, size_t offset) const {
  if (dtype == DType::none || expr.dtype() != DType::none) return expr;
  if (expr->kind == ExprKind::constant) {
    if (!expr->is_real) return integer_expr(expr->integer, dtype);
    if (!is_float(dtype) && !is_whole(expr->real)) {
      lexer_.fail_at(offset, concat_text(expr, " is not a value of ", dtype));
    }
    return real_expr(expr->real, dtype);
  }
  ExprNode node = *expr;
  for (size_t i = node.function->condition_first ? 1 : 0; i < node.args.size(); ++i) {
    node.args[i] = adopted(node.args[i], dtype, offset);
  }
  node.dtype = dtype;
  return make(std::move(node));
}

Parser::Parsed Parser::call(const ScalarFunction& function, std::vector<Parsed> args,
                            size_t offset) const {
  if (static_cast<int>(args.size()) != function.arity) {
    lexer_.fail_at(offset, concat_text("'", function.name, "' takes ", function.arity,
                                       " operands, not ", args.size()));
  }
  const size_t first = function.condition_first ? 1 : 0;
  DType common = DType::none;
  for (size_t i = first; i < args.size(); ++i) {
    const DType dtype = args[i].expr.dtype();
    if (common != DType::none && dtype != DType::none && dtype != common) {
      lexer_.fail_at(offset, concat_text("'", function.name, "' of ", common, " and ", dtype,
                                         "; convert one of them: ", common, "(...)"));
    }
    if (common == DType::none) common = dtype;
  }
  Parsed result;
  ExprNode node{.kind = ExprKind::call, .dtype = common, .function = &function};
  if (function.result == ResultRule::boolean) node.dtype = DType::boolean;
  for (size_t i = 0; i < args.size(); ++i) {
    node.args.push_back(adopted(args[i].expr, i < first ? DType::boolean : common, offset));
    result.height = std::max(result.height, args[i].height + 1);
  }
  if (result.height > kHighestTree) lexer_.fail_at(offset, "this expression is too large");
  result.expr = make(std::move(node));
  return result;
}

// The infix operator at the current token, or null.
const ScalarFunction* Parser::infix_here() {
  // Behind an operand `%x` cannot be a value: it is a remainder written without a blank.
  if (token_.kind == TokenKind::value) {
    lexer_.rewind(token_.offset + 1);
    token_.kind = TokenKind::symbol;
    token_.text = "%";
  }
  return token_.kind == TokenKind::symbol ? find_infix(token_.text) : nullptr;
}

Parser::Parsed Parser::binary(const Scope& scope, int least) {
  const Level level(*this);
  Parsed left = unary(scope);
  while (const ScalarFunction* function = infix_here()) {
    if (function->precedence < least) break;
    const size_t offset = token_.offset;
    advance();
    // Operators of equal strength group from the left.
    Parsed right = binary(scope, function->precedence + 1);
    left = call(*function, {std::move(left), std::move(right)}, offset);
  }
  return left;
}

Parser::Parsed Parser::unary(const Scope& scope) {
  const ScalarFunction* function =
      token_.kind == TokenKind::symbol ? find_prefix(token_.text) : nullptr;
  if (function == nullptr) return primary(scope);
  const Level level(*this);
  const size_t offset = token_.offset;
  const bool is_minus = at("-");
  advance();
  const bool is_number = token_.kind == TokenKind::number || at_word("inf") || at_word("nan");
  if (is_minus && is_number) return literal(true);
  return call(*function, {unary(scope)}, offset);
}

// A number, inf or nan, perhaps with its dtype: 3:i32
Parser::Parsed Parser::literal(bool is_negative) {
  const size_t offset = token_.offset;
  const std::string text = (is_negative ? "-" : "") + token_.text;
  const char* end = text.data() + text.size();
  advance();
  Expr value;
  int64_t whole = 0;
  const auto [rest, problem] = std::from_chars(text.data(), end, whole);
  if (problem == std::errc() && rest == end) {
    value = integer_expr(whole);
  } else {
    double real = 0;
    if (std::from_chars(text.data(), end, real).ec != std::errc()) {
      lexer_.fail_at(offset, "the number " + text + " is out of range");
    }
    value = real_expr(real);
  }
  if (accept(":")) value = adopted(value, dtype(), offset);
  return {value, 1};
}

Parser::Parsed Parser::primary(const Scope& scope) {
  const size_t offset = token_.offset;
  if (token_.kind == TokenKind::number || at_word("inf") || at_word("nan")) return literal(false);
  if (accept("(")) {
    Parsed inner = binary(scope, 0);
    expect(")");
    return inner;
  }
  if (accept_word("true")) return {integer_expr(1, DType::boolean), 1};
  if (accept_word("false")) return {integer_expr(0, DType::boolean), 1};
  const bool is_quoted = token_.kind == TokenKind::quoted;
  const std::string named = name("an expression");
  if (at("[")) return read(scope, named, offset);
  if (at("(") && !is_quoted) return function(scope, named, offset);
  const DType* dtype = find_dtype(scope, named);
  return {dtype == nullptr ? axis_expr(named) : local_expr(named, *dtype), 1};
}

// x[0, ic, oh + kh - 1 | 0]
Parser::Parsed Parser::read(const Scope& scope, const std::string& tensor, size_t offset) {
  const DType* dtype = find_dtype(scope, tensor);
  if (dtype == nullptr) lexer_.fail_at(offset, "there is no tensor '" + tensor + "' here");
  Parsed result;
  ExprNode node{.kind = ExprKind::read, .dtype = *dtype, .name = tensor};
  const auto part = [&](DType part_dtype) {
    const size_t start = token_.offset;
    Parsed parsed = binary(scope, 0);
    result.height = std::max(result.height, parsed.height + 1);
    return adopted(parsed.expr, part_dtype, start);
  };
  expect("[");
  if (!at("]") && !at("|")) repeat(",", [&] { node.args.push_back(part(DType::i64)); });
  if (accept("|")) node.otherwise = part(node.dtype);
  expect("]");
  if (result.height > kHighestTree) lexer_.fail_at(offset, "this expression is too large");
  result.expr = make(std::move(node));
  return result;
}

// max(a, b), or a conversion: f32(x)
Parser::Parsed Parser::function(const Scope& scope, const std::string& called, size_t offset) {
  std::vector<Parsed> args;
  expect("(");
  if (!at(")")) repeat(",", [&] { args.push_back(binary(scope, 0)); });
  expect(")");
  if (const ScalarFunction* row = find_scalar_function(called)) {
    return call(*row, std::move(args), offset);
  }
  const std::optional<DType> dtype = dtype_named(called);
  if (!dtype || info(*dtype).name != called) {
    lexer_.fail_at(offset, "there is no scalar function '" + called + "'");
  }
  if (args.size() != 1) lexer_.fail_at(offset, "'" + called + "' converts one operand");
  const Expr& value = args[0].expr;
  if (value.dtype() == DType::none) return {adopted(value, *dtype, offset), args[0].height};
  if (args[0].height >= kHighestTree) lexer_.fail_at(offset, "this expression is too large");
  return {cast_expr(*dtype, value), args[0].height + 1};
}

}  // namespace mlfc
