// Conversion helpers: C99 text of small static functions.
#include "codegen/c/c_helpers.h"

#include <fmt/format.h>

#include <limits>

namespace mlfc {
namespace {

// Bits travel through memcpy: the one way that is defined in both C and C++. Subnormal halves are
// multiples of 2^-24, which an exact f32 multiplication or rounding addition handles.
constexpr const char* kHalfToFloat =
    "static inline float mlfc_f16_to_f32(uint16_t half) {\n"
    "  const uint32_t magnitude = (uint32_t)(half & 0x7fffu) << 13;\n"
    "  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;\n"
    "  uint32_t bits = magnitude >= 0x0f800000u ? magnitude + 0x70000000u : magnitude + "
    "0x38000000u;\n"
    "  float value;\n"
    "  if (magnitude < 0x00800000u) {\n"
    "    value = (float)(half & 0x3ffu) * 5.9604645e-08f;\n"
    "    memcpy(&bits, &value, sizeof bits);\n"
    "  }\n"
    "  bits |= sign;\n"
    "  memcpy(&value, &bits, sizeof value);\n"
    "  return value;\n"
    "}\n";
constexpr const char* kFloatToHalf =
    "static inline uint16_t mlfc_f32_to_f16(float value) {\n"
    "  uint32_t bits;\n"
    "  memcpy(&bits, &value, sizeof bits);\n"
    "  const uint32_t sign = (bits >> 16) & 0x8000u;\n"
    "  bits &= 0x7fffffffu;\n"
    "  if (bits > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);\n"
    "  if (bits >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);\n"
    "  if (bits < 0x38800000u) {\n"
    "    float magnitude;\n"
    "    memcpy(&magnitude, &bits, sizeof magnitude);\n"
    "    magnitude = magnitude + 0.5f; /* leaves the half's bits, rounded to even, at the bottom "
    "*/\n"
    "    memcpy(&bits, &magnitude, sizeof bits);\n"
    "    return (uint16_t)(sign | (bits - 0x3f000000u));\n"
    "  }\n"
    "  bits += 0xfffu + ((bits >> 13) & 1u);\n"
    "  return (uint16_t)(sign | ((bits - 0x38000000u) >> 13));\n"
    "}\n";
// The last bit of a float between 2^23 and 2^24 is worth 1, so that adding 1.5 * 2^23 rounds to the
// nearest integer, halves to even, and leaves it in the low bits. Bits of floats are ordered as the
// floats are, so that limits can be integers, which vector units have instructions for.
constexpr const char* kNearest =
    "static inline int32_t mlfc_nearest_i32(float value, int32_t low, int32_t high) {\n"
    "  const int32_t zero = 0x4b400000;\n"
    "  const float shifted = value + 12582912.0f;\n"
    "  int32_t bits;\n"
    "  memcpy(&bits, &shifted, sizeof bits);\n"
    "  bits = bits < zero + low ? zero + low : bits;\n"
    "  bits = bits > zero + high ? zero + high : bits;\n"
    "  return bits - zero;\n"
    "}\n";
// The comparison is false for what is no number.
constexpr const char* kNearestOrLow =
    "static inline int32_t mlfc_nearest_or_low_i32(float value, int32_t low, int32_t high) {\n"
    "  return mlfc_nearest_i32(value > (float)low ? value : (float)low, low, high);\n"
    "}\n";
constexpr const char* kBfloatToFloat =
    "static inline float mlfc_bf16_to_f32(uint16_t half) {\n"
    "  const uint32_t bits = (uint32_t)half << 16;\n"
    "  float value;\n"
    "  memcpy(&value, &bits, sizeof value);\n"
    "  return value;\n"
    "}\n";
constexpr const char* kFloatToBfloat =
    "static inline uint16_t mlfc_f32_to_bf16(float value) {\n"
    "  uint32_t bits;\n"
    "  memcpy(&bits, &value, sizeof bits);\n"
    "  if (value != value) return (uint16_t)((bits >> 16) | 0x40u);\n"
    "  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);\n"
    "}\n";

// Limits as the floating type sees them: the first value above the range is a power of two, which
// is exact in every float format; the comparison must be `<`, not `<=`.
CConversion saturating(DType from, DType to) {
  const std::string name = "mlfc_" + to_text(from) + "_to_" + to_text(to);
  const std::string_view source = info(from).c_name, result = info(to).c_name;
  const bool is_signed = info(to).kind == DTypeKind::signed_integer;
  const int bits = 8 * bytes_of(to);
  const std::string suffix = from == DType::f32 ? "f" : "";
  const std::string above = fmt::format("{}.0{}",
                                        is_signed    ? uint64_t{1} << (bits - 1)
                                        : bits == 64 ? 0
                                                     : uint64_t{1} << bits,
                                        suffix);
  const std::string limit = bits == 64 && !is_signed ? "18446744073709551616.0" + suffix : above;
  std::string macro = fmt::format("{}INT{}_", is_signed ? "" : "U", bits);
  const std::string below = is_signed ? fmt::format("value < -{}", above) : "value <= 0";
  std::string text = fmt::format("static inline {} {}({} value) {{\n", result, name, source);
  text += "  if (value != value) return 0;\n";
  text += fmt::format("  if (value >= {}) return {}MAX;\n", limit, macro);
  text += fmt::format("  if ({}) return {};\n", below, is_signed ? macro + "MIN" : "0");
  text += fmt::format("  return ({})value;\n}}\n", result);
  return {name, text, false};
}

}  // namespace

CConversion nearest() {
  return {"mlfc_nearest_i32", kNearest, false};
}

CConversion nearest_or_low() {
  return {"mlfc_nearest_or_low_i32", kNearestOrLow, false};
}

CConversion conversion_between(DType from, DType to) {
  if (from == DType::f16 && to == DType::f32) return {"mlfc_f16_to_f32", kHalfToFloat, false};
  if (from == DType::f32 && to == DType::f16) return {"mlfc_f32_to_f16", kFloatToHalf, false};
  if (from == DType::bf16 && to == DType::f32) return {"mlfc_bf16_to_f32", kBfloatToFloat, false};
  if (from == DType::f32 && to == DType::bf16) return {"mlfc_f32_to_bf16", kFloatToBfloat, false};
  if (is_float(from) && is_integer(to)) return saturating(from, to);
  return {};
}

}  // namespace mlfc
