// Affine views of index expressions: constant + sum of coefficient * axis. Whoever reasons about
// indices (ranges, strides, fusion, streams, bounds) asks here instead of matching trees.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "ir/expr.h"
#include "ir/kernel.h"

namespace mlfc {

struct Affine {
  int64_t constant = 0;
  std::map<std::string, int64_t> coefficients = {};  ///< by axis name; no zero entries

  int64_t of(const std::string& axis) const;
  bool operator==(const Affine&) const = default;
};

/// nullopt when the expression is not affine (a read, a division, a product of axes).
std::optional<Affine> affine_of(const Expr& index);
Expr to_expr(const Affine& affine);

/// Inclusive bounds of an integer expression when each axis runs over [first, last].
struct Range {
  int64_t first = 0;
  int64_t last = 0;
};
using Ranges = std::map<std::string, Range>;
/// nullopt when nothing is known (a read of data); understands + - * // % min max select.
std::optional<Range> range_of(const Expr& index, const Ranges& axes);

/// Simplifies integer index arithmetic under known axis ranges: (8*a + b) // 8 -> a when 0<=b<8,
/// % likewise, min/max whose outcome is known, and affine sums into one canonical order.
Expr simplified_index(const Expr& index, const Ranges& axes);

}  // namespace mlfc
