// What operators need to rewrite a foreign node into their declared form (the `adopt` hooks).
#pragma once

#include <initializer_list>
#include <string>

#include "ir/operator.h"

namespace mlfc {

/// "Cast node 'to_float'" - how messages name a node that has not become ours yet.
std::string place_of(const ForeignNode& node);

/// Our dtype for ONNX's TensorProto.DataType number; fails for types the compiler does not have.
DType dtype_of_onnx(const ForeignNode& node, int64_t number);
/// Replaces the integer attribute `name` (an ONNX type number), when present, by our dtype's name.
void onnx_dtype_to_text(ForeignNode& node, const std::string& name);

/// Likewise; of a type of 4 bits the attribute becomes the type of 8 and `bits` becomes 4.
void onnx_dtype_to_text_and_bits(ForeignNode& node, const std::string& name);
/// True when the model says that input `input` is of 4 bits.
bool is_four_bit(const ForeignNode& node, int input);
/// The inverse, for `offer` hooks.
void text_to_onnx_dtype(ForeignNode& node, const std::string& name);
/// ONNX's number of a dtype.
int64_t onnx_dtype_number(DType dtype);

/// The integer attribute, or `fallback` when the node does not carry it.
int64_t foreign_integer(const ForeignNode& node, const std::string& name, int64_t fallback);
/// Appends a constant to the graph around the node and makes it input number `input`.
void add_constant_input(ForeignNode& node, int input, const std::string& name, Tensor tensor);
/// Removes attributes that carry no meaning for us.
void drop_attributes(ForeignNode& node, std::initializer_list<const char*> names);

}  // namespace mlfc
