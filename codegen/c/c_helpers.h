// Conversions between element types in C99: which cast or helper function takes one to the other.
#pragma once

#include <string>

#include "ir/type.h"

namespace mlfc {

struct CConversion {
  std::string helper_name = {};  ///< empty: a plain C cast does it
  std::string helper_text = {};
  bool needs_math = false;
};

/// f16/bf16 to f32 and back go through bits; real to integer truncates, saturates and maps NaN to 0
/// (a plain C cast would be undefined); everything else is a cast.
CConversion conversion_between(DType from, DType to);

/// f32 to i32, rounding to the nearest integer, halves to even, and limited to two integers (the
/// further arguments of the function) of up to 2^22. The value is not NaN.
CConversion nearest();
/// The same of any value, with the lower limit for NaN; calls `nearest`.
CConversion nearest_or_low();

}  // namespace mlfc
