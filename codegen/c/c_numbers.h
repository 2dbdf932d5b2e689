// Which reals are certainly numbers, neither infinite nor NaN: what is made of integers and
// constants by adding and multiplying. They can be rounded without asking.
#pragma once

#include <set>
#include <string>

#include "ir/loop.h"

namespace mlfc {

/// `numbers`: tensors and locals all of whose elements are numbers.
bool is_certainly_a_number(const Expr& expr, const std::set<std::string>& numbers);

/// The floating locals that only ever hold numbers, and `constants`.
std::set<std::string> numbers_in(const Proc& proc, const std::set<std::string>& constants);

/// Whether reals become integers somewhere.
bool makes_integers_of_reals(const Proc& proc);

}  // namespace mlfc
