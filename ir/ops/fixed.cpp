// Widening, rescaling and limiting of fixed-point integers inside kernels.
#include "ir/ops/fixed.h"

#include <algorithm>

#include "ir/ops/convert.h"

namespace mlfc {
namespace {

// The scale 1: half of 2^31, shifted left by one.
constexpr int64_t unit_multiplier = int64_t{1} << 30;
constexpr int64_t unit_shift = 1;

}  // namespace

Expr distance_from(const Expr& x, int64_t zero_point) {
  return cast_expr(DType::i32, x) - Expr(zero_point);
}

namespace {

Expr widened(const Expr& value) {
  const bool known = value->kind == ExprKind::constant;
  return known ? integer_expr(value->integer, DType::i64) : cast_expr(DType::i64, value);
}

}  // namespace

Expr rescaled(const Node& node, const Expr& sum, const Expr& multiplier, const Expr& shift) {
  if (sum.dtype() == DType::i64) {
    const Expr wide = call_expr("rescale_wide", {sum, widened(multiplier), widened(shift)});
    return cast_expr(DType::i32, wide);
  }
  const std::string& rounding = node.text("rounding");
  const char* function = rounding == "once"       ? "rescale_once"
                         : rounding == "twice_up" ? "rescale_up"
                                                  : "rescale";
  return call_expr(function, {sum, multiplier, shift});
}

Expr rescaled_by(const Node& node, const Expr& sum, const std::string& prefix) {
  return rescaled(node, sum, integer_expr(node.integer(prefix + "_multiplier"), DType::i32),
                  integer_expr(node.integer(prefix + "_shift"), DType::i32));
}

Expr as_output(const Node& node, const Expr& value) {
  const DType dtype = output_dtype(node);
  const auto lowest = static_cast<int64_t>(lowest_of(dtype));
  const auto highest = static_cast<int64_t>(highest_of(dtype));
  const int64_t low = std::max(node.integer("low"), lowest);
  const int64_t high = std::min(node.integer("high"), highest);
  const Expr placed = value + Expr(node.integer("zero_point"));
  // 32 bits hold nothing outside their own range.
  const Expr above = bytes_of(dtype) == 4 && low == lowest ? placed : max_expr(placed, Expr(low));
  const Expr inside = bytes_of(dtype) == 4 && high == highest ? above : min_expr(above, Expr(high));
  return cast_expr(dtype, inside);
}

Expr interpolated(const TensorRef& table, const Expr& x) {
  const auto word = [](int64_t value) { return integer_expr(value, DType::i32); };
  const auto entry = [&](int64_t offset) {
    const Expr index = call_expr("shift_right", {x, word(7)});
    return cast_expr(DType::i32, table(cast_expr(DType::i64, index) + Expr(256 + offset)));
  };
  const Expr rise = (entry(1) - entry(0)) * call_expr("bit_and", {x, word(127)}) + word(64);
  return entry(0) + call_expr("shift_right", {rise, word(7)});
}

void add_scale(std::vector<AttributeSpec>& specs, const std::string& prefix) {
  specs.push_back(integer(prefix + "_multiplier", unit_multiplier));
  specs.push_back(integer(prefix + "_shift", unit_shift));
}

void add_output(std::vector<AttributeSpec>& specs) {
  specs.push_back(integer("zero_point", 0));
  specs.push_back(integer("low", INT32_MIN));
  specs.push_back(integer("high", INT32_MAX));
  specs.push_back(text("dtype", "i8"));
  specs.push_back(text("rounding", "twice"));
}

DType output_dtype(const Node& node) {
  const std::string& name = node.text("dtype");
  const std::optional<DType> dtype = dtype_named(name);
  if (!dtype || !is_integer(*dtype) || bytes_of(*dtype) > 4 || *dtype == DType::u32) {
    fail(node, "dtype '", name, "' is not one of i8, u8, i16, u16 and i32");
  }
  if (node.integer("low") > node.integer("high")) {
    fail(node, "low, ", node.integer("low"), ", is above high, ", node.integer("high"));
  }
  return *dtype;
}

void check_scale(const Node& node, const std::string& prefix) {
  const int64_t multiplier = node.integer(prefix + "_multiplier");
  const int64_t shift = node.integer(prefix + "_shift");
  if (multiplier < INT32_MIN || multiplier > INT32_MAX || shift < -31 || shift > 30) {
    fail(node, "scale ", prefix, " has multiplier ", multiplier, " and shift ", shift,
         ", which is not a 32-bit number and a shift of -31 to 30");
  }
}

void check_rounding(const Node& node) {
  const std::string& name = node.text("rounding");
  if (name != "once" && name != "twice" && name != "twice_up") {
    fail(node, "rounding '", name, "' is not one of twice, twice_up and once");
  }
}

}  // namespace mlfc
