// Conversions between element types. A plain C cast of a real outside the integer's range is
// undefined, and machines disagree about it; here it saturates everywhere.
#include "ir/ops/convert.h"

#include <cmath>

namespace mlfc {

double lowest_of(DType dtype) {
  const bool has_sign = info(dtype).kind == DTypeKind::signed_integer;
  return has_sign ? -std::ldexp(1.0, 8 * bytes_of(dtype) - 1) : 0;
}

double highest_of(DType dtype) {
  const bool has_sign = info(dtype).kind == DTypeKind::signed_integer;
  return std::ldexp(1.0, 8 * bytes_of(dtype) - (has_sign ? 1 : 0)) - 1;
}

void check_bits(const Node& node, DType dtype) {
  const int64_t bits = node.integer("bits");
  if (bits == 0) return;
  const bool is_byte = is_integer(dtype) && bytes_of(dtype) == 1;
  if (is_byte && bits >= 2 && bits < 8) return;
  fail(node, "bits is ", bits, ", which makes no sense of ", dtype,
       "; give 2 to 7 for bytes that use fewer bits");
}

Expr converted_expr(DType dtype, const Expr& value) {
  const DType target = compute_dtype(dtype);
  if (value.dtype() == target) return value;
  if (!is_float(value.dtype()) || !is_integer(target)) return cast_expr(target, value);

  // The first real above the range is a power of two and exact in every floating point type; the
  // last one inside may not be, so the comparison is with the former.
  const int bits = 8 * bytes_of(target);
  const bool has_sign = info(target).kind == DTypeKind::signed_integer;
  const double above = std::ldexp(1.0, has_sign ? bits - 1 : bits);
  const auto all_ones = static_cast<int64_t>(~uint64_t{0} >> (64 - bits));
  const Expr highest = integer_expr(
      has_sign ? static_cast<int64_t>(static_cast<uint64_t>(all_ones) >> 1) : all_ones, target);
  const Expr lowest = integer_expr(has_sign ? -(integer_value(highest)) - 1 : 0, target);
  const Expr from_below = select_expr(call_expr("less", {Expr(lowest_of(target)), value}),
                                      cast_expr(target, value), lowest);
  return select_expr(call_expr("less_equal", {Expr(above), value}), highest, from_below);
}

}  // namespace mlfc
