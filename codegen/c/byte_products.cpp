// See the header.
#include "codegen/c/byte_products.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace mlfc {
namespace {

constexpr int64_t kGroup = 4;  // bytes that one instruction multiplies and adds per lane
constexpr int64_t kMostLanes = 64;

// One width of vector registers: how its intrinsics are spelled.
struct Width {
  int64_t lanes = 0;
  std::string_view vector = {};  ///< the C type
  std::string_view prefix = {};  ///< of the intrinsics
  std::string_view suffix = {};  ///< of those that work on the whole register
};

constexpr Width k512{16, "__m512i", "_mm512", "si512"};
constexpr Width k256{8, "__m256i", "_mm256", "si256"};
constexpr Width k128{4, "__m128i", "_mm", "si128"};

// One family of machines: its widths, widest first, and its instruction.
struct Family {
  std::string_view condition = {};
  std::vector<Width> widths = {};
  std::string_view dot = {};  ///< the instruction after the prefix; empty: made of 16-bit products
};

std::vector<Family> families() {
  return {{"defined(__AVX512VNNI__) && defined(__AVX512VL__)", {k512, k256, k128}, "dpbusd_epi32"},
          {"defined(__AVXVNNI__)", {k256, k128}, "dpbusd_avx_epi32"},
          {"defined(__AVX2__)", {k256, k128}, ""},
          {"defined(__SSE2__)", {k128}, ""}};
}

std::string at(std::string_view pointer, int64_t offset) {
  return offset == 0 ? std::string(pointer) : fmt::format("({} + {})", pointer, offset);
}

std::string loaded(const Width& width, const std::string& pointer) {
  return fmt::format("{}_loadu_{}((const {}*)(const void*){})", width.prefix, width.suffix,
                     width.vector, pointer);
}

std::string stored(const Width& width, const std::string& pointer, const std::string& value) {
  return fmt::format("{}_storeu_{}(({}*)(void*){}, {});\n", width.prefix, width.suffix,
                     width.vector, pointer, value);
}

// What the vectors of a function share, for each width of registers that it uses.
using Shared = std::function<std::string(const std::vector<Width>& used, std::string_view dot)>;
using Vector = std::function<std::string(const Width& width, std::string_view dot, int64_t lane)>;

// The C function: a branch for every family, and the plain loop for everybody else.
std::string function_text(const std::string& name, int64_t lanes, const Shared& shared,
                          const Vector& vector, const std::string& plain) {
  std::string text = fmt::format(
      "#if defined(__SSE2__)\n"
      "#include <immintrin.h>\n"
      "#endif\n"
      "static inline void {}(const uint8_t* data, const int8_t* weights, int32_t* sums) {{\n",
      name);
  std::string_view directive = "#if";
  for (const Family& family : families()) {
    std::vector<Width> used;
    std::string vectors;
    int64_t lane = 0;
    for (const Width& width : family.widths) {
      if (lanes - lane >= width.lanes) used.push_back(width);
      for (; lanes - lane >= width.lanes; lane += width.lanes) {
        vectors += vector(width, family.dot, lane);
      }
    }
    text +=
        fmt::format("{} {}\n{}{}", directive, family.condition, shared(used, family.dot), vectors);
    directive = "#elif";
  }
  return text + "#else\n" + plain + "#endif\n}\n";
}

// --- dot4 ----------------------------------------------------------------------------------------

// The four bytes in every lane; where there is no instruction, as pairs of 16 bits.
std::string spread(const Width& width, bool fused) {
  const std::string four = fmt::format("  const {0} x{1} = {2}_set1_epi32(bytes);\n", width.vector,
                                       width.lanes, width.prefix);
  if (fused) return four;
  return four + fmt::format(
                    "  const {0} x{1}_02 = {2}_and_{3}(x{1}, {2}_set1_epi16(255));\n"
                    "  const {0} x{1}_13 = {2}_srli_epi16(x{1}, 8);\n",
                    width.vector, width.lanes, width.prefix, width.suffix);
}

std::string dot_vector(const Width& width, std::string_view dot, int64_t lane) {
  const std::string sums = at("sums", lane), weights = at("weights", kGroup * lane);
  if (!dot.empty()) {
    return "  " + stored(width, sums,
                         fmt::format("{}_{}({}, x{}, {})", width.prefix, dot, loaded(width, sums),
                                     width.lanes, loaded(width, weights)));
  }
  // Bytes 0 and 2 of each lane, then 1 and 3: sums of two such products cannot overflow.
  return fmt::format(
             "  {{\n"
             "    const {0} w = {1};\n"
             "    const {0} w02 = {2}_srai_epi16({2}_slli_epi16(w, 8), 8), w13 = "
             "{2}_srai_epi16(w, 8);\n"
             "    const {0} p02 = {2}_madd_epi16(x{3}_02, w02), p13 = {2}_madd_epi16(x{3}_13, "
             "w13);\n",
             width.vector, loaded(width, weights), width.prefix, width.lanes) +
         "    " +
         stored(width, sums,
                fmt::format("{0}_add_epi32({1}, {0}_add_epi32(p02, p13))", width.prefix,
                            loaded(width, sums))) +
         "  }\n";
}

std::string dot4_source(const std::string& name, int64_t lanes) {
  const auto data = [](const std::vector<Width>& used, std::string_view dot) {
    std::string text = "  int32_t bytes;\n  memcpy(&bytes, data, sizeof bytes);\n";
    for (const Width& width : used) text += spread(width, !dot.empty());
    return text;
  };
  const std::string plain = fmt::format(
      "  for (int32_t lane = 0; lane < {}; lane++) {{\n"
      "    const int8_t* w = weights + 4 * lane;\n"
      "    const int32_t sum = data[0] * w[0] + data[1] * w[1] + data[2] * w[2] + data[3] * w[3];\n"
      "    sums[lane] = (int32_t)((uint32_t)sums[lane] + (uint32_t)sum);\n"
      "  }}\n",
      lanes);
  return function_text(name, lanes, data, dot_vector, plain);
}

// --- multiply4 -----------------------------------------------------------------------------------

// Which byte of every lane counts.
constexpr int32_t kMasks[] = {0xff, 0xff00, 0xff0000, -0x1000000};

std::string multiply_vector(const Width& width, std::string_view dot, int64_t lane, int64_t lanes) {
  std::string text = fmt::format(
      "  {{\n"
      "    const {0} x = {1};\n"
      "    const {0} w = {2};\n",
      width.vector, loaded(width, at("data", kGroup * lane)),
      loaded(width, at("weights", kGroup * lane)));
  const auto add = [&](int64_t k, const std::string& value) {
    text += "    " + stored(width, at("sums", k * lanes + lane), value);
  };
  const auto sums = [&](int64_t k) { return loaded(width, at("sums", k * lanes + lane)); };
  if (!dot.empty()) {
    for (int64_t k = 0; k < kGroup; ++k) {
      add(k, fmt::format("{0}_{1}({2}, x, {0}_and_{3}(w, {0}_set1_epi32({4})))", width.prefix, dot,
                         sums(k), width.suffix, kMasks[k]));
    }
    return text + "  }\n";
  }
  // A product of an unsigned and a signed byte has 16 bits; two of them share a lane.
  text += fmt::format(
      "    const {0} p02 = {1}_mullo_epi16({1}_and_{2}(x, {1}_set1_epi16(255)), "
      "{1}_srai_epi16({1}_slli_epi16(w, 8), 8));\n"
      "    const {0} p13 = {1}_mullo_epi16({1}_srli_epi16(x, 8), {1}_srai_epi16(w, 8));\n",
      width.vector, width.prefix, width.suffix);
  for (int64_t k = 0; k < kGroup; ++k) {
    const std::string_view pair = k % 2 == 0 ? "p02" : "p13";
    const std::string left =
        k < 2 ? fmt::format("{}_slli_epi32({}, 16)", width.prefix, pair) : std::string(pair);
    add(k, fmt::format("{0}_add_epi32({1}, {0}_srai_epi32({2}, 16))", width.prefix, sums(k), left));
  }
  return text + "  }\n";
}

std::string multiply4_source(const std::string& name, int64_t lanes) {
  const auto nothing = [](const std::vector<Width>&, std::string_view) { return std::string(); };
  const auto vector = [&](const Width& width, std::string_view dot, int64_t lane) {
    return multiply_vector(width, dot, lane, lanes);
  };
  std::string plain = fmt::format(
      "  for (int32_t lane = 0; lane < {}; lane++) {{\n"
      "    const uint8_t* x = data + 4 * lane;\n"
      "    const int8_t* w = weights + 4 * lane;\n"
      "    int32_t* s = sums + lane;\n",
      lanes);
  for (int64_t k = 0; k < kGroup; ++k) {
    plain += fmt::format(
        "    s[{0}] = (int32_t)((uint32_t)s[{0}] + (uint32_t)(x[{1}] * w[{1}]));\n", k * lanes, k);
  }
  return function_text(name, lanes, nothing, vector, plain + "  }\n");
}

// --- as loops ------------------------------------------------------------------------------------

Expr widened(const std::string& name, DType dtype, const Expr& index) {
  return cast_expr(DType::i32, read_expr(name, dtype, {index}));
}

std::vector<Param> operands(int64_t data, int64_t lanes, int64_t sums) {
  return {{.name = "data", .type = {DType::u8, {data}, {}}},
          {.name = "weights", .type = {DType::i8, {kGroup * lanes}, {}}},
          {.name = "sums", .type = {DType::i32, {sums}, {}}}};
}

}  // namespace

Instruction dot4(int64_t lanes) {
  const Expr lane = axis_expr("lane"), k = axis_expr("k");
  const Expr product =
      widened("data", DType::u8, k) * widened("weights", DType::i8, lane * Expr(kGroup) + k);
  Instruction instruction;
  instruction.name = fmt::format("mlfc_dot4_x{}", lanes);
  instruction.operands = operands(kGroup, lanes, lanes);
  instruction.meaning = loop_stmt(
      "lane", 0, lanes,
      {loop_stmt("k", 0, kGroup, {accumulate_stmt("sums", {lane}, Combine::sum, product)})});
  instruction.c_source = dot4_source(instruction.name, lanes);
  return instruction;
}

Instruction multiply4(int64_t lanes) {
  const Expr lane = axis_expr("lane"), k = axis_expr("k");
  const Expr place = lane * Expr(kGroup) + k;
  const Expr product = widened("data", DType::u8, place) * widened("weights", DType::i8, place);
  const Stmt add = accumulate_stmt("sums", {lane + k * Expr(lanes)}, Combine::sum, product);
  Instruction instruction;
  instruction.name = fmt::format("mlfc_multiply4_x{}", lanes);
  instruction.operands = operands(kGroup * lanes, lanes, kGroup * lanes);
  instruction.meaning = loop_stmt("lane", 0, lanes, {loop_stmt("k", 0, kGroup, {add})});
  instruction.c_source = multiply4_source(instruction.name, lanes);
  return instruction;
}

std::optional<Instruction> candidate_for(const Stmt& nest) {
  const bool is_nest = nest.kind == StmtKind::loop && nest.body.size() == 1 &&
                       nest.body[0].kind == StmtKind::loop && nest.body[0].body.size() == 1 &&
                       nest.end->kind == ExprKind::constant;
  if (!is_nest) return std::nullopt;
  const int64_t lanes = nest.end->integer;
  const Stmt &inner = nest.body[0], &add = inner.body[0];
  const bool fits = lanes >= kGroup && lanes <= kMostLanes && lanes % 4 == 0;
  if (!fits || add.kind != StmtKind::accumulate) return std::nullopt;
  const bool shares_sums =
      std::none_of(add.indices.begin(), add.indices.end(),
                   [&](const Expr& index) { return mentions_axis(index, inner.name); });
  return shares_sums ? dot4(lanes) : multiply4(lanes);
}

}  // namespace mlfc
