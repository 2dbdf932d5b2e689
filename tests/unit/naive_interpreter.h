// A second interpreter that takes ir/expr.h and ir/kernel.h literally: one point, one element, one
// operation at a time, through the scalar function table. Far too slow for models and simple enough
// to be believed; the fast interpreter is held against it.
#pragma once

#include <vector>

#include "ir/kernel.h"
#include "ir/tensor.h"

namespace mlfc {

std::vector<Tensor> interpret_naively(const Kernel& kernel,
                                      const std::vector<const Tensor*>& inputs);

}  // namespace mlfc
