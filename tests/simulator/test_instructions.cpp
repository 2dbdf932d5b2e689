// Every row of the decoder's table is executed with corner values. Expectations are written down
// here by name (integer instructions) or computed with exact integers (floating point), never by
// the code under test; a row without an expectation fails.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "decoder.h"
#include "exact.h"
#include "support.h"

namespace snitch::test {
namespace {

constexpr uint32_t results = 0x10001000;  // where programs leave their results

const uint32_t corners[] = {0,          1,          2,          31,         32,
                            0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0xfffffffe,
                            0x12345678, 0xdeadbeef, 0x0000ffff, 0xffff0000};

using Binary = std::function<uint32_t(uint32_t, uint32_t)>;

int32_t s(uint32_t v) {
  return static_cast<int32_t>(v);
}

const std::map<std::string, Binary> binary = {
    {"add", [](uint32_t a, uint32_t b) { return a + b; }},
    {"sub", [](uint32_t a, uint32_t b) { return a - b; }},
    {"sll", [](uint32_t a, uint32_t b) { return a << (b % 32); }},
    {"slt", [](uint32_t a, uint32_t b) { return s(a) < s(b) ? 1u : 0u; }},
    {"sltu", [](uint32_t a, uint32_t b) { return a < b ? 1u : 0u; }},
    {"xor", [](uint32_t a, uint32_t b) { return a ^ b; }},
    {"srl", [](uint32_t a, uint32_t b) { return a >> (b % 32); }},
    {"sra",
     [](uint32_t a, uint32_t b) { return static_cast<uint32_t>(int64_t{s(a)} >> (b % 32)); }},
    {"or", [](uint32_t a, uint32_t b) { return a | b; }},
    {"and", [](uint32_t a, uint32_t b) { return a & b; }},
    {"mul", [](uint32_t a, uint32_t b) { return static_cast<uint32_t>(uint64_t{a} * b); }},
    {"mulh",
     [](uint32_t a, uint32_t b) { return static_cast<uint32_t>((int64_t{s(a)} * s(b)) >> 32); }},
    {"mulhsu",
     [](uint32_t a, uint32_t b) {
       return static_cast<uint32_t>((int64_t{s(a)} * int64_t{b}) >> 32);
     }},
    {"mulhu",
     [](uint32_t a, uint32_t b) { return static_cast<uint32_t>((uint64_t{a} * b) >> 32); }},
    {"div",
     [](uint32_t a, uint32_t b) {
       return b ? static_cast<uint32_t>(int64_t{s(a)} / s(b)) : 0xffffffffu;
     }},
    {"divu", [](uint32_t a, uint32_t b) { return b ? a / b : 0xffffffffu; }},
    {"rem",
     [](uint32_t a, uint32_t b) { return b ? static_cast<uint32_t>(int64_t{s(a)} % s(b)) : a; }},
    {"remu", [](uint32_t a, uint32_t b) { return b ? a % b : a; }},
};

const std::map<std::string, Binary> immediate = {
    {"addi", binary.at("add")}, {"slti", binary.at("slt")}, {"sltiu", binary.at("sltu")},
    {"xori", binary.at("xor")}, {"ori", binary.at("or")},   {"andi", binary.at("and")},
    {"slli", binary.at("sll")}, {"srli", binary.at("srl")}, {"srai", binary.at("sra")},
};

const std::map<std::string, Binary> branches = {
    {"beq", [](uint32_t a, uint32_t b) { return a == b; }},
    {"bne", [](uint32_t a, uint32_t b) { return a != b; }},
    {"blt", [](uint32_t a, uint32_t b) { return s(a) < s(b); }},
    {"bge", [](uint32_t a, uint32_t b) { return s(a) >= s(b); }},
    {"bltu", [](uint32_t a, uint32_t b) { return a < b; }},
    {"bgeu", [](uint32_t a, uint32_t b) { return a >= b; }},
};

// {old memory, operand} -> new memory
const std::map<std::string, Binary> atomics = {
    {"amoswap.w", [](uint32_t, uint32_t b) { return b; }},
    {"amoadd.w", [](uint32_t a, uint32_t b) { return a + b; }},
    {"amoxor.w", [](uint32_t a, uint32_t b) { return a ^ b; }},
    {"amoand.w", [](uint32_t a, uint32_t b) { return a & b; }},
    {"amoor.w", [](uint32_t a, uint32_t b) { return a | b; }},
    {"amomin.w", [](uint32_t a, uint32_t b) { return s(a) < s(b) ? a : b; }},
    {"amomax.w", [](uint32_t a, uint32_t b) { return s(a) > s(b) ? a : b; }},
    {"amominu.w", [](uint32_t a, uint32_t b) { return a < b ? a : b; }},
    {"amomaxu.w", [](uint32_t a, uint32_t b) { return a > b ? a : b; }},
};

// Runs a program in both modes and hands the words at `results` to the check.
void check(const Code& code, const std::vector<uint32_t>& expected, const std::string& what) {
  for (const bool functional : {false, true}) {
    Options options;
    options.functional = functional;
    options.cycle_limit = 1000000;
    Cluster cluster(load_machine("1+1"), options);
    cluster.load(elf_of(code.words()));
    const Outcome outcome = cluster.run();
    ASSERT_TRUE(outcome.exited);
    for (size_t i = 0; i < expected.size(); i++) {
      uint64_t value = 0;
      cluster.memory().read(results + static_cast<uint32_t>(4 * i), 4, value);
      ASSERT_EQ(static_cast<uint32_t>(value), expected[i])
          << what << ", result " << i << (functional ? " (functional)" : " (timed)");
    }
  }
}

// A program under construction: x20 points to the next result.
struct Program {
  Code code;
  std::vector<uint32_t> expected;
  Program() { code.park_others().li(20, results); }
  void store(int reg, uint32_t value) {
    code.imm("sw", reg, 20, 0).imm("addi", 20, 20, 4);
    expected.push_back(value);
  }
  void finish(const std::string& what) {
    // A fence, so that the results of other units are in memory before the program ends.
    code.op("fence").exit();
    check(code, expected, what);
  }
};

bool is_branch_free_alu(const Row& row) {
  return row.unit == Unit::alu || row.unit == Unit::muldiv;
}

TEST(Integer, RegisterAndImmediateArithmetic) {
  for (const Row& row : decoder_rows()) {
    if (!is_branch_free_alu(row)) continue;
    Program p;
    if (binary.count(row.name)) {
      for (const uint32_t a : corners)
        for (const uint32_t b : corners) {
          p.code.li(6, a).li(7, b).op(row.name, 8, 6, 7);
          p.store(8, binary.at(row.name)(a, b));
        }
    } else if (immediate.count(row.name)) {
      const bool shift = row.op == Op::slli || row.op == Op::srli || row.op == Op::srai;
      for (const uint32_t a : corners)
        for (const int32_t b : {0, 1, 5, 31, -1, 2047, -2048}) {
          if (shift && (b < 0 || b > 31)) continue;
          const uint32_t word =
              shift ? encode(row.name, 8, 6, b) : encode_immediate(row.name, 8, 6, b);
          p.code.li(6, a).word(word);
          p.store(8, immediate.at(row.name)(a, static_cast<uint32_t>(b)));
        }
    } else if (row.op == Op::lui) {
      p.code.word(encode("lui", 8, 0, 0) | 0xfffff000u);
      p.store(8, 0xfffff000u);
    } else if (row.op == Op::auipc) {
      const auto at = static_cast<uint32_t>(p.code.position());
      p.code.word(encode("auipc", 8, 0, 0) | 0x7ffff000u);
      p.store(8, 0x80000000u + at + 0x7ffff000u);
    } else {
      ADD_FAILURE() << row.name << " has no expectation";
    }
    // x0 stays zero.
    p.code.word(row.match | (0u << 7));
    p.store(0, 0);
    p.finish(row.name);
  }
}

TEST(Integer, BranchesAndJumps) {
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::branch && row.unit != Unit::jump) continue;
    Program p;
    if (row.unit == Unit::branch) {
      ASSERT_TRUE(branches.count(row.name)) << row.name;
      for (const uint32_t a : corners)
        for (const uint32_t b : corners) {
          p.code.li(6, a).li(7, b).imm("addi", 8, 0, 1).imm(row.name, 7, 6, 8).imm("addi", 8, 0, 0);
          p.store(8, branches.at(row.name)(a, b));
        }
      // Backwards: counts to five.
      p.code.imm("addi", 8, 0, 0).imm("addi", 9, 0, 5).imm("addi", 8, 8, 1).imm("bne", 9, 8, -4);
      p.store(8, 5);
    } else if (row.op == Op::jal) {
      const auto link = 0x80000000u + static_cast<uint32_t>(p.code.position()) + 4;
      p.code.word(encode("jal", 8, 0, 0) | (8u << 20)).imm("addi", 8, 0, 0);
      p.store(8, link);
    } else {
      p.code.word(encode("auipc", 9, 0, 0));
      const auto link = 0x80000000u + static_cast<uint32_t>(p.code.position()) + 4;
      p.code.imm("jalr", 8, 9, 13).imm("addi", 8, 0, 0);  // the lowest bit is dropped
      p.store(8, link);
    }
    p.finish(row.name);
  }
}

TEST(Integer, LoadsAndStores) {
  const std::map<std::string, std::function<uint32_t(uint32_t)>> loads = {
      {"lb", [](uint32_t v) { return static_cast<uint32_t>(static_cast<int8_t>(v)); }},
      {"lbu", [](uint32_t v) { return v & 0xff; }},
      {"lh", [](uint32_t v) { return static_cast<uint32_t>(static_cast<int16_t>(v)); }},
      {"lhu", [](uint32_t v) { return v & 0xffff; }},
      {"lw", [](uint32_t v) { return v; }}};
  const std::map<std::string, uint32_t> stores = {{"sb", 0xff}, {"sh", 0xffff}, {"sw", 0xffffffff}};
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::load && row.unit != Unit::store) continue;
    for (const uint32_t base : {0x10000100u, 0x80010000u, 0x18000200u}) {
      Program p;
      for (const uint32_t v : corners) {
        p.code.li(6, base).li(7, v).li(9, 0x55aa55aa);
        if (row.unit == Unit::load) {
          ASSERT_TRUE(loads.count(row.name)) << row.name;
          p.code.imm("sw", 7, 6, 8).imm(row.name, 8, 6, 8);
          p.store(8, loads.at(row.name)(v));
        } else {
          ASSERT_TRUE(stores.count(row.name)) << row.name;
          const uint32_t mask = stores.at(row.name);
          p.code.imm("sw", 9, 6, -4).imm(row.name, 7, 6, -4).imm("lw", 8, 6, -4);
          p.store(8, (0x55aa55aa & ~mask) | (v & mask));
        }
      }
      p.finish(row.name);
    }
  }
}

TEST(Integer, Atomics) {
  for (const Row& row : decoder_rows()) {
    if (row.unit != Unit::amo) continue;
    for (const uint32_t base : {0x10000100u, 0x80010000u}) {
      Program p;
      p.code.li(6, base);
      if (row.op == Op::lr || row.op == Op::sc) {
        p.code.li(7, 77).imm("sw", 7, 6, 0).op("lr.w", 8, 6).li(9, 5).op("sc.w", 10, 6, 9);
        p.code.imm("lw", 11, 6, 0).op("sc.w", 12, 6, 0).imm("lw", 13, 6, 0);
        p.store(8, 77);
        p.store(10, 0);
        p.store(11, 5);
        p.store(12, 1);  // no reservation any more
        p.store(13, 5);
        // A store in between breaks the reservation.
        p.code.op("lr.w", 8, 6).imm("sw", 7, 6, 0).op("sc.w", 10, 6, 9);
        p.store(10, 1);
      } else {
        ASSERT_TRUE(atomics.count(row.name)) << row.name;
        for (const uint32_t a : corners)
          for (const uint32_t b : {0u, 1u, 0x80000000u, 0xffffffffu}) {
            p.code.li(7, a).imm("sw", 7, 6, 0).li(9, b).op(row.name, 8, 6, 9).imm("lw", 10, 6, 0);
            p.store(8, a);
            p.store(10, atomics.at(row.name)(a, b));
          }
      }
      p.finish(row.name);
    }
  }
}

TEST(Control, TrapsReturn) {
  for (const auto& [name, cause] : {std::pair{"ecall", 11u}, std::pair{"ebreak", 3u}}) {
    Program p;
    constexpr int mtvec = 0x305, mepc = 0x341, mcause = 0x342;
    // x9 = handler, which lies behind a jump over it
    p.code.word(encode("auipc", 9, 0, 0)).imm("addi", 9, 9, 12);
    p.code.word(encode("jal", 0, 0, 0) | ((4 + 5 * 4) << 20));
    p.code.imm("csrrs", 8, 0, mcause).imm("csrrs", 10, 0, mepc).imm("addi", 10, 10, 4);
    p.code.imm("csrrw", 0, 10, mepc).op("mret");
    p.code.imm("csrrw", 0, 9, mtvec).op(name);
    p.store(8, cause);
    // wfi goes on at once, because the wake-up interrupt is still pending and enabled.
    p.code.op("wfi").imm("addi", 8, 0, 7);
    p.store(8, 7);
    p.finish(name);
  }
}

TEST(Control, CsrInstructions) {
  Program p;
  constexpr int mscratch = 0x340;
  p.code.li(6, 0xf0f0).imm("csrrw", 8, 6, mscratch);
  p.store(8, 0);
  p.code.li(6, 0x000f).imm("csrrs", 8, 6, mscratch);
  p.store(8, 0xf0f0);
  p.code.li(6, 0xf000).imm("csrrc", 8, 6, mscratch);
  p.store(8, 0xf0ff);
  p.code.imm("csrrwi", 8, 21, mscratch);  // the register field is the operand
  p.store(8, 0x00ff);
  // The disassembler's name csrrsi belongs to two rows, of which the stream switch comes first.
  p.code.word((0x340u << 20) | (10u << 15) | (6u << 12) | (8u << 7) | 0x73);
  p.store(8, 21);
  p.code.word((0x340u << 20) | (1u << 15) | (7u << 12) | (8u << 7) | 0x73);
  p.store(8, 31);
  p.code.imm("csrrs", 8, 0, mscratch);
  p.store(8, 30);
  p.code.imm("csrrs", 8, 0, 0x123);  // unknown registers read as zero
  p.store(8, 0);
  p.code.op("fence").op("fence.i");
  p.finish("csr");
}

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

// --- Extensions whose effect is on other units: frep, streams and DMA are run in test_units.cpp;
// here it is only made sure that no row is forgotten.
TEST(Extensions, AreAllNamed) {
  const char* known[] = {"frep.o", "frep.i", "scfgwi", "scfgri", "scfgw",   "scfgr",
                         "dmsrc",  "dmdst",  "dmcpyi", "dmcpy",  "dmstati", "dmstat",
                         "dmstr",  "dmrep",  "dmuser", "csrrsi", "csrrci"};
  for (const Row& row : decoder_rows()) {
    const bool extension = row.unit == Unit::frep || row.unit == Unit::stream_config ||
                           row.unit == Unit::dma || row.unit == Unit::stream_csr;
    if (!extension) continue;
    bool found = false;
    for (const char* name : known) found = found || row.name == name;
    EXPECT_TRUE(found) << row.name;
  }
}

// Encodings that were executed on the hardware, with what they are.
TEST(Encodings, AreThoseOfTheHardware) {
  const std::pair<uint32_t, const char*> words[] = {
      {0x0405202b, "scfgwi a0, dm0, word 2"},
      {0x3825202b, "scfgwi a0, dm2, word 28"},
      {0x7c00e073, "csrrsi 0x7c0, 1"},
      {0x7c00f073, "csrrci 0x7c0, 1"},
      {0x7c202073, "csrrs zero, 0x7c2, zero"},
      {0x0072808b, "frep.o t0, 8"},
      {0x0002b18b, "frep.o t0, 1, 3, 0x1"},
      {0x0005002b, "dmsrc a0, zero"},
      {0x0205002b, "dmdst a0, zero"},
      {0x0405852b, "dmcpyi a0, a1, 0"},
      {0x0425852b, "dmcpyi a0, a1, 2"},
      {0x0820052b, "dmstati a0, 2"},
      {0x0cb5002b, "dmstr a0, a1"},
      {0x0e05002b, "dmrep a0"},
      {0x82c58533, "vfadd.s fa0, fa1, fa2"},
      {0x84c58533, "vfsub.s fa0, fa1, fa2"},
      {0x86c58533, "vfmul.s fa0, fa1, fa2"},
      {0x86c5c533, "vfmul.r.s fa0, fa1, fa2"},
      {0x8ac58533, "vfmin.s fa0, fa1, fa2"},
      {0x8cc58533, "vfmax.s fa0, fa1, fa2"},
      {0x90c58533, "vfmac.s fa0, fa1, fa2"},
      {0x90c5c533, "vfmac.r.s fa0, fa1, fa2"},
      {0xb0c58533, "vfcpka.s.s fa0, fa1, fa2"},
      {0x8fc58533, "vfsum.s fa0, fa1"},
      {0x96c58533, "vfdotpex.s.h fa0, fa1, fa2"},
      {0xbac58533, "vfndotpex.s.h fa0, fa1, fa2"},
      {0x00158513, "addi a0, a1, 1"},
      {0x0085a503, "lw a0, 8(a1)"},
      {0x00a5b427, "fsd fa0, 8(a1)"},
      {0xfe0598e3, "bne a1, zero, 0xfffffff0"},
  };
  for (const auto& [word, text] : words) EXPECT_EQ(disassemble(decode(word), 0), text);
}

TEST(Encodings, DoNotOverlap) {
  const std::vector<Row>& rows = decoder_rows();
  for (size_t i = 0; i < rows.size(); i++) {
    // A row must win for its own pattern; earlier rows may only be more special ones.
    const Instruction found = decode(rows[i].match);
    EXPECT_TRUE(found.row == &rows[i] || found.row->name == rows[i].name)
        << rows[i].name << " is decoded as " << found.row->name;
  }
}

}  // namespace
}  // namespace snitch::test
