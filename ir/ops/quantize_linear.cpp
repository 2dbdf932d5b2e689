// Between real numbers and the integers that stand for them: real = scale * (integer - zero point).
// Scales are per tensor, per entry of one axis, or per block along it. Quantizing rounds the
// quotient to the nearest integer, halves to the even one, and saturates.
#include <cmath>

#include "ir/ops/adopt.h"
#include "ir/ops/axes.h"
#include "ir/ops/convert.h"
#include "ir/ops/elementwise.h"
#include "ir/ops/zero_point.h"

namespace mlfc {
namespace {

/// Where in the scale (input 1) or zero point (input 2) the entry for element `at` of x lies. One
/// entry for all may be a scalar in one and a vector in the other.
std::vector<Expr> parameter_place(const Node& node, int input, const std::vector<Expr>& at) {
  const TensorType& x = node.input(0).type;
  const TensorType& scale = node.input(input).type;
  if (scale.elements() == 1) return std::vector<Expr>(scale.shape.size(), Expr(0));
  const int axis = normalized_axis(node, node.integer("axis"), x.rank());
  if (scale.rank() == 1) return {at[axis]};
  std::vector<Expr> place = at;
  const bool is_one_block = scale.shape[axis] == 1;
  place[axis] = is_one_block ? Expr(0) : floor_div(at[axis], Expr(node.integer("block_size")));
  return place;
}

/// Fails unless input `input` has one entry, one for each of an axis of x, or one for each block.
void check_entries(const Node& node, int input) {
  const TensorType& x = node.input(0).type;
  const TensorType& entries = node.input(input).type;
  const std::string name = input_name(node, input);
  if (entries.elements() == 1) return;
  const int axis = normalized_axis(node, node.integer("axis"), x.rank());
  if (entries.rank() == 1) {
    if (entries.shape[0] == x.shape[axis]) return;
    fail(node, name, " is ", entries, " but axis ", axis, " of x, ", x, ", has ", x.shape[axis],
         " entries; check 'axis'");
  }
  const int64_t block = node.integer("block_size");
  Shape expected = x.shape;
  if (block > 0) expected[axis] = (x.shape[axis] + block - 1) / block;
  if (block < 1 || entries.shape != expected) {
    fail(node, name, " is ", entries, ", which does not fit blocks of ", block, " along axis ",
         axis, " of ", x);
  }
}

void check_parameters(const Node& node) {
  check_scale(node, 1);
  check_entries(node, 1);
  if (!node.has_input(2)) return;
  check_entries(node, 2);
  const TensorType& scale = node.input(1).type;
  const TensorType& zero_point = node.input(2).type;
  if (zero_point.elements() != scale.elements() && zero_point.elements() != 1) {
    fail(node, "scale is ", scale, " but zero_point is ", zero_point, "; they must have one shape");
  }
}

/// The numbers the result may have: of its type, or of fewer bits when the node says so.
struct Range {
  double lowest = 0;
  double highest = 0;
};

Range range_of(const Node& node, DType dtype) {
  const int64_t bits = node.integer("bits");
  if (bits == 0) return {lowest_of(dtype), highest_of(dtype)};
  const bool has_sign = info(dtype).kind == DTypeKind::signed_integer;
  const double count = std::ldexp(1.0, static_cast<int>(bits));
  return has_sign ? Range{-count / 2, count / 2 - 1} : Range{0, count - 1};
}

void check_zero_point_range(const Node& node) {
  if (node.integer("bits") == 0 || !node.has_input(2) || !node.input(2).is_constant()) return;
  const Range range = range_of(node, node.input(2).type.dtype);
  for (const int64_t number : node.input(2).constant->integers()) {
    const auto real = static_cast<double>(number);
    if (range.lowest <= real && real <= range.highest) continue;
    fail(node, "zero_point holds ", number, " but results of ", node.integer("bits"),
         " bits are between ", range.lowest, " and ", range.highest, "; quantize the model again");
  }
}

/// Blocks and 16-bit integers came with opset 21.
void offer_common(ForeignNode& node, DType integers) {
  if (foreign_integer(node, "block_size", 0) == 0) node.attributes.erase("block_size");
  if (node.attributes.contains("block_size") || bytes_of(integers) == 2) node.opset = 21;
}

// --- quantize_linear ------------------------------------------------------------------------

std::vector<TensorType> infer_quantize(const Node& node) {
  check_accepts(node, 0, Accepts::numbers);
  check_parameters(node);
  DType dtype = DType::u8;
  if (node.has("output_dtype")) dtype = dtype_named(node.text("output_dtype")).value_or(dtype);
  if (node.has_input(2)) dtype = node.input(2).type.dtype;
  if (!is_integer(dtype) || bytes_of(dtype) > 4) {
    fail(node, node.has_input(2) ? "zero_point is " : "the result is to be ", dtype,
         " but must be of integers of 8, 16 or 32 bits; quantize the model again");
  }
  check_bits(node, dtype);
  check_zero_point_range(node);
  return {{dtype, node.input(0).type.shape}};
}

void offer_quantize(ForeignNode& node) {
  if (foreign_integer(node, "bits", 0) == 4) fail(place_of(node), "4 bits cannot be written yet");
  node.attributes.erase("bits");
  const bool has_zero = node.inputs.size() > 2 && node.inputs[2] != nullptr;
  const auto dtype = node.attributes.find("output_dtype");
  if (has_zero) {
    node.attributes.erase("output_dtype");  // the zero point says it
    return offer_common(node, node.inputs[2]->type.dtype);
  }
  offer_common(node, DType::u8);
  if (dtype == node.attributes.end()) return;
  text_to_onnx_dtype(node, "output_dtype");
  if (std::get<int64_t>(dtype->second) == onnx_dtype_number(DType::u8)) {
    node.attributes.erase(dtype);
  } else {
    node.opset = 21;
  }
}

Kernel quantize_kernel(const Node& node) {
  const TensorType& y = node.output().type;
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, y.shape);
  const DType dtype = bytes_of(y.dtype) > 2 ? DType::f64 : DType::f32;  // exact for every value
  const Expr x = cast_expr(compute_dtype(node.input(1).type.dtype), k.in(0).at(at));
  Expr steps =
      cast_expr(dtype, call_expr("round_even", {x / k.in(1).at(parameter_place(node, 1, at))}));
  if (k.has(2)) steps = steps + cast_expr(dtype, k.in(2).at(parameter_place(node, 2, at)));
  // The limits come first: what is not a number becomes the lowest integer.
  const Range range = range_of(node, y.dtype);
  const Expr limited = min_expr(max_expr(Expr(range.lowest), steps), Expr(range.highest));
  k.store(k.out().at(at), cast_expr(y.dtype, limited));
  return k.done();
}

const Operator quantize_linear{
    .name = "quantize_linear",
    .summary = "Integers that stand for real numbers.",
    .onnx = {"QuantizeLinear", "com.microsoft.QuantizeLinear"},
    .inputs = {"x", "scale", "zero_point?"},
    .attributes = {integer("axis", 1), integer("block_size", 0), text("output_dtype", "u8"),
                   integer("bits", 0)},
    .adopt =
        [](ForeignNode& node) {
          drop_attributes(node, {"saturate", "precision"});
          if (foreign_integer(node, "output_dtype", 0) == 0) node.attributes.erase("output_dtype");
          onnx_dtype_to_text_and_bits(node, "output_dtype");
          if (is_four_bit(node, 2)) node.attributes["bits"] = int64_t{4};
        },
    .offer = offer_quantize,
    .infer = infer_quantize,
    .kernel = quantize_kernel,
};
const RegisteredOperator registered_quantize{quantize_linear};

// --- dequantize_linear ----------------------------------------------------------------------

std::vector<TensorType> infer_dequantize(const Node& node) {
  check_accepts(node, 0, Accepts::integers);
  check_parameters(node);
  check_zero_point_dtype(node, 2, 0);
  DType dtype = node.input(1).type.dtype;
  if (node.has("output_dtype")) dtype = dtype_named(node.text("output_dtype")).value_or(dtype);
  return {{dtype, node.input(0).type.shape}};
}

void offer_dequantize(ForeignNode& node) {
  offer_common(node, node.inputs[0]->type.dtype);
  text_to_onnx_dtype(node, "output_dtype");
  const int64_t own = onnx_dtype_number(node.inputs[1]->type.dtype);
  if (foreign_integer(node, "output_dtype", own) == own) node.attributes.erase("output_dtype");
  if (node.attributes.contains("output_dtype")) node.opset = 23;
}

Kernel dequantize_kernel(const Node& node) {
  KernelBuilder k(node);
  const std::vector<Expr> at = parallel_axes(k, node.output().type.shape);
  Expr steps = cast_expr(DType::i32, k.in(0).at(at));
  if (k.has(2)) steps = steps - cast_expr(DType::i32, k.in(2).at(parameter_place(node, 2, at)));
  const Expr scale = k.in(1).at(parameter_place(node, 1, at));
  const Expr value = cast_expr(scale.dtype(), steps) * scale;
  k.store(k.out().at(at), cast_expr(compute_dtype(node.output().type.dtype), value));
  return k.done();
}

const Operator dequantize_linear{
    .name = "dequantize_linear",
    .summary = "The real numbers that integers stand for.",
    .onnx = {"DequantizeLinear", "com.microsoft.DequantizeLinear"},
    .inputs = {"x", "scale", "zero_point?"},
    .attributes = {integer("axis", 1), integer("block_size", 0), text("output_dtype", "f32")},
    .adopt =
        [](ForeignNode& node) {
          if (foreign_integer(node, "output_dtype", 0) == 0) node.attributes.erase("output_dtype");
          onnx_dtype_to_text(node, "output_dtype");
        },
    .offer = offer_dequantize,
    .infer = infer_dequantize,
    .kernel = dequantize_kernel,
    .widens = true,
};
const RegisteredOperator registered_dequantize{dequantize_linear};

// --- dynamic_quantize_linear ----------------------------------------------------------------

std::vector<TensorType> infer_dynamic(const Node& node) {
  const TensorType& x = node.input(0).type;
  if (x.dtype != DType::f32) fail(node, "x must be f32 but is ", x);
  std::vector<TensorType> types = {{DType::u8, x.shape}, {DType::f32, {}}, {DType::u8, {}}};
  types.resize(node.outputs.size());
  return types;
}

/// Stages: the range of x with 0 in it, the scale, the zero point, then the elements.
Kernel dynamic_kernel(const Node& node) {
  const Shape& shape = node.input(0).type.shape;
  KernelBuilder k(node);
  const auto element = [&] {
    std::vector<Expr> at;
    for (size_t i = 0; i < shape.size(); ++i) {
      at.push_back(k.reduce("r" + std::to_string(i), shape[i]));
    }
    return k.in(0).at(at);
  };
  const Expr top = k.reduction(Combine::max, element(), 0, "top");
  k.stage();
  const Expr bottom = k.reduction(Combine::min, element(), 0, "bottom");

  const TensorRef scale = k.local("scale", DType::f32, {});
  const TensorRef zero = k.local("zero", DType::f32, {});
  const Expr steps = 255;
  const auto limited = [&](const Expr& value) {
    return min_expr(max_expr(with_dtype(0, DType::f32), value), steps);
  };
  k.stage();
  const Expr range = top - bottom;
  k.store(scale(), select_expr(equal(range, 0), with_dtype(1, DType::f32), range / steps));
  k.stage();
  k.store(zero(), call_expr("round_even", {limited(-bottom / scale())}));
  if (k.has_out(1)) {
    k.stage();
    k.store(k.out(1)(), scale());
  }
  if (k.has_out(2)) {
    k.stage();
    k.store(k.out(2)(), cast_expr(DType::u8, zero()));
  }
  k.stage();
  std::vector<Expr> at;
  for (size_t i = 0; i < shape.size(); ++i) {
    at.push_back(row_axis(k, "i" + std::to_string(i), shape[i]));
  }
  const Expr rounded = call_expr("round_even", {k.in(0).at(at) / scale()});
  k.store(k.out().at(at), cast_expr(DType::u8, limited(rounded + zero())));
  return k.done();
}

const Operator dynamic_quantize_linear{
    .name = "dynamic_quantize_linear",
    .summary = "8-bit integers for real numbers, with the scale found from the numbers.",
    .onnx = {"DynamicQuantizeLinear"},
    .inputs = {"x"},
    .outputs = {"y", "scale_out", "zero_point_out"},
    .infer = infer_dynamic,
    .kernel = dynamic_kernel,
};
const RegisteredOperator registered_dynamic{dynamic_quantize_linear};

}  // namespace
}  // namespace mlfc
