// Scalar floating-point instructions: NaN boxing, rounding modes, the choice between the host's FPU
// and exact integer arithmetic.
#include "fpu.h"

namespace snitch {
namespace {

uint64_t mask_of(Format format) {
  const int width = info(format).width;
  return width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
}

uint64_t unbox(Format format, uint64_t value, bool& unboxed) {
  const uint64_t mask = mask_of(format);
  if ((value | mask) == ~uint64_t{0}) return value & mask;
  unboxed = true;
  return canonical_nan(format);
}

Format alternate(Format format) {
  if (format == Format::f16) return Format::bf16;
  if (format == Format::f8) return Format::f8alt;
  return format;
}

uint64_t sign_bit(Format format) {
  return uint64_t{1} << (info(format).width - 1);
}

bool is_host_op(Op op) {
  return op == Op::fadd || op == Op::fsub || op == Op::fmul || (op >= Op::fmadd && op <= Op::fmre);
}

}  // namespace

uint64_t box(Format format, uint64_t bits) {
  return bits | ~mask_of(format);
}

uint64_t execute_lane(Op op, Format source, Format result, uint64_t a, uint64_t b, uint64_t c,
                      SoftFloat& soft) {
  const uint64_t sign = sign_bit(source);
  const uint64_t result_sign = sign_bit(result);
  switch (op) {
    case Op::fadd:
      return soft.add(result, a, b);
    case Op::fsub:
      return soft.add(result, a, is_nan(source, b) ? b : b ^ sign);
    case Op::fmul:
      // A widening product adds the zero that leaves the product's own sign alone.
      return source == result ? soft.multiply(result, a, b)
                              : soft.fused(source, result, a, b,
                                           soft.rounding == Rounding::down ? 0 : result_sign);
    case Op::fdiv:
      return soft.divide(result, a, b);
    case Op::fsqrt:
      return soft.square_root(result, a);
    case Op::fmadd:
    case Op::fmac:
      return soft.fused(source, result, a, b, c);
    case Op::fmsub:
      return soft.fused(source, result, a, b, c ^ result_sign);
    case Op::fnmsub:
    case Op::fmre:
      return soft.fused(source, result, a ^ sign, b, c);
    case Op::fnmadd:
      return soft.fused(source, result, a ^ sign, b, c ^ result_sign);
    case Op::fsgnj:
      return (a & ~sign) | (b & sign);
    case Op::fsgnjn:
      return (a & ~sign) | (~b & sign);
    case Op::fsgnjx:
      return a ^ (b & sign);
    case Op::fmin:
      return soft.minimum(source, a, b);
    case Op::fmax:
      return soft.maximum(source, a, b);
    case Op::feq:
      return soft.equal(source, a, b);
    case Op::fne:
      return !soft.equal(source, a, b);
    case Op::flt:
      return soft.less(source, a, b);
    case Op::fle:
      return soft.less_or_equal(source, a, b);
    case Op::fge:  // unordered compares false in every form but "not equal"
      return !soft.less(source, a, b) && !is_nan(source, a) && !is_nan(source, b);
    case Op::fgt:
      return !soft.less_or_equal(source, a, b) && !is_nan(source, a) && !is_nan(source, b);
    case Op::fcvt:
      return soft.convert(source, result, a);
    default:
      return 0;
  }
}

uint64_t execute_scalar(const Instruction& i, const FpOperands& operands, FpStatus& status,
                        bool& unboxed) {
  Format source = i.source;
  Format result = i.result;
  const bool widens = source != result;
  if (widens ? status.alternate_source : status.alternate_result) source = alternate(source);
  if (status.alternate_result) result = alternate(result);
  if (i.op == Op::fmv_to_int) {  // raw bits, sign extended; the only operation without a box check
    const int shift = 64 - info(source).width;
    return static_cast<uint64_t>(static_cast<int64_t>(operands.a << shift) >> shift) & 0xffffffffu;
  }
  if (i.op == Op::fmv_from_int) return box(result, operands.a & mask_of(result));
  SoftFloat soft;
  const auto mode = static_cast<Rounding>((i.word >> 12) & 7);
  soft.rounding = i.has(rounded) && mode != Rounding::dynamic ? mode : status.rounding;
  uint64_t value = 0;
  if (i.op == Op::fcvt_from_int) {
    value = soft.from_int(result, static_cast<uint32_t>(operands.a), !i.has(is_unsigned));
    status.flags |= soft.flags;
    return box(result, value);
  }
  const uint64_t a = unbox(source, operands.a, unboxed);
  const uint64_t b = i.has(reads_f2) ? unbox(source, operands.b, unboxed) : 0;
  const uint64_t c = i.has(reads_f3) ? unbox(result, operands.c, unboxed) : 0;
  if (i.op == Op::fcvt_to_int) {
    value = soft.to_int(source, a, !i.has(is_unsigned));
  } else if (i.op == Op::fclass) {
    return classify(source, a);
  } else if (!widens && is_host_op(i.op) && soft.rounding == Rounding::nearest_even &&
             execute_on_host(i.op, source, a, b, c, status.flags, value)) {
    return box(result, value);
  } else {
    value = execute_lane(i.op, source, result, a, b, c, soft);
  }
  status.flags |= soft.flags;
  return i.has(writes_x) ? value : box(result, value);
}

uint64_t execute_fpu(const Instruction& i, const FpOperands& operands, FpStatus& status,
                     bool& unboxed) {
  return i.has(vector) ? execute_vector(i, operands, status)
                       : execute_scalar(i, operands, status, unboxed);
}

}  // namespace snitch
