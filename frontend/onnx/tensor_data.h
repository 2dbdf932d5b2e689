// TensorProto and its relatives to Tensor: every dtype the compiler has, in every encoding ONNX
// allows (raw bytes, typed fields, external files, sparse). Integers of 4 bits become bytes. Counts
// and sizes come from the model and are not to be trusted, so all arithmetic on them is checked.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>

#include "ir/tensor.h"

namespace mlfc {

/// No tensor of a model may have more elements than this.
constexpr int64_t max_elements = int64_t{1} << 31;

/// "FLOAT8E4M3FN" for 17; the number itself when ONNX has no such type.
std::string onnx_dtype_name(int elem_type);
/// Integers of 4 bits, which become bytes whose values keep to their range.
bool is_four_bit(int elem_type);
/// Our dtype of an ONNX element type; fails for those that have none (strings, complex, float8
/// ...).
DType dtype_of_onnx(int elem_type, const std::string& where);
/// ONNX's element type of a dtype.
int onnx_elem_type(DType dtype);
/// Fails when a dimension is negative or the elements are more than max_elements.
int64_t checked_elements(const Shape& shape, const std::string& where);

/// `folder` is where external data may lie; empty: nowhere.
Tensor to_tensor(const onnx::TensorProto& proto, const std::string& folder,
                 const std::string& where);
Tensor to_tensor(const onnx::SparseTensorProto& proto, const std::string& folder,
                 const std::string& where);

/// The other way; the tensor must be row-major.
void write_tensor(const Tensor& tensor, const std::string& name, onnx::TensorProto& proto);

}  // namespace mlfc
