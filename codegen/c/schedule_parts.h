// What the choices of schedules share: reading a kernel's accesses, and writing words.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/kernel.h"
#include "ir/schedule.h"

namespace mlfc {

/// How far apart in storage neighbours along `axis` are.
int64_t stride_in(const TensorType& type, const std::vector<Expr>& indices,
                  const std::string& axis);
int64_t extent_of(const Kernel& kernel, const std::string& axis);
bool depends_on(const Expr& read, const std::string& axis);
std::vector<Expr> reads_in(const Expr& expr);

/// A block near `wanted` - a multiple of `unit` - that divides the extent: a rest costs a second
/// copy of the loops and runs badly. A little more than wanted is better than a rest.
int64_t good_block(int64_t extent, int64_t wanted, int64_t unit = 1);
/// The largest block that divides the extent, if it is at least half of the most; the most if not.
int64_t divisor_up_to(int64_t extent, int64_t most);

/// Splits the axis into .o and .i unless the block is one turn; the names of the parts.
std::pair<std::string, std::string> split(Schedule& schedule, const std::string& axis,
                                          int64_t block);

}  // namespace mlfc
