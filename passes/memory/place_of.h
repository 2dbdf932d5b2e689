// Where in storage an element lies, as an affine function of the axes.
#pragma once

#include <optional>
#include <vector>

#include "ir/affine.h"
#include "ir/type.h"

namespace mlfc {

/// The place of element [indices...] of a tensor of `type`, when it is affine in the axes. Sees
/// through the divisions of a reshape: (i // 8) * 8 + i % 8 is i.
std::optional<Affine> place_of(const TensorType& type, const std::vector<Expr>& indices);

}  // namespace mlfc
