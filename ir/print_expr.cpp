// Prints numbers, expressions, types and tensor elements.
//
// Literals are printed without their dtype: the reader gives them the one of their neighbours.
// Where no neighbour has one - f32(3), say - the dtype is written out, so that the text always
// reads back as the same typed tree.
#include <charconv>
#include <cmath>
#include <cstring>

#include "ir/error.h"
#include "ir/print_parts.h"

namespace mlfc {
namespace {

template <typename Number>
std::string shortest(Number value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  check(error == std::errc(), "a number is longer than expected");
  return {buffer, end};
}

bool looks_whole(std::string_view digits) {
  return digits.find_first_not_of("-0123456789") == std::string_view::npos;
}

std::string literal_text(const ExprNode& literal) {
  if (literal.dtype == DType::boolean) return literal.integer != 0 ? "true" : "false";
  if (!literal.is_real) return shortest(literal.integer);
  if (literal.dtype == DType::none) return marked_real_text(literal.real);
  return real_text(literal.real, literal.dtype);
}

// The dtype that the operands of a call share, when one of them shows it.
DType shown_operand_dtype(const ExprNode& call) {
  for (size_t i = call.function->condition_first ? 1 : 0; i < call.args.size(); ++i) {
    if (gives_its_dtype(call.args[i])) return call.args[i].dtype();
  }
  return DType::none;
}

std::string infix_text(const ExprNode& call, DType context);

// An operand of an infix operator, in parentheses when it binds less tightly than `least`.
std::string operand_text(const Expr& operand, DType context, int least) {
  const bool is_infix = operand->kind == ExprKind::call && !operand->function->infix.empty();
  const std::string text = expr_text(operand, context);
  return is_infix && operand->function->precedence < least ? "(" + text + ")" : text;
}

std::string infix_text(const ExprNode& call, DType context) {
  const std::string infix(call.function->infix);
  const int strength = call.function->precedence;
  if (call.args.size() == 1) {
    // -3 is a literal; the negation of 3 keeps its parentheses.
    const Expr& operand = call.args[0];
    const std::string text = operand_text(operand, context, strength);
    const bool is_literal = operand->kind == ExprKind::constant;
    return infix + (is_literal ? "(" + text + ")" : text);
  }
  // Operators of equal strength group from the left.
  return operand_text(call.args[0], context, strength) + " " + infix + " " +
         operand_text(call.args[1], context, strength + 1);
}

std::string call_text(const ExprNode& call, DType context) {
  DType operands = shown_operand_dtype(call);
  const bool same_as_context = call.function->result == ResultRule::same;
  if (operands == DType::none && same_as_context) operands = context;
  if (!call.function->infix.empty()) return infix_text(call, operands);
  std::string text(call.function->name);
  for (size_t i = 0; i < call.args.size(); ++i) {
    const bool is_condition = i == 0 && call.function->condition_first;
    text += i == 0 ? "(" : ", ";
    text += expr_text(call.args[i], is_condition ? DType::boolean : operands);
  }
  return text + (call.args.empty() ? "()" : ")");
}

}  // namespace

std::string real_text(double value, DType dtype) {
  if (std::isnan(value)) return "nan";
  const bool is_narrow = dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
  const auto narrow = static_cast<float>(value);
  const bool fits = is_narrow && static_cast<double>(narrow) == value;
  std::string text = fits ? shortest(narrow) : shortest(value);
  // The reader goes through double; in rare cases that rounds the short text to a neighbour.
  if (fits && std::isfinite(value)) {
    double read = 0;
    std::from_chars(text.data(), text.data() + text.size(), read);
    if (static_cast<float>(read) != narrow) text = shortest(value);
  }
  if (text == "-0") text = "-0.0";  // as a whole number it would lose its sign
  return text;
}

std::string marked_real_text(double value) {
  std::string text = real_text(value, DType::f64);
  if (looks_whole(text)) text += ".0";
  return text;
}

bool gives_its_dtype(const Expr& expr) {
  if (expr->kind == ExprKind::constant) return expr->dtype == DType::boolean;
  if (expr->kind != ExprKind::call) return true;
  if (expr->function->result == ResultRule::boolean) return true;
  return shown_operand_dtype(*expr) != DType::none;
}

std::string indices_text(const std::vector<Expr>& indices) {
  std::string text = "[";
  for (size_t i = 0; i < indices.size(); ++i) {
    if (i > 0) text += ", ";
    text += expr_text(indices[i], DType::i64);
  }
  return text + "]";
}

std::string expr_text(const Expr& expr, DType context) {
  if (expr.empty()) return "?";
  switch (expr->kind) {
    case ExprKind::constant: {
      const bool is_known =
          expr->dtype == context || expr->dtype == DType::none || expr->dtype == DType::boolean;
      return literal_text(*expr) + (is_known ? "" : ":" + to_text(expr->dtype));
    }
    case ExprKind::axis:
    case ExprKind::local:
      return name_text(expr->name);
    case ExprKind::read: {
      std::string text = name_text(expr->name) + indices_text(expr->args);
      if (expr->otherwise.empty()) return text;
      text.pop_back();
      return text + " | " + expr_text(expr->otherwise, expr->dtype) + "]";
    }
    case ExprKind::call:
      return call_text(*expr, context);
    case ExprKind::cast:
      return to_text(expr->dtype) + "(" + expr_text(expr->args[0], DType::none) + ")";
  }
  throw InternalError("an expression of unknown kind");
}

std::string to_text(const Expr& expr) {
  return expr_text(expr, expr.empty() ? DType::none : expr.dtype());
}

std::string type_text(const TensorType& type) {
  return type.dtype == DType::none ? "?" : to_text(type);
}

bool elements_keep_bits(const Tensor& tensor) {
  if (tensor.type.dtype == DType::boolean) {
    for (const std::byte b : tensor.bytes) {
      if (std::to_integer<int>(b) > 1) return false;
    }
  }
  if (!is_float(tensor.type.dtype)) return true;
  Tensor one({tensor.type.dtype, {1}, std::nullopt});
  for (int64_t i = 0; i < tensor.type.storage_elements(); ++i) {
    if (!std::isnan(tensor.real(i))) continue;
    one.set_real(0, std::nan(""));
    const auto* element = tensor.bytes.data() + static_cast<size_t>(i) * one.bytes.size();
    if (std::memcmp(element, one.bytes.data(), one.bytes.size()) != 0) return false;
  }
  return true;
}

std::string elements_text(const Tensor& tensor) {
  const DType dtype = tensor.type.dtype;
  const auto element = [&](int64_t i) {
    if (is_float(dtype)) return real_text(tensor.real(i), dtype);
    if (dtype == DType::boolean) return std::string(tensor.integer(i) != 0 ? "true" : "false");
    if (dtype == DType::u64) return shortest(static_cast<uint64_t>(tensor.integer(i)));
    return shortest(tensor.integer(i));
  };
  const int64_t count = tensor.type.storage_elements();
  if (tensor.type.shape.empty() && count == 1) return element(0);
  std::string text = "[";
  for (int64_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + element(i);
  return text + "]";
}

}  // namespace mlfc
