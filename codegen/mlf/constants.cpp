// Constants as C: a struct of arrays in section .rodata.tvm, in the fewest characters that read
// back exactly; or, when asked, as a binary file that an assembler file includes, which a C
// compiler never has to parse.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "codegen/mlf/names.h"
#include "codegen/mlf/writers.h"
#include "ir/error.h"

namespace mlfc {
namespace {

constexpr size_t kColumns = 100;
using Digits = std::array<char, 48>;

template <typename T>
char* put_shortest(char* out, char* end, T value) {
  return std::to_chars(out, end, value).ptr;
}

char* put_text(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// Shortest decimal that reads back as the same value. Whole numbers stay whole: the conversion of
// an integer constant that fits is exact and no compiler warns of it.
template <typename Float>
char* put_float(char* out, char* end, Float value, bool is_single) {
  if (std::isnan(value)) return put_text(out, std::signbit(value) ? "-NAN" : "NAN");
  if (std::isinf(value)) return put_text(out, value < 0 ? "-INFINITY" : "INFINITY");
  constexpr Float kExactlyInteger = 100000;
  const bool is_negative_zero = value == 0 && std::signbit(value);
  if (std::abs(value) < kExactlyInteger && std::trunc(value) == value && !is_negative_zero) {
    return put_shortest(out, end, static_cast<int32_t>(value));
  }
  char* last = put_shortest(out, end, value);
  // 0.25 -> .25 and 1e-05 -> 1e-5: a weight is read by compilers far more often than by people.
  char* digits = *out == '-' ? out + 1 : out;
  if (last - digits > 1 && digits[0] == '0' && digits[1] == '.') {
    std::memmove(digits, digits + 1, static_cast<size_t>(last - digits - 1));
    last--;
  }
  char* exponent = static_cast<char*>(std::memchr(out, 'e', static_cast<size_t>(last - out)));
  if (exponent && exponent[2] == '0') {
    std::memmove(exponent + 2, exponent + 3, static_cast<size_t>(last - exponent - 3));
    last--;
  }
  const bool is_floating = exponent || std::memchr(out, '.', static_cast<size_t>(last - out));
  if (!is_floating) *last++ = '.';
  if (is_single) *last++ = 'f';
  return last;
}

// The most negative value of a type has no literal: its digits alone overflow.
template <typename Integer>
char* put_integer(char* out, char* end, Integer value) {
  if constexpr (std::is_signed_v<Integer> && sizeof(Integer) >= 4) {
    const char* suffix = sizeof(Integer) == 8 ? "LL" : "";
    if (value == std::numeric_limits<Integer>::min()) {
      *out++ = '(';
      out = put_shortest(out, end, value + 1);
      return put_text(put_text(out, suffix), " - 1)");
    }
  }
  out = put_shortest(out, end, value);
  if constexpr (sizeof(Integer) < 4) return out;
  const bool fits_int =
      value <= static_cast<Integer>(INT32_MAX) &&
      (!std::is_signed_v<Integer> || value >= static_cast<Integer>(-int64_t{INT32_MAX}));
  if (fits_int) return out;
  if constexpr (!std::is_signed_v<Integer>) *out++ = 'U';
  if constexpr (sizeof(Integer) == 8) {
    *out++ = 'L';
    *out++ = 'L';
  }
  return out;
}

// Calls `put` for every element and breaks lines before they get too long.
template <typename T, typename Put>
void append_lines(std::string& text, const Tensor& tensor, const std::string& indent, Put put) {
  Digits digits;
  text += indent;
  size_t column = indent.size();
  const std::span<const T> elements = tensor.as<T>();
  for (size_t i = 0; i < elements.size(); i++) {
    char* end = put(digits.data(), digits.data() + digits.size(), elements[i]);
    const bool is_last = i + 1 == elements.size();
    if (!is_last) *end++ = ',';
    const auto length = static_cast<size_t>(end - digits.data());
    if (column + length > kColumns) {
      text += '\n';
      text += indent;
      column = indent.size();
    }
    text.append(digits.data(), length);
    column += length;
  }
}

template <typename T>
void append_integers(std::string& text, const Tensor& tensor, const std::string& indent) {
  append_lines<T>(text, tensor, indent, put_integer<T>);
}

bool is_all_zero(const Tensor& tensor) {
  return std::all_of(tensor.bytes.begin(), tensor.bytes.end(),
                     [](std::byte byte) { return byte == std::byte{0}; });
}

// C has no arrays without elements; the pool reserves one for such a constant too.
int64_t elements_of(const Tensor& tensor) {
  return std::max<int64_t>(1,
                           static_cast<int64_t>(tensor.bytes.size()) / bytes_of(tensor.type.dtype));
}

int64_t alignment_of(const PackagedModel& model, const Tensor& tensor) {
  return std::max<int64_t>(model.options.constant_alignment, bytes_of(tensor.type.dtype));
}

// So that the text grows in one piece: doubling would hold two copies of a large one at a time.
size_t estimated_length(const PackagedModel& model, size_t pool) {
  constexpr size_t kTypicalLength = 14;
  size_t elements = 0;
  for (const PackagedConstant& constant : model.constants) {
    const Tensor& tensor = *constant.value->constant;
    if (constant.pool != pool || is_all_zero(tensor)) continue;
    elements += static_cast<size_t>(elements_of(tensor));
  }
  return kTypicalLength * elements;
}

}  // namespace

void append_elements(std::string& text, const Tensor& tensor, const std::string& indent) {
  if (is_all_zero(tensor)) {
    text += indent + "0";
    return;
  }
  switch (tensor.type.dtype) {
    case DType::f32:
      return append_lines<float>(text, tensor, indent, [](char* out, char* end, float value) {
        return put_float(out, end, value, /*is_single=*/true);
      });
    case DType::f64:
      return append_lines<double>(text, tensor, indent, [](char* out, char* end, double value) {
        return put_float(out, end, value, /*is_single=*/false);
      });
    case DType::boolean:
    case DType::u8:
      return append_integers<uint8_t>(text, tensor, indent);
    case DType::i8:
      return append_integers<int8_t>(text, tensor, indent);
    case DType::i16:
      return append_integers<int16_t>(text, tensor, indent);
    case DType::f16:  // stored as bit patterns: C99 has no such type
    case DType::bf16:
    case DType::u16:
      return append_integers<uint16_t>(text, tensor, indent);
    case DType::i32:
      return append_integers<int32_t>(text, tensor, indent);
    case DType::u32:
      return append_integers<uint32_t>(text, tensor, indent);
    case DType::i64:
      return append_integers<int64_t>(text, tensor, indent);
    case DType::u64:
      return append_integers<uint64_t>(text, tensor, indent);
    case DType::none:
      break;
  }
  check(false, "a constant without an element type");
}

bool needs_math_constants(const Tensor& tensor) {
  const auto is_special = [](auto value) { return !std::isfinite(value); };
  if (tensor.type.dtype == DType::f32) {
    const auto values = tensor.as<float>();
    return std::any_of(values.begin(), values.end(), is_special);
  }
  if (tensor.type.dtype == DType::f64) {
    const auto values = tensor.as<double>();
    return std::any_of(values.begin(), values.end(), is_special);
  }
  return false;
}

void append_constant_pool(std::string& text, const PackagedModel& model, size_t pool) {
  const std::string& name = model.pools[pool].symbol;
  if (has_constants_file(model)) {
    text += fmt::format("extern const uint8_t {}[{}];\n", model.symbol("constants"),
                        model.pools[pool].bytes);
    return;
  }
  text.reserve(text.size() + estimated_length(model, pool));
  text += fmt::format("static const struct {} {{\n", name);
  for (const PackagedConstant& constant : model.constants) {
    if (constant.pool != pool) continue;
    const Tensor& tensor = *constant.value->constant;
    text +=
        fmt::format("  {} {}[{}] __attribute__((aligned({})));\n", info(tensor.type.dtype).c_name,
                    constant.member, elements_of(tensor), alignment_of(model, tensor));
  }
  text += fmt::format("}} {} __attribute__((section(\".rodata.tvm\"), aligned({}))) = {{\n", name,
                      model.options.constant_alignment);
  for (const PackagedConstant& constant : model.constants) {
    if (constant.pool != pool) continue;
    const Tensor& tensor = *constant.value->constant;
    text += "  /* " + comment_line(constant.value->name + ": " + to_text(tensor.type)) + " */\n";
    text += "  {\n";
    append_elements(text, tensor, "    ");
    text += "\n  },\n";
  }
  text += "};\n";
}

std::string constant_pool_bytes(const PackagedModel& model, size_t pool) {
  std::string bytes(static_cast<size_t>(model.pools[pool].bytes), '\0');
  for (const PackagedConstant& constant : model.constants) {
    if (constant.pool != pool) continue;
    const std::vector<std::byte>& source = constant.value->constant->bytes;
    std::memcpy(bytes.data() + constant.offset, source.data(), source.size());
  }
  return bytes;
}

bool has_constants_file(const PackagedModel& model) {
  if (model.options.constants != ConstantsForm::binary) return false;
  return std::any_of(model.pools.begin(), model.pools.end(), [](const PackagedPool& pool) {
    return pool.is_constant && pool.owner == PoolOwner::archive && pool.bytes > 0;
  });
}

std::string constants_file_name(const PackagedModel& model) {
  return model.module + "_constants.bin";
}

std::string constants_assembler(const PackagedModel& model) {
  const std::string symbol = model.symbol("constants");
  return fmt::format(
      "/* The constants of TVM module \"{0}\": the bytes of {1}, little-endian.\n"
      " * Assemble with the folder of that file in the include path (-I). */\n"
      "  .section .rodata.tvm, \"a\"\n"
      "  .balign {2}\n"
      "  .globl {3}\n"
      "{3}:\n"
      "  .incbin \"{1}\"\n"
      "#if defined(__ELF__)\n"
      "  .type {3}, %object\n"
      "  .size {3}, . - {3}\n"
      "#endif\n"
      "#if defined(__linux__) && defined(__ELF__)\n"
      "  .section .note.GNU-stack, \"\", %progbits\n"
      "#endif\n",
      model.module, constants_file_name(model), model.options.constant_alignment, symbol);
}

}  // namespace mlfc
