// A .npy file is a magic, a version, a header that is a Python dictionary literal, and the bytes.
// The literal is parsed by a small scanner that knows just what NumPy writes there.
#include "frontend/data/npy.h"

#include <algorithm>
#include <cctype>

#include "ir/error.h"

namespace mlfc {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr int64_t max_elements = int64_t{1} << 31;

struct Header {
  std::string descr = {};
  bool fortran_order = false;
  Shape shape = {};
};

class Scanner {
 public:
  Scanner(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  bool accept(char wanted) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(where_, "the .npy header is damaged near '", near(), "'");
  }
  std::string quoted() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote == '[') fail(where_, "records are not supported; save one plain array a file");
    if (quote != '\'' && quote != '"')
      fail(where_, "the .npy header is damaged near '", near(), "'");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail(where_, "the .npy header is cut short");
    const std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    if (word("True")) return true;
    if (word("False")) return false;
    fail(where_, "the .npy header is damaged near '", near(), "'");
  }
  int64_t number() {
    skip_blanks();
    int64_t value = 0;
    const size_t begin = at_;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      if (value > max_elements) fail(where_, "a dimension is larger than 2^31");
      value = value * 10 + (text_[at_++] - '0');
    }
    if (at_ == begin) fail(where_, "the .npy header is damaged near '", near(), "'");
    word("L");  // Python 2 wrote long integers so
    return value;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool word(std::string_view wanted) {
    skip_blanks();
    if (text_.substr(std::min(at_, text_.size()), wanted.size()) != wanted) return false;
    at_ += wanted.size();
    return true;
  }
  std::string near() const { return std::string(text_.substr(std::min(at_, text_.size()), 12)); }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

Header parse_header(std::string_view text, const std::string& where) {
  Header header;
  Scanner scan(text, where);
  scan.expect('{');
  while (!scan.accept('}')) {
    const std::string key = scan.quoted();
    scan.expect(':');
    if (key == "descr") {
      header.descr = scan.quoted();
    } else if (key == "fortran_order") {
      header.fortran_order = scan.boolean();
    } else if (key == "shape") {
      scan.expect('(');
      while (!scan.accept(')')) {
        header.shape.push_back(scan.number());
        if (!scan.accept(',')) {
          scan.expect(')');
          break;
        }
      }
    } else {
      fail(where, "the .npy header has the unknown key '", key, "'");
    }
    if (!scan.accept(',')) {
      scan.expect('}');
      break;
    }
  }
  return header;
}

/// '<f4' to f32. NumPy has no bfloat16 of its own; files made with ml_dtypes carry it as two opaque
/// bytes.
DType dtype_of(const std::string& descr, const std::string& where) {
  struct Row {
    std::string_view kind_and_size;
    DType dtype;
  };
  constexpr Row rows[] = {{"b1", DType::boolean}, {"i1", DType::i8},  {"i2", DType::i16},
                          {"i4", DType::i32},     {"i8", DType::i64}, {"u1", DType::u8},
                          {"u2", DType::u16},     {"u4", DType::u32}, {"u8", DType::u64},
                          {"f2", DType::f16},     {"f4", DType::f32}, {"f8", DType::f64},
                          {"V2", DType::bf16}};
  std::string_view rest = descr;
  if (!rest.empty() && std::string_view("<>|=").find(rest.front()) != std::string_view::npos) {
    rest.remove_prefix(1);
  }
  if (rest == "?") return DType::boolean;
  for (const Row& row : rows) {
    if (rest == row.kind_and_size) return row.dtype;
  }
  fail(where, "element type '", descr, "' is not supported; use a float, integer or boolean array");
}

int64_t checked_bytes(const Header& header, DType dtype, const std::string& where) {
  int64_t elements = 1;
  for (const int64_t extent : header.shape) {
    if (extent == 0) return 0;
    if (extent > max_elements / elements) {
      fail(where, "the array of shape ", header.shape, " has more than 2^31 elements");
    }
    elements *= extent;
  }
  return elements * bytes_of(dtype);
}

void swap_bytes(Tensor& tensor) {
  const auto width = static_cast<size_t>(bytes_of(tensor.type.dtype));
  for (size_t at = 0; at + width <= tensor.bytes.size(); at += width) {
    std::reverse(tensor.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 tensor.bytes.begin() + static_cast<std::ptrdiff_t>(at + width));
  }
}

/// Column-major storage of a shape is row-major storage of the reversed shape, transposed.
Tensor from_column_major(const Tensor& tensor) {
  std::vector<int> order(tensor.type.shape.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(order.size() - 1 - i);
  Tensor stored = tensor;
  stored.type.layout = Layout::permuted(tensor.type.shape, order);
  return repacked(stored, tensor.type.plain());
}

std::string_view descr_of(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return "|b1";
    case DType::i8:
      return "|i1";
    case DType::u8:
      return "|u1";
    case DType::i16:
      return "<i2";
    case DType::i32:
      return "<i4";
    case DType::i64:
      return "<i8";
    case DType::u16:
      return "<u2";
    case DType::u32:
      return "<u4";
    case DType::u64:
      return "<u8";
    case DType::f16:
      return "<f2";
    case DType::f32:
      return "<f4";
    case DType::f64:
      return "<f8";
    case DType::bf16:
      return "<V2";
    case DType::none:
      break;
  }
  check(false, "a tensor without a type cannot be written");
  return "";
}

}  // namespace

Tensor read_npy(std::string_view bytes, const std::string& where) {
  constexpr size_t prefix = 8;  // magic and version
  if (bytes.substr(0, magic.size()) != magic || bytes.size() < prefix + 2) {
    fail(where, "is not a .npy file");
  }
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const int version = byte(6);
  if (version < 1 || version > 3) fail(where, "has the unknown .npy version ", version);
  const size_t length_bytes = version == 1 ? 2 : 4;
  if (bytes.size() < prefix + length_bytes) fail(where, "the .npy header is cut short");
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= size_t{byte(prefix + i)} << (8 * i);
  const size_t start = prefix + length_bytes;
  if (length > bytes.size() - start) fail(where, "the .npy header is cut short");

  const Header header = parse_header(bytes.substr(start, length), where);
  Tensor tensor;
  tensor.type.dtype = dtype_of(header.descr, where);
  tensor.type.shape = header.shape;
  const int64_t wanted = checked_bytes(header, tensor.type.dtype, where);
  const std::string_view data = bytes.substr(start + length);
  if (static_cast<int64_t>(data.size()) < wanted) {
    fail(where, "is cut short: ", data.size(), " bytes of data where ", tensor.type, " needs ",
         wanted);
  }
  const auto* begin = reinterpret_cast<const std::byte*>(data.data());
  tensor.bytes.assign(begin, begin + wanted);
  if (header.descr.front() == '>') swap_bytes(tensor);
  if (tensor.type.dtype == DType::boolean) {
    for (std::byte& value : tensor.bytes) value = std::byte{value != std::byte{0}};
  }
  const bool transposed = header.fortran_order && tensor.type.rank() > 1 && wanted > 0;
  return transposed ? from_column_major(tensor) : tensor;
}

std::string npy_bytes(const Tensor& tensor) {
  std::string shape;
  for (const int64_t extent : tensor.type.shape) shape += std::to_string(extent) + ", ";
  if (tensor.type.rank() > 1) shape.resize(shape.size() - 2);
  if (tensor.type.rank() == 1) shape.resize(shape.size() - 1);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   descr_of(tensor.type.dtype), shape);
  // The data must start at a multiple of 64 bytes; the header ends in a line feed.
  constexpr size_t before = 10;
  header.resize((before + header.size() + 1 + 63) / 64 * 64 - before - 1, ' ');
  header += '\n';
  std::string bytes(magic);
  bytes += {'\x01', '\x00'};
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  return bytes;
}

}  // namespace mlfc
