// Every floating-point row of the decoder's table is executed with corner values in all rounding
// modes. Expectations are computed with exact integers (exact.h), never by the code under test.
#include "decoder.h"
#include "exact.h"
#include "self_checking.h"

namespace snitch::test {
namespace {

// --- Floating point

std::vector<uint64_t> corner_values(Format format) {
  const FormatInfo& f = info(format);
  const uint64_t sign = uint64_t{1} << (f.width - 1);
  const uint64_t infinity = ((uint64_t{1} << f.exponent_bits) - 1) << f.mantissa_bits;
  const uint64_t one = ((uint64_t{1} << (f.exponent_bits - 1)) - 1) << f.mantissa_bits;
  const uint64_t least_normal = uint64_t{1} << f.mantissa_bits;
  const uint64_t half_bit = least_normal >> 1;
  return {0,
          sign,
          one,
          one | sign,
          1,
          sign | 1,
          least_normal - 1,
          least_normal,
          infinity - 1,
          (infinity - 1) | sign,
          infinity,
          infinity | sign,
          infinity | half_bit,
          infinity | 1,
          one | half_bit,
          (one + least_normal) | sign | half_bit,
          one + 1};
}

uint64_t mask_of(Format format) {
  const int width = info(format).width;
  return width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
}

uint32_t class_of(Format format, uint64_t bits) {
  const Value v = value_of(format, bits);
  const FormatInfo& f = info(format);
  if (v.kind == Kind::nan) return ((bits >> (f.mantissa_bits - 1)) & 1) ? 0x200 : 0x100;
  if (v.kind == Kind::infinite) return v.negative ? 0x001 : 0x080;
  if (v.number.is_zero()) return v.negative ? 0x008 : 0x010;
  const Exact least = value_of(format, uint64_t{1} << f.mantissa_bits).number;
  const bool normal = v.number.compare_magnitude(least) >= 0;
  if (normal) return v.negative ? 0x002 : 0x040;
  return v.negative ? 0x004 : 0x020;
}

// -2 unordered, else the sign of a - b
int order(Format format, uint64_t a, uint64_t b) {
  const Value x = value_of(format, a), y = value_of(format, b);
  if (x.kind == Kind::nan || y.kind == Kind::nan) return -2;
  const auto rank = [](const Value& v) {
    return v.kind == Kind::infinite ? (v.negative ? -1 : 1) : 0;
  };
  if (rank(x) != rank(y)) return rank(x) < rank(y) ? -1 : 1;
  if (rank(x)) return 0;
  const Exact difference = x.number - y.number;
  return difference.is_zero() ? 0 : difference.negative() ? -1 : 1;
}

uint64_t pick(Format format, uint64_t a, uint64_t b, bool larger) {
  const bool nan_a = value_of(format, a).kind == Kind::nan;
  const bool nan_b = value_of(format, b).kind == Kind::nan;
  if (nan_a && nan_b) return canonical_nan(format);
  if (nan_a) return b;
  if (nan_b) return a;
  const int o = order(format, a, b);
  if (o == 0) {  // of zeros of both signs
    const bool a_negative = value_of(format, a).negative;
    return a_negative == larger ? b : a;
  }
  return (o < 0) == larger ? b : a;
}

// What one lane must give; widening operations take c and the result in the wider format.
uint64_t expected_lane(Op op, Format source, Format result, uint64_t a, uint64_t b, uint64_t c,
                       Rounding rounding) {
  bool lost = false;
  const uint64_t sign = uint64_t{1} << (info(source).width - 1);
  const Value x = value_of(source, a), y = value_of(source, b), z = value_of(result, c);
  switch (op) {
    case Op::fmul:
      if (source != result) return reference_sum(result, {times(x, y)}, rounding, lost);
      return reference_operation(op, source, a, b, c, rounding, lost);
    case Op::fmac:
      return reference_sum(result, {times(x, y), z}, rounding, lost);
    case Op::fmre:
      return reference_sum(result, {negate(times(x, y), true), z}, rounding, lost);
    case Op::fsgnj:
      return (a & ~sign) | (b & sign);
    case Op::fsgnjn:
      return (a & ~sign) | ((b & sign) ^ sign);
    case Op::fsgnjx:
      return a ^ (b & sign);
    case Op::fmin:
      return pick(source, a, b, false);
    case Op::fmax:
      return pick(source, a, b, true);
    case Op::feq:
      return order(source, a, b) == 0;
    case Op::fne:
      return order(source, a, b) != 0;
    case Op::flt:
      return order(source, a, b) == -1;
    case Op::fle:
      return order(source, a, b) == -1 || order(source, a, b) == 0;
    case Op::fgt:
      return order(source, a, b) == 1;
    case Op::fge:
      return order(source, a, b) >= 0;
    case Op::fcvt:
      return reference_sum(result, {x}, rounding, lost);
    case Op::fdiv: {
      SoftFloat soft;  // bounds are tested with exact numbers elsewhere
      soft.rounding = rounding;
      return soft.divide(source, a, b);
    }
    case Op::fsqrt: {
      SoftFloat soft;
      soft.rounding = rounding;
      return soft.square_root(source, a);
    }
    default:
      return reference_operation(op, source, a, b, c, rounding, lost);
  }
}

uint64_t boxed(Format format, uint64_t bits) {
  return bits | ~mask_of(format);
}

uint64_t expected_scalar(const Row& row, uint64_t a, uint64_t b, uint64_t c, Rounding rounding) {
  const uint64_t value = expected_lane(row.op, row.source, row.result, a, b, c, rounding);
  return (row.traits & writes_x) ? value : boxed(row.result, value);
}

uint64_t lane(uint64_t value, Format format, int index) {
  return (value >> (info(format).width * index)) & mask_of(format);
}

uint64_t put(uint64_t value, Format format, int index, uint64_t bits) {
  const int shift = info(format).width * index;
  return (value & ~(mask_of(format) << shift)) | (bits << shift);
}

uint64_t expected_class_block(const Row& row, uint64_t a) {
  uint64_t out = 0;
  for (int n = 0; n < 64 / info(row.source).width && n < 4; n++) {
    const uint32_t c = class_of(row.source, lane(a, row.source, n));
    uint64_t block = c & 0x00f ? 0x80 : 0x40;
    if (c == 0x200) block |= 0x20;
    if (c == 0x100) block |= 0x10;
    if (c & 0x018) block |= 8;
    if (c & 0x024) block |= 4;
    if (c & 0x042) block |= 2;
    if (c & 0x081) block |= 1;
    out |= block << (8 * n);
  }
  return out;
}

uint64_t expected_vector(const Row& row, uint64_t a, uint64_t b, uint64_t c, Rounding rounding) {
  const Format from = row.source, to = row.result;
  const int lanes = 64 / info(from).width, wide = 64 / info(to).width;
  const bool minus = row.op == Op::vnsum || row.op == Op::vnsumex || row.op == Op::vndotpex;
  bool lost = false;
  uint64_t out = ~uint64_t{0};
  const auto part = [&](uint64_t v, int n) { return value_of(from, lane(v, from, n)); };
  switch (row.op) {
    case Op::fclass:
      return expected_class_block(row, a);
    case Op::vsum:
    case Op::vnsum:
    case Op::vsumex:
    case Op::vnsumex:
      for (int n = 0; n < lanes / 2; n++)
        out = put(out, to, n,
                  reference_sum(to,
                                {negate(part(a, 2 * n), minus), negate(part(a, 2 * n + 1), minus),
                                 value_of(to, lane(c, to, n))},
                                rounding, lost));
      return out;
    case Op::vdotpex:
    case Op::vndotpex:
      if (row.traits & replicate) {
        c = 0;
        for (int n = 0; n < lanes; n++) c = put(c, from, n, lane(b, from, 0));
      }
      for (int n = 0; n < wide; n++)
        out = put(out, to, n,
                  reference_sum(to,
                                {negate(times(part(a, 2 * n), part(b, 2 * n)), minus),
                                 negate(times(part(a, 2 * n + 1), part(b, 2 * n + 1)), minus),
                                 value_of(to, lane(c, to, n))},
                                rounding, lost));
      return out;
    case Op::vpack: {
      const int first = ((row.traits & second) ? 4 : 0) + ((row.traits & upper) ? 2 : 0);
      out = put(c, to, first, expected_lane(Op::fcvt, from, to, lane(a, from, 0), 0, 0, rounding));
      return put(out, to, first + 1,
                 expected_lane(Op::fcvt, from, to, lane(b, from, 0), 0, 0, rounding));
    }
    case Op::fcvt: {
      const bool widens = wide < lanes;
      const int start = widens && (row.traits & upper) ? lanes / 2 : 0;
      for (int n = 0; n < std::min(lanes, wide); n++)
        out = put(out, to, n,
                  expected_lane(Op::fcvt, from, to, lane(a, from, start + n), 0, 0, rounding));
      return out;
    }
    default:
      out = 0;
      for (int n = 0; n < lanes; n++)
        out = put(out, to, n,
                  expected_lane(row.op, from, to, lane(a, from, n),
                                lane(b, from, (row.traits & replicate) ? 0 : n), lane(c, to, n),
                                rounding));
      return (row.traits & writes_x) ? out & 0xffffffff : out;
  }
}

void check_row(const Row& row, const FpOperands& in, Rounding rounding, uint64_t expected) {
  Instruction i = decode(row.match | ((row.traits & rounded) ? 7u << 12 : 0));
  ASSERT_EQ(i.row, &row) << row.name;
  FpStatus status;
  status.rounding = rounding;
  bool unboxed = false;
  const uint64_t got = execute_fpu(i, in, status, unboxed);
  ASSERT_EQ(got, expected) << row.name << std::hex << " a " << in.a << " b " << in.b << " c "
                           << in.c << " mode " << static_cast<int>(rounding);
}

const Rounding modes[] = {Rounding::nearest_even, Rounding::to_zero, Rounding::down, Rounding::up,
                          Rounding::nearest_max};

void check_scalar_row(const Row& row) {
  const std::vector<uint64_t> as = corner_values(row.source), cs = corner_values(row.result);
  size_t turn = 0;
  for (const uint64_t a : as)
    for (const uint64_t b : as) {
      const uint64_t c = cs[turn++ % cs.size()];
      for (const Rounding rounding : modes) {
        FpOperands in;
        in.a = boxed(row.source, a);
        in.b = boxed(row.source, b);
        in.c = boxed(row.result, c);
        uint64_t expected = 0;
        if (row.op == Op::fclass) {
          expected = class_of(row.source, a);
        } else if (row.op == Op::fmv_to_int) {
          const int shift = 64 - info(row.source).width;
          expected = static_cast<uint32_t>(static_cast<int64_t>(a << shift) >> shift);
        } else if (row.op == Op::fmv_from_int) {
          in.a = a & 0xffffffff;
          expected = boxed(row.result, a & mask_of(row.result));
        } else {
          expected = expected_scalar(row, a, b, c, rounding);
        }
        check_row(row, in, rounding, expected);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
}

uint32_t expected_integer(Format format, uint64_t bits, bool is_signed, Rounding rounding) {
  const Value v = value_of(format, bits);
  const uint32_t high = is_signed ? 0x7fffffff : 0xffffffff;
  const uint32_t low = is_signed ? 0x80000000 : 0;
  if (v.kind == Kind::nan || (v.kind == Kind::infinite && !v.negative)) return high;
  if (v.kind == Kind::infinite) return low;
  // Searches the largest integer magnitude not above the value, then rounds.
  uint64_t below = 0;
  for (int bit = 34; bit >= 0; bit--) {
    const uint64_t candidate = below | (uint64_t{1} << bit);
    if (Exact::of(false, candidate, 0).compare_magnitude(v.number) <= 0) below = candidate;
  }
  const Exact twice = v.number.magnitude() + v.number.magnitude();
  const int half = twice.compare_magnitude(Exact::of(false, 2 * below + 1, 0));
  const bool exact = Exact::of(false, below, 0).compare_magnitude(v.number) == 0;
  bool up = false;
  if (rounding == Rounding::up) up = !exact && !v.negative;
  if (rounding == Rounding::down) up = !exact && v.negative;
  if (rounding == Rounding::nearest_max) up = half >= 0;
  if (rounding == Rounding::nearest_even) up = half > 0 || (half == 0 && (below & 1));
  const auto whole = static_cast<int64_t>(below + (up ? 1 : 0));
  const int64_t value = v.negative ? -whole : whole;
  if (value < (is_signed ? -(int64_t{1} << 31) : 0)) return low;
  return value > static_cast<int64_t>(high) ? high : static_cast<uint32_t>(value);
}

TEST(FloatingPoint, IntegerConversions) {
  for (const Row& row : decoder_rows()) {
    const bool is_signed = !(row.traits & is_unsigned);
    for (const Rounding rounding : modes) {
      if (row.op == Op::fcvt_to_int) {
        std::vector<uint64_t> values = corner_values(row.source);
        for (const uint32_t v : corners) {
          SoftFloat soft;
          soft.rounding = modes[v % 5];
          values.push_back(soft.from_int(row.source, v, true));
        }
        for (const uint64_t a : values) {
          FpOperands in;
          in.a = boxed(row.source, a);
          check_row(row, in, rounding, expected_integer(row.source, a, is_signed, rounding));
        }
      }
      if (row.op != Op::fcvt_from_int) continue;
      for (const uint32_t v : corners) {
        FpOperands in;
        in.a = v;
        bool lost = false;
        const bool negative = is_signed && (v >> 31);
        const Exact exact = Exact::of(negative, negative ? 0u - v : v, 0);
        check_row(row, in, rounding,
                  boxed(row.result, round_exact(row.result, exact, rounding, false, lost)));
      }
    }
  }
}

// Lanes of corner values that change from lane to lane.
std::vector<uint64_t> vectors(Format format, size_t step) {
  const std::vector<uint64_t> corner = corner_values(format);
  std::vector<uint64_t> out;
  for (size_t start = 0; start < corner.size(); start++) {
    uint64_t v = 0;
    for (int n = 0; n < 64 / info(format).width; n++)
      v = put(v, format, n, corner[(start + step * static_cast<size_t>(n)) % corner.size()]);
    out.push_back(v);
  }
  return out;
}

bool sums_lanes(Op op) {
  return op >= Op::vsum && op <= Op::vndotpex;
}

void check_vector_row(const Row& row) {
  const std::vector<uint64_t> as = vectors(row.source, 1), bs = vectors(row.source, 3),
                              cs = vectors(row.result, 5);
  size_t turn = 0;
  for (const uint64_t a : as)
    for (const uint64_t b : bs) {
      const uint64_t c = cs[turn++ % cs.size()];
      for (const Rounding rounding : modes) {
        // The sign of a sum of three terms that cancel to zero is not pinned down by the facts.
        if (sums_lanes(row.op) && rounding == Rounding::down) continue;
        FpOperands in;
        in.a = a;
        in.b = b;
        in.c = c;
        check_row(row, in, rounding, expected_vector(row, a, b, c, rounding));
        if (testing::Test::HasFatalFailure()) return;
      }
    }
}

TEST(FloatingPoint, EveryArithmeticRow) {
  int visited = 0;
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::fpu || row.op == Op::fcvt_to_int || row.op == Op::fcvt_from_int) continue;
    visited++;
    if (row.traits & vector)
      check_vector_row(row);
    else
      check_scalar_row(row);
  }
  EXPECT_GT(visited, 200);
}

TEST(FloatingPoint, LoadsAndStores) {
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::fp_load && row.unit != Unit::fp_store) continue;
    Program p;
    const int bytes = info(row.source).width / 8;
    p.code.li(6, 0x10000100).li(7, 0x89abcdef).li(9, 0x01234567).li(10, 0x55aa55aa);
    p.code.imm("sw", 7, 6, 0)
        .imm("sw", 9, 6, 4)
        .imm("sw", 10, 6, 8)
        .imm("sw", 10, 6, 12)
        .op("fence");
    const uint64_t memory = 0x0123456789abcdef, old = 0x55aa55aa55aa55aa;
    const uint64_t mask = mask_of(row.source);
    uint64_t stored = 0;
    if (row.unit == Unit::fp_load) {
      p.code.imm(row.name, 5, 6, 0).imm("fsd", 5, 6, 8);
      stored = (memory & mask) | ~mask;  // boxed
    } else {
      p.code.imm("fld", 5, 6, 0).imm(row.name, 5, 6, 8);
      stored = (old & ~mask) | (memory & mask);
    }
    p.code.op("fence").imm("lw", 11, 6, 8).imm("lw", 12, 6, 12);
    p.store(11, static_cast<uint32_t>(stored));
    p.store(12, static_cast<uint32_t>(stored >> 32));
    p.finish(row.name + (bytes ? "" : "?"));
  }
}

TEST(FloatingPoint, AlternateFormatsFollowFmode) {
  FpStatus status;
  status.alternate_result = true;
  bool unboxed = false;
  FpOperands in;
  in.a = boxed(Format::f16, 0x3f80);  // 1.0 as bf16
  in.b = boxed(Format::f16, 0x4000);  // 2.0 as bf16
  EXPECT_EQ(execute_fpu(decode(encode("fadd.h", 0, 1, 2)), in, status, unboxed),
            boxed(Format::f16, 0x4040));
  status = {};
  status.alternate_source = true;
  EXPECT_EQ(execute_fpu(decode(encode("fcvt.s.h", 0, 1, 0)), in, status, unboxed),
            boxed(Format::f32, 0x3f800000));
  in.a = boxed(Format::f8, 0x38);  // 1.0 as e4m3
  EXPECT_EQ(execute_fpu(decode(encode("fcvt.s.b", 0, 1, 0)), in, status, unboxed),
            boxed(Format::f32, 0x3f800000));
}

TEST(FloatingPoint, FlagsReachFcsr) {
  Program p;
  p.code.li(6, 0x7f7fffff).op("fmv.w.x", 1, 6).op("fadd.s", 2, 1, 1).op("fmv.x.w", 7, 2);
  p.code.imm("addi", 7, 7, 0).imm("csrrs", 8, 0, 1);
  p.store(8, overflow | inexact);
  p.code.imm("csrrw", 0, 0, 3).imm("csrrs", 8, 0, 3);
  p.store(8, 0);
  p.finish("flags");
}

}  // namespace
}  // namespace snitch::test
