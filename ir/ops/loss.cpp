// Losses: the negative logarithm of the probability given to the right class, weighted by class,
// as it is or summed up. Models exported for training end in one.
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

void check_operands(const Node& node) {
  const TensorType& x = node.input(0).type;
  const TensorType& target = node.input(1).type;
  check_accepts(node, 0, Accepts::reals);
  check_accepts(node, 1, Accepts::integers);
  Shape expected = x.shape;
  if (x.rank() < 2) fail(node, "x must have batch and class dimensions but is ", x);
  expected.erase(expected.begin() + 1);
  if (target.shape != expected) {
    fail(node, "the targets are ", target, " but x, ", x, ", asks for the shape ", expected);
  }
  if (node.has_input(2) && node.input(2).type != TensorType{x.dtype, {x.shape[1]}, {}}) {
    fail(node, "the weights are ", node.input(2).type, " but there are ", x.shape[1], " classes");
  }
  const std::string& reduction = node.text("reduction");
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    fail(node, "reduction '", reduction, "' is none of none, sum, mean");
  }
}

Shape loss_shape(const Node& node) {
  return node.text("reduction") == "none" ? node.input(1).type.shape : Shape();
}

/// The loss of the element whose target is at `at`, and its weight.
struct Term {
  Expr loss = {};
  Expr weight = {};
};

Term term_at(const Node& node, const KernelBuilder& k, const std::vector<Expr>& at) {
  const DType dtype = compute_dtype(node.input(0).type.dtype);
  const Expr target = cast_expr(DType::i64, k.in(1).at(at));
  Expr label = target;
  Expr weight = with_dtype(1, dtype);
  const bool ignores = node.has("ignore_index");
  const Expr ignored = ignores ? equal(target, node.integer("ignore_index")) : Expr();
  // An ignored label may lie outside the classes; class 0 is read in its place and weighs nothing.
  if (ignores) label = select_expr(ignored, integer_expr(0, DType::i64), target);
  if (k.has(2)) weight = k.in(2)(label);
  if (ignores) weight = select_expr(ignored, with_dtype(0, dtype), weight);
  std::vector<Expr> place = at;
  place.insert(place.begin() + 1, label);
  return {-(weight * k.in(0).at(place)), weight};
}

Kernel kernel(const Node& node) {
  const Shape& shape = node.input(1).type.shape;
  const std::string& reduction = node.text("reduction");
  KernelBuilder k(node);
  if (reduction == "none") {
    const std::vector<Expr> at = parallel_axes(k, shape);
    k.store(k.out().at(at), term_at(node, k, at).loss);
    return k.done();
  }
  const auto reduced = [&] {
    std::vector<Expr> at;
    for (size_t i = 0; i < shape.size(); ++i) {
      at.push_back(k.reduce("r" + std::to_string(i), shape[i]));
    }
    return at;
  };
  const Expr total = k.reduction(Combine::sum, term_at(node, k, reduced()).loss, {}, "total");
  if (reduction == "sum") {
    k.store(k.out()(), total);
    return k.done();
  }
  k.stage();
  const Expr weights = k.reduction(Combine::sum, term_at(node, k, reduced()).weight, {}, "weights");
  k.store(k.out()(), total / weights);
  return k.done();
}

const std::vector<AttributeSpec> attributes = {text("reduction", "mean"),
                                               integer("ignore_index", 0)};

const Operator negative_log_likelihood_loss{
    .name = "negative_log_likelihood_loss",
    .summary = "Minus the log probability of the right class.",
    .onnx = {"NegativeLogLikelihoodLoss"},
    .inputs = {"x", "target", "weight?"},
    .attributes = attributes,
    .infer =
        [](const Node& node) {
          check_operands(node);
          return std::vector<TensorType>{{node.input(0).type.dtype, loss_shape(node), {}}};
        },
    .kernel = kernel,
};
const RegisteredOperator registered_likelihood{negative_log_likelihood_loss};

std::vector<TensorType> infer_cross_entropy(const Node& node) {
  check_operands(node);
  const TensorType& x = node.input(0).type;
  std::vector<TensorType> types = {{x.dtype, loss_shape(node), {}}, x.plain()};
  types.resize(node.outputs.size());
  return types;
}

std::vector<Value*> expand_cross_entropy(Expansion& expansion) {
  const Node& node = expansion.node();
  Value& log_prob = expansion.add("log_softmax", {node.inputs[0]}, {{"axis", int64_t{1}}});
  std::vector<Value*> operands = node.inputs;
  operands[0] = &log_prob;
  std::vector<Value*> results = {
      &expansion.add("negative_log_likelihood_loss", operands, node.attributes), &log_prob};
  results.resize(node.outputs.size());
  return results;
}

const Operator softmax_cross_entropy_loss{
    .name = "softmax_cross_entropy_loss",
    .summary = "Minus the log of the softmax at the right class.",
    .onnx = {"SoftmaxCrossEntropyLoss"},
    .inputs = {"x", "target", "weight?"},
    .outputs = {"y", "log_prob?"},
    .attributes = attributes,
    .infer = infer_cross_entropy,
    .expand = expand_cross_entropy,
};
const RegisteredOperator registered_cross_entropy{softmax_cross_entropy_loss};

}  // namespace
}  // namespace mlfc
