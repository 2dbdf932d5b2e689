// Packed instructions: the same operation on every lane of a 64-bit register, packing and
// conversions between lane widths, and the sums and dot products that join neighbouring lanes with
// a single rounding.
#include "fpu.h"

namespace snitch {
namespace {

constexpr uint64_t ones = ~uint64_t{0};

Format choose(Format format, bool alternate) {
  if (!alternate) return format;
  if (format == Format::f16) return Format::bf16;
  if (format == Format::f8) return Format::f8alt;
  return format;
}

uint64_t lane(uint64_t value, int width, int index) {
  const uint64_t shifted = value >> (width * index);
  return width == 64 ? shifted : shifted & ((uint64_t{1} << width) - 1);
}

uint64_t with_lane(uint64_t value, int width, int index, uint64_t bits) {
  if (width == 64) return bits;
  const uint64_t mask = ((uint64_t{1} << width) - 1) << (width * index);
  return (value & ~mask) | ((bits << (width * index)) & mask);
}

uint64_t lanewise(const Instruction& i, Format format, const FpOperands& in, FpStatus& status) {
  const int width = info(format).width;
  SoftFloat soft;
  soft.rounding = status.rounding;
  const bool host = format == Format::f32 && soft.rounding == Rounding::nearest_even;
  uint64_t out = 0;
  for (int n = 0; n < 64 / width; n++) {
    const uint64_t a = lane(in.a, width, n);
    const uint64_t b = lane(in.b, width, i.has(replicate) ? 0 : n);
    const uint64_t c = lane(in.c, width, n);
    uint64_t value = 0;
    if (!host || !execute_on_host(i.op, format, a, b, c, status.flags, value))
      value = execute_lane(i.op, format, format, a, b, c, soft);
    out = with_lane(out, width, n, value);
  }
  status.flags |= soft.flags;
  // Comparisons leave each lane's truth in the lane's lowest bit; an integer register keeps 32
  // bits.
  return i.has(writes_x) ? out & 0xffffffffu : out;
}

// One byte a lane: sign, not sign, quiet NaN, signalling NaN, zero, subnormal, normal, infinity.
uint64_t class_block(const Instruction& i, Format format, uint64_t value) {
  const int width = info(format).width;
  uint64_t out = 0;
  for (int n = 0; n < 64 / width; n++) {
    const uint32_t mask = classify(format, lane(value, width, n));
    const bool negative = (mask & 0xf) != 0;
    uint32_t block = (negative ? 0x80 : 0x40);
    if (mask & (1u << 9)) block |= 0x20;
    if (mask & (1u << 8)) block |= 0x10;
    if (mask & 0x18) block |= 0x08;
    if (mask & 0x24) block |= 0x04;
    if (mask & 0x42) block |= 0x02;
    if (mask & 0x81) block |= 0x01;
    out = with_lane(out, 8, n, block);
  }
  return i.has(writes_x) ? out & 0xffffffffu : out;
}

// Sums of neighbouring lanes of rs1 onto the lanes of rd. The plain sums have half as many results
// as lanes and leave ones above them, so that a single result is a boxed scalar.
uint64_t sums(const Instruction& i, Format source, Format result, const FpOperands& in,
              FpStatus& status) {
  const int width = info(source).width;
  const int result_width = info(result).width;
  const bool negative = i.op == Op::vnsum || i.op == Op::vnsumex;
  const uint64_t sign = negative ? uint64_t{1} << (width - 1) : 0;
  SoftFloat soft;
  soft.rounding = status.rounding;
  uint64_t out = ones;
  for (int n = 0; n < 32 / width; n++) {
    const uint64_t value =
        soft.sum3(source, result, lane(in.a, width, 2 * n) ^ sign,
                  lane(in.a, width, 2 * n + 1) ^ sign, lane(in.c, result_width, n));
    out = with_lane(out, result_width, n, value);
  }
  status.flags |= soft.flags;
  return out;
}

uint64_t dot_products(const Instruction& i, Format source, Format result, const FpOperands& in,
                      FpStatus& status) {
  const int width = info(source).width;
  const int result_width = info(result).width;
  const uint64_t sign = i.op == Op::vndotpex ? uint64_t{1} << (width - 1) : 0;
  uint64_t accumulator = in.c;
  if (i.has(replicate)) {  // the hardware replicates rs2 into the accumulator's place
    for (int n = 0; n < 64 / width; n++)
      accumulator = with_lane(accumulator, width, n, lane(in.b, width, 0));
  }
  SoftFloat soft;
  soft.rounding = status.rounding;
  uint64_t out = 0;
  for (int n = 0; n < 64 / result_width; n++) {
    const uint64_t a[2] = {lane(in.a, width, 2 * n) ^ sign, lane(in.a, width, 2 * n + 1) ^ sign};
    const uint64_t b[2] = {lane(in.b, width, 2 * n), lane(in.b, width, 2 * n + 1)};
    const uint64_t value = soft.dot2(source, result, a, b, lane(accumulator, result_width, n));
    out = with_lane(out, result_width, n, value);
  }
  status.flags |= soft.flags;
  return out;
}

// Converts the low scalars of rs1 and rs2 into a pair of lanes of rd; the other lanes are kept.
uint64_t pack(const Instruction& i, Format source, Format result, const FpOperands& in,
              FpStatus& status) {
  const int width = info(result).width;
  const int first = (i.has(second) ? 4 : 0) + (i.has(upper) ? 2 : 0);
  SoftFloat soft;
  soft.rounding = status.rounding;
  uint64_t out = in.c;
  out =
      with_lane(out, width, first, soft.convert(source, result, lane(in.a, info(source).width, 0)));
  out = with_lane(out, width, first + 1,
                  soft.convert(source, result, lane(in.b, info(source).width, 0)));
  status.flags |= soft.flags;
  return out;
}

// Widening takes the lower or the upper half of the register, narrowing fills the lower lanes and
// leaves ones above.
uint64_t conversions(const Instruction& i, Format source, Format result, const FpOperands& in,
                     FpStatus& status) {
  const int width = info(source).width;
  const int result_width = info(result).width;
  const int lanes = 64 / (width > result_width ? width : result_width);
  const bool widens = result_width > width;
  const int first = widens && i.has(upper) ? 32 / width : 0;
  SoftFloat soft;
  soft.rounding = status.rounding;
  uint64_t out = ones;
  for (int n = 0; n < lanes; n++)
    out =
        with_lane(out, result_width, n, soft.convert(source, result, lane(in.a, width, first + n)));
  status.flags |= soft.flags;
  return out;
}

}  // namespace

uint64_t execute_vector(const Instruction& i, const FpOperands& in, FpStatus& status) {
  const bool expands = i.op == Op::fcvt || i.op == Op::vpack || i.op >= Op::vsumex;
  const Format result = choose(i.result, status.alternate_result);
  const Format source =
      choose(i.source, expands ? status.alternate_source : status.alternate_result);
  switch (i.op) {
    case Op::fclass:
      return class_block(i, source, in.a);
    case Op::vsum:
    case Op::vnsum:
    case Op::vsumex:
    case Op::vnsumex:
      return sums(i, source, result, in, status);
    case Op::vdotpex:
    case Op::vndotpex:
      return dot_products(i, source, result, in, status);
    case Op::vpack:
      return pack(i, source, result, in, status);
    case Op::fcvt:
      return conversions(i, source, result, in, status);
    default:
      return lanewise(i, source, in, status);
  }
}

}  // namespace snitch
