// Fixed-point functions that are found by iteration or by series: what normalisations of quantised
// elements need. As in fixed_point.h, each is C++ and a row of the scalar function table.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/scalar_functions.h"

namespace mlfc {

/// 1 / sqrt(value) as a multiplier and a shift of rescale(); value 0 counts as 1.
int32_t inverse_sqrt_multiplier(int32_t value);
int32_t inverse_sqrt_shift(int32_t value);
/// log(value) in units of 2^-26 for value >= 1 in units of 2^-19: the logarithm of a sum of
/// exponentials.
int32_t log_of_sum(int32_t value);

/// The rows of the scalar function table.
std::vector<ScalarFunction> fixed_point_series();

}  // namespace mlfc
