// The windows of signal processing: one, two or three cosines over a length known at compile time.
#include <algorithm>

#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"
#include "ir/ops/elementwise.h"

namespace mlfc {
namespace {

int64_t length_of(const Node& node) {
  const std::vector<int64_t> length = constant_integers(node, 0);
  if (length.size() != 1 || length[0] < 1) fail(node, "size must be one positive number");
  return length[0];
}

std::vector<TensorType> infer(const Node& node) {
  const std::optional<DType> dtype = dtype_named(node.text("output_datatype"));
  if (!dtype || !is_float(*dtype)) {
    fail(node, "output_datatype is ", node.text("output_datatype"), " but must be real");
  }
  return {{*dtype, {length_of(node)}, {}}};
}

/// a - b cos(t) + c cos(2 t), t running once around.
Kernel window(const Node& node, double a, double b, double c) {
  const int64_t length = length_of(node);
  const DType dtype = compute_dtype(node.output().type.dtype);
  const int64_t period = node.integer("periodic") != 0 ? length : length - 1;
  constexpr double turn = 6.283185307179586;
  KernelBuilder k(node);
  const Expr i = parallel_axis(k, "i", length);
  const Expr place = cast_expr(dtype, with_dtype(i, DType::i64));
  const Expr angle = place * Expr(turn / static_cast<double>(std::max<int64_t>(period, 1)));
  Expr value = Expr(a) - Expr(b) * call_expr("cos", {angle});
  if (c != 0) value = value + Expr(c) * call_expr("cos", {angle * Expr(2)});
  k.store(k.out()(i), value);
  return k.done();
}

void adopt(ForeignNode& node) {
  onnx_dtype_to_text(node, "output_datatype");
}

void offer(ForeignNode& node) {
  text_to_onnx_dtype(node, "output_datatype");
}

const std::vector<AttributeSpec> attributes = {text("output_datatype", "f32"),
                                               integer("periodic", 1)};

const Operator hann_window{
    .name = "hann_window",
    .summary = "A raised cosine.",
    .onnx = {"HannWindow"},
    .onnx_opset = 17,
    .inputs = {"size!"},
    .attributes = attributes,
    .adopt = adopt,
    .offer = offer,
    .infer = infer,
    .kernel = [](const Node& node) { return window(node, 0.5, 0.5, 0); },
};
const RegisteredOperator registered_hann{hann_window};

const Operator hamming_window{
    .name = "hamming_window",
    .summary = "A raised cosine on a pedestal.",
    .onnx = {"HammingWindow"},
    .onnx_opset = 17,
    .inputs = {"size!"},
    .attributes = attributes,
    .adopt = adopt,
    .offer = offer,
    .infer = infer,
    .kernel = [](const Node& node) { return window(node, 25.0 / 46, 21.0 / 46, 0); },
};
const RegisteredOperator registered_hamming{hamming_window};

const Operator blackman_window{
    .name = "blackman_window",
    .summary = "A sum of two cosines with low side lobes.",
    .onnx = {"BlackmanWindow"},
    .onnx_opset = 17,
    .inputs = {"size!"},
    .attributes = attributes,
    .adopt = adopt,
    .offer = offer,
    .infer = infer,
    .kernel = [](const Node& node) { return window(node, 0.42, 0.5, 0.08); },
};
const RegisteredOperator registered_blackman{blackman_window};

}  // namespace
}  // namespace mlfc
