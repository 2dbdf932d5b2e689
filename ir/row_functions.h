// What happens to whole rows of values: the scalar functions, conversions, loads and stores.
//
// A row of values is an array of one of three C++ types: float for f32, f16 and bf16 (the small
// floats being values a float represents exactly), double for f64, int64_t for every integer and
// boolean (wrapped to its width; u64 as its bit pattern).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ir/kernel.h"
#include "ir/scalar_functions.h"
#include "ir/type.h"

namespace mlfc {

enum class RowClass : uint8_t { f32, f64, i64 };
RowClass row_class(DType dtype);
int row_element_bytes(RowClass row_class);

using RowFunction = void (*)(int count, void* result, const void* const* args);

/// A fast loop for the function on operands of `dtype`; null when there is none. Results of integer
/// functions still have to be wrapped.
RowFunction native_row_function(const ScalarFunction& function, DType dtype);
/// Any function, element by element through its row of the table. Not for `condition_first`.
void apply_table_row(const ScalarFunction& function, DType dtype, int count, void* result,
                     const void* const* args);

/// True when computing in the row's C++ type may leave values `dtype` does not have.
bool needs_wrapping(DType dtype);
/// Integers wrap to their width, booleans to 0 and 1, the small floats round.
void wrap_row(DType dtype, int count, void* row);
/// True when a row of `from` values already is the row of the same values converted to `to`.
bool converts_for_free(DType from, DType to);
void convert_row(DType from, DType to, int count, void* result, const void* row);

/// `count` elements starting at element `place`, `step` elements apart, of a tensor of `dtype`.
void load_row(DType dtype, const std::byte* data, int64_t place, int64_t step, int count,
              void* row);
/// The elements at the given places; negative places are skipped.
void gather_row(DType dtype, const std::byte* data, const int64_t* places, int count, void* row);
void store_row(DType dtype, std::byte* data, int64_t place, int64_t step, int count,
               const void* row);
/// One after the other: data[place + i * step] = combine(data[place + i * step], row[i]).
void accumulate_row(Combine combine, DType dtype, std::byte* data, int64_t place, int64_t step,
                    int count, const void* row);
/// The scalar function a reduction combines with.
const ScalarFunction& combining_function(Combine combine);

}  // namespace mlfc
