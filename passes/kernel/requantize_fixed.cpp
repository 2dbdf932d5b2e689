// Rescales sums with integers only, for cores without an FPU: what was round(f32(acc) * m) becomes
// a product with a 31-bit multiplier, shifted and rounded once.
//
// Asked for by --requantize fixed. The multiplier is m to 31 bits and halves are rounded up, so a
// result differs from the real-valued one by at most one step, and only next to a half. Sums of
// several scaled integers (a residual) are made with extra bits and rounded once. What has another
// form stays as it is.
#include <algorithm>
#include <cmath>

#include "passes/kernel/fusion.h"
#include "passes/kernel/known_values.h"
#include "passes/kernel/scaled_form.h"
#include "passes/pass.h"

namespace mlfc {
namespace {

constexpr double kMostExtraBits = 16;
constexpr double kRoom = 0x1p30;              // of all terms together, so that they fit 32 bits
constexpr double kBeyondEveryLimit = 0x1p20;  // sums further out saturate in any case

// number * factor, or a known real when there is no number.
struct Term {
  Expr number = {};  ///< i32
  Expr factor = {};  ///< known f32
  double largest_factor = 0;
  double largest_number = INFINITY;
};

class Rescaling {
 public:
  explicit Rescaling(KnownValues& known) : known_(known) {}

  // round(value), limited, in integers; empty when the value has another form.
  Expr of(const Expr& value, int64_t low, int64_t high) {
    terms_.clear();
    if (!split(value, false)) return {};
    const int bits = terms_.size() == 1 ? 0 : extra_bits();
    if (bits < 0) return {};
    Expr sum;
    for (const Term& term : terms_) {
      const Expr scaled = in_steps(term, bits);
      if (scaled.empty()) return {};
      sum = sum.empty() ? scaled : sum + scaled;
    }
    if (bits > 0) sum = call_expr("rescale_once", {sum, literal(1 << 30), literal(1 - bits)});
    return min_expr(max_expr(literal(low), sum), literal(high));
  }

 private:
  static Expr literal(int64_t value) { return integer_expr(value, DType::i32); }

  bool split(const Expr& value, bool is_negative) {
    if (terms_.size() > 4) return false;
    if (is_call(value, "add")) {
      return split(value->args[0], is_negative) && split(value->args[1], is_negative);
    }
    if (is_call(value, "sub")) {
      return split(value->args[0], is_negative) && split(value->args[1], !is_negative);
    }
    Term term;
    if (known_.knows(value)) {
      term.factor = value;
    } else if (is_call(value, "mul") && known_.knows(value->args[1])) {
      term = {.number = integer_of(value->args[0]), .factor = value->args[1]};
    } else if (is_call(value, "mul") && known_.knows(value->args[0])) {
      term = {.number = integer_of(value->args[1]), .factor = value->args[0]};
    } else {
      term = {.number = integer_of(value), .factor = real_expr(1, DType::f32)};
    }
    if (!known_.knows(value) && term.number.empty()) return false;
    if (is_negative) {
      if (term.number.empty()) return false;
      term.number = literal(0) - term.number;
    }
    return measure(term);
  }

  static Expr integer_of(const Expr& value) {
    const bool widens = value->kind == ExprKind::cast && value->args[0].dtype() == DType::i32;
    return widens ? value->args[0] : Expr();
  }

  bool measure(Term term) {
    const auto [low, high] = known_.extremes(term.factor);
    if (!std::isfinite(low) || !std::isfinite(high)) return false;
    term.largest_factor = std::max(std::fabs(low), std::fabs(high));
    if (!term.number.empty()) {
      if (low <= 0 || high > 0x1p10 || low < 0x1p-28) return false;
      if (const auto range = value_range(term.number)) {
        term.largest_number = static_cast<double>(std::max(-range->first, range->last));
      }
    } else if (term.largest_factor > kBeyondEveryLimit) {
      return false;
    }
    terms_.push_back(term);
    return true;
  }

  // Extra bits that all terms have room for; a sum whose range is not known is limited first.
  int extra_bits() const {
    double bits = kMostExtraBits;
    const double room = kRoom / static_cast<double>(terms_.size());
    for (const Term& term : terms_) {
      double largest = term.largest_factor;
      if (!term.number.empty()) {
        largest = std::min(term.largest_factor * term.largest_number, kBeyondEveryLimit);
      }
      if (largest > 0) bits = std::min(bits, std::floor(std::log2(room / largest)));
    }
    return bits < 4 ? -1 : static_cast<int>(bits);
  }

  // A term as an integer, in units of 2^-bits.
  Expr in_steps(const Term& term, int bits) {
    const std::vector<Axis> axes = known_.axes_of(term.factor);
    const Tensor factors = known_.evaluated(term.factor);
    Tensor first(TensorType{DType::i32, factors.type.shape, {}}), second = first;
    for (int64_t i = 0; i < factors.type.elements(); ++i) {
      const double scaled = std::ldexp(factors.real(i), bits);
      if (term.number.empty()) {
        first.set_integer(i, std::llrint(scaled));
        continue;
      }
      int shift = 0;
      int64_t multiplier = std::llrint(std::ldexp(std::frexp(scaled, &shift), 31));
      if (multiplier == int64_t{1} << 31) {
        multiplier /= 2;
        ++shift;
      }
      if (shift < -30 || shift > 30) return {};
      first.set_integer(i, multiplier);
      second.set_integer(i, shift);
    }
    const Expr multiplier = wide(known_.constant(std::move(first), axes, "multiplier"));
    if (term.number.empty()) return multiplier;
    const Expr shift = wide(known_.constant(std::move(second), axes, "shift"));
    return call_expr("rescale_once", {limited(term), multiplier, shift});
  }

  static Expr wide(const Expr& value) { return cast_expr(DType::i32, value); }

  // The product must fit; what is beyond every limit may be taken for the limit.
  Expr limited(const Term& term) const {
    const bool shrinks = terms_.size() == 1 && term.largest_factor < 1;
    if (shrinks || term.largest_number * term.largest_factor < kBeyondEveryLimit)
      return term.number;
    const auto limit =
        static_cast<int64_t>(std::min(std::floor(kBeyondEveryLimit / term.largest_factor), 0x1p30));
    return min_expr(max_expr(literal(-limit), term.number), literal(limit));
  }

  KnownValues& known_;
  std::vector<Term> terms_ = {};
};

// i32(round_even(min(max(low, x), high))), as fold-quantization leaves it.
Expr in_integers(const Expr& part, KnownValues& known) {
  const bool rounds = part->kind == ExprKind::cast && part.dtype() == DType::i32 &&
                      is_call(part->args[0], "round_even");
  if (!rounds) return {};
  const Expr& least = part->args[0]->args[0];
  if (!is_call(least, "min") || !is_call(least->args[0], "max")) return {};
  const Expr& high = least->args[1];
  const Expr& low = least->args[0]->args[0];
  const bool limits = high->kind == ExprKind::constant && low->kind == ExprKind::constant;
  if (!limits) return {};
  return Rescaling(known).of(least->args[0]->args[1], static_cast<int64_t>(low->real),
                             static_cast<int64_t>(high->real));
}

void requantize_fixed(Graph& graph, const PassContext& context) {
  if (context.options.requantize != "fixed") return;
  for (const auto& node : graph.nodes) {
    for (const auto& region : node->regions) requantize_fixed(*region, context);
    if (!node->kernel || node->is_free) continue;
    KnownValues known(graph, *node);
    for (Stage& stage : node->kernel->stages) {
      if (!stage.store) continue;
      stage.store->value =
          rewritten(stage.store->value, [&](const Expr& part) { return in_integers(part, known); });
    }
    drop_unread_inputs(*node);
  }
  graph.remove_unused();
}

const Pass pass{
    .name = "requantize-fixed",
    .level = Level::kernel,
    .summary = "Rescale with integers only, where --requantize fixed asks for it.",
    .run = requantize_fixed,
};
const RegisteredPass registered{pass};

}  // namespace
}  // namespace mlfc
