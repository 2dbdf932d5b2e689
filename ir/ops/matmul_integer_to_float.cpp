// Matrix products of integers whose sums become real numbers at once: with the scales given, or
// with those of an operand that is quantised on the spot.
#include "ir/ops/zero_point.h"

namespace mlfc {
namespace {

struct Product {
  Value* a = nullptr;
  Value* b = nullptr;
  Value* a_zero_point = nullptr;
  Value* b_zero_point = nullptr;
  Value* a_scale = nullptr;
  Value* b_scale = nullptr;
  Value* bias = nullptr;
};

/// f32(sum) * (a_scale * b_scale) + bias: the scales multiply first, as they are known first.
Value& real_product(Expansion& expansion, const Product& product) {
  Value& sum = expansion.add("matmul_integer",
                             {product.a, product.b, product.a_zero_point, product.b_zero_point});
  const std::string dtype = to_text(product.b_scale->type.dtype);
  Value& real = expansion.add("cast", {&sum}, {{"to", dtype}});
  Value& scale = expansion.add("mul", {product.a_scale, product.b_scale});
  Value& y = expansion.add("mul", {&real, &scale});
  return product.bias == nullptr ? y : expansion.add("add", {&y, product.bias});
}

Value* optional_input(const Node& node, int input) {
  return node.has_input(input) ? &node.input(input) : nullptr;
}

std::vector<Value*> expand_to_float(Expansion& expansion) {
  const Node& node = expansion.node();
  check_scale(node, 2);
  check_scale(node, 3);
  return {&real_product(expansion, {.a = &node.input(0),
                                    .b = &node.input(1),
                                    .a_zero_point = optional_input(node, 4),
                                    .b_zero_point = optional_input(node, 5),
                                    .a_scale = &node.input(2),
                                    .b_scale = &node.input(3),
                                    .bias = optional_input(node, 6)})};
}

const Operator matmul_integer_to_float{
    .name = "matmul_integer_to_float",
    .summary = "Real numbers that a matrix product of integers stands for.",
    .onnx = {"com.microsoft.MatMulIntegerToFloat"},
    .inputs = {"a", "b", "a_scale", "b_scale", "a_zero_point?", "b_zero_point?", "bias?"},
    .infer = infer_by_expanding,
    .expand = expand_to_float,
};
const RegisteredOperator registered{matmul_integer_to_float};

std::vector<Value*> expand_dynamic(Expansion& expansion) {
  const Node& node = expansion.node();
  check_scale(node, 2);
  const auto a = expansion.add_all("dynamic_quantize_linear", {&node.input(0)}, 3);
  return {&real_product(expansion, {.a = a[0],
                                    .b = &node.input(1),
                                    .a_zero_point = a[2],
                                    .b_zero_point = optional_input(node, 3),
                                    .a_scale = a[1],
                                    .b_scale = &node.input(2),
                                    .bias = optional_input(node, 4)})};
}

const Operator dynamic_quantize_matmul{
    .name = "dynamic_quantize_matmul",
    .summary = "Matrix product whose first operand is quantised on the spot.",
    .onnx = {"com.microsoft.DynamicQuantizeMatMul"},
    .inputs = {"a", "b", "b_scale", "b_zero_point?", "bias?"},
    .infer = infer_by_expanding,
    .expand = expand_dynamic,
};
const RegisteredOperator registered_dynamic{dynamic_quantize_matmul};

}  // namespace
}  // namespace mlfc
