// The instructions, and the comparison of a loop nest with what one of them means.
#include "codegen/c/c_instructions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

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

std::string one_vector(const Width& width, std::string_view dot, int64_t lane) {
  const std::string sums = at("sums", lane), weights = at("weights", kGroup * lane);
  const std::string store =
      fmt::format("{}_storeu_{}(({}*)(void*){}, ", width.prefix, width.suffix, width.vector, sums);
  if (!dot.empty()) {
    return fmt::format("  {}{}_{}({}, x{}, {}));\n", store, width.prefix, dot, loaded(width, sums),
                       width.lanes, loaded(width, weights));
  }
  // Bytes 0 and 2 of each lane, then 1 and 3: sums of two such products cannot overflow.
  return fmt::format(
      "  {{\n"
      "    const {0} w = {1};\n"
      "    const {0} w02 = {2}_srai_epi16({2}_slli_epi16(w, 8), 8), w13 = {2}_srai_epi16(w, 8);\n"
      "    const {0} p02 = {2}_madd_epi16(x{3}_02, w02), p13 = {2}_madd_epi16(x{3}_13, w13);\n"
      "    {4}{2}_add_epi32({5}, {2}_add_epi32(p02, p13)));\n"
      "  }}\n",
      width.vector, loaded(width, weights), width.prefix, width.lanes, store, loaded(width, sums));
}

std::string body_of(const Family& family, int64_t lanes) {
  std::string spreads, sums;
  int64_t lane = 0;
  for (const Width& width : family.widths) {
    if (lanes - lane < width.lanes) continue;
    spreads += spread(width, !family.dot.empty());
    for (; lanes - lane >= width.lanes; lane += width.lanes) {
      sums += one_vector(width, family.dot, lane);
    }
  }
  return "  int32_t bytes;\n  memcpy(&bytes, data, sizeof bytes);\n" + spreads + sums;
}

std::string dot4_source(const std::string& name, int64_t lanes) {
  std::string text = fmt::format(
      "#if defined(__SSE2__)\n"
      "#include <immintrin.h>\n"
      "#endif\n"
      "static inline void {}(const uint8_t* data, const int8_t* weights, int32_t* sums) {{\n",
      name);
  std::string_view directive = "#if";
  for (const Family& family : families()) {
    text += fmt::format("{} {}\n{}", directive, family.condition, body_of(family, lanes));
    directive = "#elif";
  }
  text += fmt::format(
      "#else\n"
      "  for (int32_t lane = 0; lane < {}; lane++) {{\n"
      "    const int8_t* w = weights + 4 * lane;\n"
      "    const int32_t sum = data[0] * w[0] + data[1] * w[1] + data[2] * w[2] + data[3] * w[3];\n"
      "    sums[lane] = (int32_t)((uint32_t)sums[lane] + (uint32_t)sum);\n"
      "  }}\n"
      "#endif\n"
      "}}\n",
      lanes);
  return text;
}

// --- comparing ---------------------------------------------------------------------------------

class Matcher {
 public:
  Matcher(const Instruction& instruction, const PlaceOf& place_of,
          const std::function<DType(const std::string&)>& dtype_of)
      : instruction_(instruction), place_of_(place_of), dtype_of_(dtype_of) {}

  bool same_stmt(const Stmt& wanted, const Stmt& stmt) {
    if (wanted.kind != stmt.kind) return false;
    if (wanted.kind == StmtKind::loop) return same_loop(wanted, stmt);
    return wanted.combine == stmt.combine && same_expr(wanted.value, stmt.value) &&
           same_place(wanted.name, wanted.indices, stmt.name, stmt.indices);
  }

  std::optional<std::vector<Operand>> operands() const {
    std::vector<Operand> all;
    for (const Param& param : instruction_.operands) {
      const auto found = operands_.find(param.name);
      if (found == operands_.end()) return std::nullopt;
      all.push_back(found->second);
    }
    return all;
  }

 private:
  bool same_loop(const Stmt& wanted, const Stmt& stmt) {
    const bool alike = same(wanted.begin, stmt.begin) && same(wanted.end, stmt.end) &&
                       wanted.step == stmt.step && wanted.body.size() == stmt.body.size();
    if (!alike) return false;
    axes_[wanted.name] = stmt.name;
    for (size_t i = 0; i < wanted.body.size(); ++i) {
      if (!same_stmt(wanted.body[i], stmt.body[i])) return false;
    }
    return true;
  }

  bool same_expr(const Expr& wanted, const Expr& expr) {
    if (wanted->kind != expr->kind || wanted.dtype() != expr.dtype()) return false;
    if (wanted->kind == ExprKind::read) {
      return expr->otherwise.empty() &&
             same_place(wanted->name, wanted->args, expr->name, expr->args);
    }
    if (wanted->function != expr->function || wanted->args.size() != expr->args.size())
      return false;
    for (size_t i = 0; i < wanted->args.size(); ++i) {
      if (!same_expr(wanted->args[i], expr->args[i])) return false;
    }
    return !wanted->args.empty();
  }

  // The same way through storage along the instruction's axes; the rest is where the operand
  // begins.
  bool same_place(const std::string& operand, const std::vector<Expr>& wanted,
                  const std::string& tensor, const std::vector<Expr>& indices) {
    const auto param = std::find_if(instruction_.operands.begin(), instruction_.operands.end(),
                                    [&](const Param& p) { return p.name == operand; });
    if (dtype_of_(tensor) != param->type.dtype) return false;
    const std::optional<Affine> steps = affine_of(wanted[0]);
    std::optional<Affine> place = affine_of(place_of_(tensor, indices));
    if (!place) return false;
    for (const auto& [axis, here] : axes_) {
      if (place->of(here) != steps->of(axis)) return false;
      place->coefficients.erase(here);
    }
    operands_[operand] = {tensor, to_expr(*place)};
    return true;
  }

  const Instruction& instruction_;
  const PlaceOf& place_of_;
  const std::function<DType(const std::string&)>& dtype_of_;
  std::map<std::string, std::string> axes_ = {};  ///< the instruction's axis -> the nest's
  std::map<std::string, Operand> operands_ = {};
};

}  // namespace

Instruction dot4(int64_t lanes) {
  const Expr lane = axis_expr("lane"), k = axis_expr("k");
  const auto widened = [](const std::string& name, DType dtype, const Expr& index) {
    return cast_expr(DType::i32, read_expr(name, dtype, {index}));
  };
  const Expr product =
      widened("data", DType::u8, k) * widened("weights", DType::i8, lane * Expr(kGroup) + k);
  Instruction instruction;
  instruction.name = fmt::format("mlfc_dot4_x{}", lanes);
  instruction.operands = {{.name = "data", .type = {DType::u8, {kGroup}, {}}},
                          {.name = "weights", .type = {DType::i8, {kGroup * lanes}, {}}},
                          {.name = "sums", .type = {DType::i32, {lanes}, {}}}};
  instruction.meaning = loop_stmt(
      "lane", 0, lanes,
      {loop_stmt("k", 0, kGroup, {accumulate_stmt("sums", {lane}, Combine::sum, product)})});
  instruction.c_source = dot4_source(instruction.name, lanes);
  return instruction;
}

std::optional<std::vector<Operand>> matched(
    const Instruction& instruction, const Stmt& nest, const PlaceOf& place_of,
    const std::function<DType(const std::string&)>& dtype_of) {
  Matcher matcher(instruction, place_of, dtype_of);
  return matcher.same_stmt(instruction.meaning, nest) ? matcher.operands() : std::nullopt;
}

std::optional<Instruction> candidate_for(const Stmt& nest) {
  const bool is_nest = nest.kind == StmtKind::loop && nest.body.size() == 1 &&
                       nest.body[0].kind == StmtKind::loop && nest.end->kind == ExprKind::constant;
  if (!is_nest) return std::nullopt;
  const int64_t lanes = nest.end->integer;
  const bool fits = lanes >= kGroup && lanes <= kMostLanes && lanes % 4 == 0;
  return fits ? std::optional(dot4(lanes)) : std::nullopt;
}

}  // namespace mlfc
