// Decodes constants. One table says which typed field carries which dtype; everything else about a
// dtype comes from ir/type.h.
#include "frontend/onnx/tensor_data.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "frontend/onnx/external_data.h"
#include "ir/error.h"

namespace mlfc {
namespace {

using Proto = onnx::TensorProto;
static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

enum class Field : uint8_t { float_data, int32_data, int64_data, double_data, uint64_data };

struct Row {
  int elem_type = 0;
  DType dtype = DType::none;
  Field field = Field::int32_data;
  bool is_packed = false;  ///< two elements in a byte, the first in its low half
};

constexpr Row rows[] = {
    {1, DType::f32, Field::float_data},       {2, DType::u8, Field::int32_data},
    {3, DType::i8, Field::int32_data},        {4, DType::u16, Field::int32_data},
    {5, DType::i16, Field::int32_data},       {6, DType::i32, Field::int32_data},
    {7, DType::i64, Field::int64_data},       {9, DType::boolean, Field::int32_data},
    {10, DType::f16, Field::int32_data},      {11, DType::f64, Field::double_data},
    {12, DType::u32, Field::uint64_data},     {13, DType::u64, Field::uint64_data},
    {16, DType::bf16, Field::int32_data},     {21, DType::u8, Field::int32_data, true},
    {22, DType::i8, Field::int32_data, true},
};

/// Names of the element types in the order of their numbers, also those newer than our protobuf.
constexpr const char* elem_type_names[] = {
    "UNDEFINED",      "FLOAT",    "UINT8",        "INT8",           "UINT16",
    "INT16",          "INT32",    "INT64",        "STRING",         "BOOL",
    "FLOAT16",        "DOUBLE",   "UINT32",       "UINT64",         "COMPLEX64",
    "COMPLEX128",     "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2",
    "FLOAT8E5M2FNUZ", "UINT4",    "INT4",         "FLOAT4E2M1",     "FLOAT8E8M0",
    "UINT2",          "INT2"};

const Row& row_of(int elem_type, const std::string& where) {
  for (const Row& row : rows) {
    if (row.elem_type == elem_type) return row;
  }
  fail(where, "element type ", onnx_dtype_name(elem_type),
       " is not supported; use integers of 4 to 64 bits, booleans, or floats of 16 to 64 bits");
}

/// 4-bit elements, each to a byte of its own.
std::vector<std::byte> unpacked(const std::vector<std::byte>& packed, int64_t elements,
                                bool has_sign) {
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<size_t>(elements));
  for (int64_t i = 0; i < elements; ++i) {
    const auto pair = std::to_integer<int>(packed[static_cast<size_t>(i / 2)]);
    const int half = i % 2 == 0 ? pair & 15 : pair >> 4;
    const bool is_negative = has_sign && half >= 8;
    bytes.push_back(static_cast<std::byte>(is_negative ? half - 16 : half));
  }
  return bytes;
}

/// Copies a typed field, narrowing each entry to the dtype's bytes. Small types travel in wider
/// fields (f16 as its bits in int32); the bytes kept are the low ones.
template <typename Entries>
void copy_entries(const Entries& entries, Tensor& tensor, const char* field,
                  const std::string& where) {
  const int width = bytes_of(tensor.type.dtype);
  const size_t count = tensor.bytes.size() / static_cast<size_t>(width);  // packed: of bytes
  if (static_cast<size_t>(entries.size()) != count) {
    fail(where, "has ", entries.size(), " entries in ", field, " but its shape ", tensor.type.shape,
         " needs ", count);
  }
  std::byte* out = tensor.bytes.data();
  for (const auto entry : entries) {
    std::memcpy(out, &entry, static_cast<size_t>(width));
    out += width;
  }
}

void copy_typed(const Proto& proto, Field field, Tensor& tensor, const std::string& where) {
  switch (field) {
    case Field::float_data:
      return copy_entries(proto.float_data(), tensor, "float_data", where);
    case Field::int32_data:
      return copy_entries(proto.int32_data(), tensor, "int32_data", where);
    case Field::int64_data:
      return copy_entries(proto.int64_data(), tensor, "int64_data", where);
    case Field::double_data:
      return copy_entries(proto.double_data(), tensor, "double_data", where);
    case Field::uint64_data:
      return copy_entries(proto.uint64_data(), tensor, "uint64_data", where);
  }
}

int64_t parse_number(const std::string& text, const std::string& key, const std::string& where) {
  int64_t number = -1;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < 0) {
    fail(where, "external data has ", key, " '", text, "', which is not a byte count");
  }
  return number;
}

ExternalRange range_of(const Proto& proto, const std::string& where) {
  ExternalRange range;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") range.location = entry.value();
    if (entry.key() == "offset") range.offset = parse_number(entry.value(), "offset", where);
    if (entry.key() == "length") range.length = parse_number(entry.value(), "length", where);
  }
  return range;
}

/// Booleans are one byte, zero or one; other bytes would be undefined behaviour in generated C.
void normalize_booleans(Tensor& tensor) {
  if (tensor.type.dtype != DType::boolean) return;
  for (std::byte& byte : tensor.bytes) byte = byte == std::byte{0} ? std::byte{0} : std::byte{1};
}

Shape shape_of(const google::protobuf::RepeatedField<int64_t>& dims) {
  return {dims.begin(), dims.end()};
}

}  // namespace

std::string onnx_dtype_name(int elem_type) {
  const int count = static_cast<int>(std::size(elem_type_names));
  if (elem_type >= 0 && elem_type < count) {
    return fmt::format("{} ({})", elem_type_names[elem_type], elem_type);
  }
  return fmt::format("number {}", elem_type);
}

bool is_four_bit(int elem_type) {
  return std::ranges::any_of(
      rows, [&](const Row& row) { return row.elem_type == elem_type && row.is_packed; });
}

DType dtype_of_onnx(int elem_type, const std::string& where) {
  return row_of(elem_type, where).dtype;
}

int onnx_elem_type(DType dtype) {
  for (const Row& row : rows) {
    if (row.dtype == dtype) return row.elem_type;
  }
  check(false, "the type ", dtype, " cannot be written as ONNX");
  return 0;
}

void write_tensor(const Tensor& tensor, const std::string& name, onnx::TensorProto& proto) {
  if (!name.empty()) proto.set_name(name);
  proto.set_data_type(onnx_elem_type(tensor.type.dtype));
  for (const int64_t extent : tensor.type.shape) proto.add_dims(extent);
  proto.set_raw_data(tensor.bytes.data(), tensor.bytes.size());
}

int64_t checked_elements(const Shape& shape, const std::string& where) {
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) fail(where, "has the negative dimension ", extent, " in its shape ", shape);
    empty = empty || extent == 0;
  }
  if (empty) return 0;
  int64_t elements = 1;
  for (const int64_t extent : shape) {
    if (extent > max_elements / elements) {
      fail(where, "its shape ", shape, " has more than 2^31 elements");
    }
    elements *= extent;
  }
  return elements;
}

Tensor to_tensor(const Proto& proto, const std::string& folder, const std::string& where) {
  const Row& row = row_of(proto.data_type(), where);
  TensorType type{row.dtype, shape_of(proto.dims()), std::nullopt};
  const int64_t elements = checked_elements(type.shape, where);
  const int64_t bytes = row.is_packed ? (elements + 1) / 2 : elements * bytes_of(row.dtype);
  if (proto.has_segment()) fail(where, "is split into segments; export it in one piece");
  Tensor tensor;
  tensor.type = type;
  if (proto.data_location() == Proto::EXTERNAL) {
    tensor.bytes = read_external_data(folder, range_of(proto, where), bytes, where);
  } else if (proto.has_raw_data()) {
    if (static_cast<int64_t>(proto.raw_data().size()) != bytes) {
      fail(where, "has ", proto.raw_data().size(), " bytes of raw_data but ",
           onnx_dtype_name(row.elem_type), type.shape, " needs ", bytes);
    }
    tensor.bytes.resize(static_cast<size_t>(bytes));
    if (bytes > 0) std::memcpy(tensor.bytes.data(), proto.raw_data().data(), tensor.bytes.size());
  } else {
    // The field must hold every element before anything is allocated for them: a shape alone must
    // not make us reserve gigabytes.
    const int64_t available = proto.float_data_size() + proto.int32_data_size() +
                              proto.int64_data_size() + proto.double_data_size() +
                              proto.uint64_data_size();
    if (bytes / bytes_of(row.dtype) > available) {
      fail(where, "has ", available, " values but its shape ", type.shape, " needs ",
           bytes / bytes_of(row.dtype));
    }
    tensor.bytes.resize(static_cast<size_t>(bytes));
    copy_typed(proto, row.field, tensor, where);
  }
  if (row.is_packed) tensor.bytes = unpacked(tensor.bytes, elements, row.dtype == DType::i8);
  normalize_booleans(tensor);
  return tensor;
}

Tensor to_tensor(const onnx::SparseTensorProto& proto, const std::string& folder,
                 const std::string& where) {
  const Tensor values = to_tensor(proto.values(), folder, where + " (its values)");
  const Tensor indices = to_tensor(proto.indices(), folder, where + " (its indices)");
  const Shape shape = shape_of(proto.dims());
  const int64_t elements = checked_elements(shape, where);
  const int64_t width = bytes_of(values.type.dtype);
  // Expanding may cost far more than the file holds; a weight of this size is not meant.
  if (elements > (int64_t{1} << 30) / width) {
    fail(where, "expands to more than 1 GiB; store it dense or smaller");
  }
  const int64_t count = values.type.elements();
  const int rank = static_cast<int>(shape.size());
  const bool linear = indices.type.shape == Shape{count};
  const bool coordinates = indices.type.shape == Shape{count, rank};
  if (values.type.rank() != 1 || indices.type.dtype != DType::i64 || !(linear || coordinates)) {
    fail(where, "sparse values ", values.type, " and indices ", indices.type, " do not fit shape ",
         shape);
  }
  Tensor dense(TensorType{values.type.dtype, shape, std::nullopt});
  const std::vector<int64_t> strides = row_major_strides(shape);
  const auto index = indices.as<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    int64_t place = linear ? index[static_cast<size_t>(i)] : 0;
    for (int axis = 0; coordinates && !linear && axis < rank; ++axis) {
      const int64_t at = index[static_cast<size_t>(i * rank + axis)];
      if (at < 0 || at >= shape[static_cast<size_t>(axis)]) {
        fail(where, "sparse index ", at, " lies outside shape ", shape);
      }
      place += at * strides[static_cast<size_t>(axis)];
    }
    if (place < 0 || place >= elements) {
      fail(where, "sparse index ", place, " lies outside shape ", shape);
    }
    std::memcpy(dense.bytes.data() + place * width, values.bytes.data() + i * width,
                static_cast<size_t>(width));
  }
  return dense;
}

}  // namespace mlfc
