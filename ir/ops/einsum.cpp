// Einstein summation: an equation names the axes of every operand and of the result; what the
// result does not name is summed. The equation is nearly a kernel already.
#include <algorithm>
#include <cctype>
#include <map>

#include "ir/operator.h"
#include "ir/ops/axes.h"

namespace mlfc {
namespace {

/// One operand's or the result's axes, one label per dimension. Labels are letters; the dimensions
/// of an ellipsis are "e0" (outermost) and so on, counted from the right of the longest one.
using Labels = std::vector<std::string>;

struct Equation {
  std::vector<Labels> operands = {};
  Labels result = {};
  std::map<std::string, int64_t> extents = {};
};

std::vector<std::string> split_text(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// How many dimensions the ellipsis of `term` stands for in a tensor of `rank`; -1 without one.
int ellipsis_rank(const Node& node, const std::string& term, int rank) {
  const size_t dots = term.find("...");
  const int letters = static_cast<int>(term.size()) - (dots == std::string::npos ? 0 : 3);
  if (dots == std::string::npos) {
    if (letters != rank) fail(node, "'", term, "' does not name ", rank, " dimensions");
    return -1;
  }
  if (letters > rank) fail(node, "'", term, "' names more than ", rank, " dimensions");
  return rank - letters;
}

/// The labels of a term; an ellipsis of `own` dimensions is aligned to the right of `longest`.
Labels labels_of(const Node& node, const std::string& term, int own, int longest) {
  Labels labels;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term.compare(i, 3, "...") == 0) {
      for (int e = longest - own; e < longest; ++e) labels.push_back("e" + std::to_string(e));
      i += 2;
      continue;
    }
    if (std::isalpha(static_cast<unsigned char>(term[i])) == 0) {
      fail(node, "equation '", node.text("equation"), "' holds '", term.substr(i, 1),
           "'; axes are named by letters");
    }
    labels.emplace_back(1, term[i]);
  }
  return labels;
}

/// Without an arrow: the ellipsis, then every letter used exactly once, in alphabetical order.
std::string implicit_result(const std::vector<std::string>& terms, bool has_ellipsis) {
  std::map<char, int> uses;
  for (const std::string& term : terms) {
    for (const char c : term) {
      if (c != '.') ++uses[c];
    }
  }
  std::string result = has_ellipsis ? "..." : "";
  for (const auto& [letter, count] : uses) {
    if (count == 1) result += letter;
  }
  return result;
}

void set_extents(const Node& node, Equation& equation) {
  for (size_t i = 0; i < equation.operands.size(); ++i) {
    const TensorType& type = node.input(static_cast<int>(i)).type;
    for (size_t dim = 0; dim < type.shape.size(); ++dim) {
      int64_t& extent = equation.extents.try_emplace(equation.operands[i][dim], 1).first->second;
      const bool fits = extent == 1 || type.shape[dim] == 1 || extent == type.shape[dim];
      if (!fits) {
        fail(node, "axis '", equation.operands[i][dim], "' has extents ", extent, " and ",
             type.shape[dim]);
      }
      if (extent == 1) extent = type.shape[dim];
    }
  }
  for (const std::string& label : equation.result) {
    if (equation.extents.count(label) == 0) fail(node, "no operand has the axis '", label, "'");
    if (std::count(equation.result.begin(), equation.result.end(), label) > 1) {
      fail(node, "the result names axis '", label, "' twice");
    }
  }
}

Equation parsed(const Node& node) {
  std::string text = node.text("equation");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const size_t arrow = text.find("->");
  const std::vector<std::string> terms = split_text(text.substr(0, arrow), ',');
  if (terms.size() != node.inputs.size()) {
    fail(node, "equation '", text, "' has ", terms.size(), " operands but ", node.inputs.size(),
         " are given");
  }
  std::vector<int> ellipses;
  for (size_t i = 0; i < terms.size(); ++i) {
    ellipses.push_back(ellipsis_rank(node, terms[i], node.input(static_cast<int>(i)).type.rank()));
  }
  const int longest = std::max(0, *std::max_element(ellipses.begin(), ellipses.end()));
  const bool has_ellipsis = *std::max_element(ellipses.begin(), ellipses.end()) >= 0;

  Equation equation;
  for (size_t i = 0; i < terms.size(); ++i) {
    equation.operands.push_back(labels_of(node, terms[i], std::max(0, ellipses[i]), longest));
  }
  const std::string result =
      arrow == std::string::npos ? implicit_result(terms, has_ellipsis) : text.substr(arrow + 2);
  equation.result = labels_of(node, result, longest, longest);
  set_extents(node, equation);
  return equation;
}

std::vector<TensorType> infer(const Node& node) {
  const DType dtype = node.input(0).type.dtype;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const TensorType& type = node.input(static_cast<int>(i)).type;
    if (type.dtype != dtype) fail(node, "operands are ", node.input(0).type, " and ", type);
  }
  const Equation equation = parsed(node);
  Shape shape;
  for (const std::string& label : equation.result) shape.push_back(equation.extents.at(label));
  return {{dtype, shape}};
}

Kernel kernel(const Node& node) {
  const Equation equation = parsed(node);
  KernelBuilder k(node);
  Reducer acc(k);
  std::map<std::string, Expr> axes;
  std::vector<Expr> result;
  for (const std::string& label : equation.result) {
    axes[label] = parallel_axis(k, label, equation.extents.at(label));
    result.push_back(axes[label]);
  }
  for (const auto& [label, extent] : equation.extents) {
    if (axes.count(label) == 0) axes[label] = acc.axis(label, extent);
  }
  Expr product;
  for (size_t i = 0; i < equation.operands.size(); ++i) {
    const Shape& shape = node.input(static_cast<int>(i)).type.shape;
    std::vector<Expr> at;
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      at.push_back(shape[dim] == 1 ? Expr(0) : axes.at(equation.operands[i][dim]));
    }
    const Expr element = k.in(static_cast<int>(i)).at(at);
    product = product.empty() ? element : product * element;
  }
  k.store(k.out().at(result), acc.result(Combine::sum, product));
  return k.done();
}

const Operator einsum{
    .name = "einsum",
    .summary = "Sum of products along axes that an equation names.",
    .onnx = {"Einsum"},
    .inputs = {"xs..."},
    .attributes = {required(text("equation", ""))},
    .infer = infer,
    .kernel = kernel,
};
const RegisteredOperator registered{einsum};

}  // namespace
}  // namespace mlfc
