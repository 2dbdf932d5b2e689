// NumPy's .npy format: reads versions 1 to 3 in either byte and storage order, writes version 1.
#pragma once

#include <string>
#include <string_view>

#include "ir/tensor.h"

namespace mlfc {

/// `where` names the file in messages.
Tensor read_npy(std::string_view bytes, const std::string& where);
std::string npy_bytes(const Tensor& tensor);

}  // namespace mlfc
