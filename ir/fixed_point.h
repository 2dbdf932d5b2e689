// Fixed-point arithmetic on integers: what quantised models compute instead of multiplying by a
// real scale. The functions are rows of the scalar function table, so that kernels may call them;
// they stand here as C++, too, for everybody who computes with them before there is a kernel.
//
// A scale is a multiplier in [2^30, 2^31) and a power of two: scale = multiplier * 2^(shift - 31).
// Every function is defined for all operands: operands outside int32 are taken modulo 2^32, shifts
// modulo 32 on the side of zero they are on.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/scalar_functions.h"

namespace mlfc {

/// a * b / 2^31 to the nearest integer, halves up; saturates for the one product that overflows.
int32_t high_product(int32_t a, int32_t b);
/// a / 2^bits to the nearest integer, halves away from zero.
int32_t halved(int32_t a, int bits);
/// sum * scale, rounded twice as gemmlowp does: first the product with the multiplier, then the
/// division by the power of two.
int32_t rescale(int32_t sum, int32_t multiplier, int shift);
/// The same with halves of the second rounding up, as products of matrices on x86 compute it.
int32_t rescale_up(int32_t sum, int32_t multiplier, int shift);
/// sum * scale, rounded once, halves up.
int32_t rescale_once(int32_t sum, int32_t multiplier, int shift);
/// sum * scale for a wide sum (up to 48 bits): the multiplier is rounded to 16 bits, then the
/// product is rounded once, halves up.
int64_t rescale_wide(int64_t sum, int64_t multiplier, int64_t shift);
/// value * 2^bits, or the end of the range it would leave.
int32_t saturating_left_shift(int32_t value, int bits);
/// 1 / (1 + a) for a in [0, 1), both in units of 2^-31, as gemmlowp's Newton-Raphson finds it.
int32_t inverse_of_one_plus(int32_t a);
/// exp(a) in units of 2^-31 for a <= 0 in units of 2^(integer_bits - 31), as gemmlowp's barrel
/// shifter finds it; integer_bits is at most 5.
int32_t exp_of_negative(int32_t a, int integer_bits);
/// Zero bits above the highest one of `value`; 32 for 0.
int leading_zeros(uint32_t value);

// The same for `count` operands in arrays of int64_t: sums, multipliers, shifts (row_functions.h).
void rescale_row(int count, void* result, const void* const* args);
void rescale_up_row(int count, void* result, const void* const* args);
void rescale_once_row(int count, void* result, const void* const* args);
void rescale_wide_row(int count, void* result, const void* const* args);

/// The rows of the scalar function table: rescale, rescale_up, rescale_once, rescale_wide,
/// high_product, halved, inverse_of_one_plus, leading_zeros.
std::vector<ScalarFunction> fixed_point_functions();

}  // namespace mlfc
