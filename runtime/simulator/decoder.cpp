// Decoding: expands the instruction table to one row per instruction and format, sorts the rows by
// opcode, and takes an instruction word apart into the fields its row declares.
#include "decoder.h"

#include <array>

#include "instruction_table.h"

namespace snitch {
namespace {

std::string without_spaces(const char* pattern) {
  std::string text;
  for (const char* c = pattern; *c; c++)
    if (*c != ' ') text += *c;
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

void add_row(std::vector<Row>& rows, const TableLine& entry, const std::string& name,
             const std::string& pattern, Format source, Format result, uint32_t traits,
             Feature feature) {
  Row row{name, 0, 0, entry.op, entry.unit, traits, source, result, entry.group, feature};
  for (size_t i = 0; i < 32; i++) {
    if (pattern[i] == '.') continue;
    row.mask |= 0x80000000u >> i;
    if (pattern[i] == '1') row.match |= 0x80000000u >> i;
  }
  // Lines written out before a family take the place of the family's row.
  for (const Row& other : rows)
    if (other.mask == row.mask && other.match == row.match) return;
  rows.push_back(row);
}

struct Variant {
  const char* letter;
  Format format;
  const char* scalar;
  const char* vector;
};
constexpr std::array<Variant, 4> variants = {{{"s", Format::f32, "00", "00"},
                                              {"d", Format::f64, "01", ""},
                                              {"h", Format::f16, "10", "10"},
                                              {"b", Format::f8, "11", "11"}}};

void expand(std::vector<Row>& rows, const TableLine& entry) {
  const std::string pattern = without_spaces(entry.pattern);
  const bool is_scalar = pattern.find("ff") != std::string::npos;
  const bool is_vector = pattern.find("vvv") != std::string::npos;
  const size_t half = pattern.find('u');
  if (half != std::string::npos) {  // the u forms take the upper half as their source
    for (const char* bit : {"0", "1"}) {
      const bool up = *bit == '1';
      const std::string name = up ? replaced(entry.name, "vfcvt", "vfcvtu") : entry.name;
      add_row(rows, entry, name, replaced(pattern, "u", bit), entry.source, entry.result,
              entry.traits | (up ? upper : 0u), entry.feature);
    }
    return;
  }
  if (!is_scalar && !is_vector) {
    add_row(rows, entry, entry.name, pattern, entry.source, entry.result, entry.traits,
            entry.feature);
    return;
  }
  for (const Variant& v : variants) {
    if (is_scalar) {
      const bool is_small = v.format == Format::f16 || v.format == Format::f8;
      const Feature feature =
          is_small && entry.feature == Feature::base ? Feature::simd : entry.feature;
      add_row(rows, entry, replaced(entry.name, "%", v.letter), replaced(pattern, "ff", v.scalar),
              v.format, v.format, entry.traits, feature);
      continue;
    }
    if (v.format == Format::f64) continue;
    const Feature feature = entry.feature == Feature::base ? Feature::simd : entry.feature;
    for (const char* bit : {"0", "1"}) {
      const bool repeat = *bit == '1';
      add_row(rows, entry, replaced(entry.name, "%", std::string(repeat ? "r." : "") + v.letter),
              replaced(pattern, "vvv", std::string(bit) + v.vector), v.format, v.format,
              entry.traits | vector | (repeat ? replicate : 0u), feature);
    }
  }
}

std::vector<Row> expand_all() {
  std::vector<Row> rows;
  for (const TableLine& entry : instruction_table()) expand(rows, entry);
  return rows;
}

// Rows by major opcode, so that decoding looks at a few dozen rows at most.
std::array<std::vector<const Row*>, 128> sort_by_opcode() {
  std::array<std::vector<const Row*>, 128> buckets;
  for (const Row& row : decoder_rows()) buckets[row.match & 0x7f].push_back(&row);
  return buckets;
}

int32_t bits(uint32_t word, int high, int low) {
  return static_cast<int32_t>((word >> low) & ((1u << (high - low + 1)) - 1));
}

int32_t immediate(const Row& row, uint32_t word) {
  const auto signed_word = static_cast<int32_t>(word);
  switch (row.unit) {
    case Unit::branch:
      return ((signed_word >> 31) * 4096) | (bits(word, 7, 7) << 11) | (bits(word, 30, 25) << 5) |
             (bits(word, 11, 8) << 1);
    case Unit::store:
    case Unit::fp_store:
      return ((signed_word >> 25) * 32) | bits(word, 11, 7);
    case Unit::csr:
    case Unit::stream_csr:
    case Unit::stream_config:
      return bits(word, 31, 20);
    case Unit::frep:
      return bits(word, 30, 20);
    case Unit::amo:
      return 0;
    default:
      break;
  }
  if (row.op == Op::lui || row.op == Op::auipc) return static_cast<int32_t>(word & 0xfffff000u);
  if (row.op == Op::jal)
    return ((signed_word >> 31) * 1048576) | (bits(word, 19, 12) << 12) |
           (bits(word, 20, 20) << 11) | (bits(word, 30, 21) << 1);
  if (row.op == Op::slli || row.op == Op::srli || row.op == Op::srai) return bits(word, 24, 20);
  return signed_word >> 20;
}

}  // namespace

const std::vector<Row>& decoder_rows() {
  static const std::vector<Row> rows = expand_all();
  return rows;
}

Instruction decode(uint32_t word) {
  static const auto buckets = sort_by_opcode();
  Instruction result;
  result.word = word;
  for (const Row* row : buckets[word & 0x7f]) {
    if ((word & row->mask) != row->match) continue;
    // Rounding modes 5 and 6 are reserved.
    const int mode = bits(word, 14, 12);
    if ((row->traits & rounded) && (mode == 5 || mode == 6)) return result;
    result.row = row;
    result.traits = row->traits;
    result.op = row->op;
    result.unit = row->unit;
    result.group = row->group;
    result.feature = row->feature;
    result.source = row->source;
    result.result = row->result;
    result.rd = static_cast<uint8_t>(bits(word, 11, 7));
    result.rs1 = static_cast<uint8_t>(bits(word, 19, 15));
    result.rs2 = static_cast<uint8_t>(bits(word, 24, 20));
    result.rs3 = static_cast<uint8_t>(bits(word, 31, 27));
    result.imm = immediate(*row, word);
    if (result.has(writes_x)) result.x_use |= 1u << result.rd;
    if (result.has(reads_x1)) result.x_use |= 1u << result.rs1;
    if (result.has(reads_x2)) result.x_use |= 1u << result.rs2;
    result.x_use &= ~1u;
    return result;
  }
  return result;
}

}  // namespace snitch
