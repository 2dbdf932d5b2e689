// Mixed precision: finds out which roundings the outputs' error comes from, and gives values 16
// bits or computes layers in float until the error is as small as it must be.
#include <algorithm>
#include <cmath>

#include "frontend/cli/quantizer.h"
#include "ir/error.h"

namespace mlfc {

RoundingSwitches& Quantizer::switches() {
  if (!switches_) {
    const Attempt asked = attempt_with(quantize_.options);
    asked_ = asked.parameters;
    switches_ = std::make_unique<RoundingSwitches>(
        with_switches(*graph_, asked.plan, asked.parameters, asked.options), calibration_,
        progress_);
  }
  return *switches_;
}

Switches Quantizer::switches_of(const Attempt& attempt) {
  Switches on;
  for (const NoiseSource& source : switches().sources()) {
    const auto rounds = [&](const std::string& value) {
      if (source.is_weights) return attempt.plan.contractions.contains(value);
      const auto found = attempt.parameters.find(value);
      return found != attempt.parameters.end() && found->second.dtype == asked_.at(value).dtype;
    };
    on.push_back(std::ranges::any_of(source.values, rounds));
  }
  return on;
}

std::vector<double> Quantizer::energies(const Attempt& attempt) const {
  std::vector<double> result;
  for (const Value* output : graph_->outputs) {
    const auto found = attempt.outcome.noise.find(output->name);
    const double error = found == attempt.outcome.noise.end() ? 0 : found->second.relative();
    result.push_back(error * error);
  }
  return result;
}

NoiseBreakdown Quantizer::broken_down(const Attempt& attempt) {
  return break_down_noise(switches(), switches_of(attempt), energies(attempt));
}

Attempt Quantizer::improved(const std::vector<Improvement>& order, size_t count) const {
  QuantizeOptions options = quantize_.options;
  for (size_t i = 0; i < count; ++i) {
    (order[i].keep_float ? options.keep_float : options.int16).insert(order[i].value);
  }
  return attempt_with(options);
}

Quantizer::Measured Quantizer::measured(const Attempt& attempt) {
  return {energies(attempt), switches().errors({switches_of(attempt)})[0]};
}

double Quantizer::predicted(const Attempt& attempt, const Measured& known) {
  const std::vector<double> errors = switches().errors({switches_of(attempt)})[0];
  double worst = 0;
  for (size_t i = 0; i < errors.size(); ++i) {
    if (known.switched[i] <= 0) continue;
    worst = std::max(worst, known.energies[i] * errors[i] / known.switched[i]);
  }
  return std::sqrt(worst);
}

Attempt Quantizer::meet_error(const Attempt& asked) {
  const ImprovementPlan plan =
      order_improvements(improvements_of(*graph_, asked.options, broken_down(asked)),
                         energies(asked), quantize_.max_error);
  const std::vector<Improvement>& order = plan.order;
  size_t too_few = 0, guess = plan.needed;
  Measured known = measured(asked);
  Attempt attempt;
  std::optional<Attempt> good;
  size_t enough = order.size();
  for (int tries = 0; too_few < order.size(); ++tries) {
    const auto is_enough = [&](size_t count) {
      return count > too_few &&
             predicted(improved(order, count), known) <= 0.95 * quantize_.max_error;
    };
    size_t count = fewest_enough(enough, guess, is_enough).value_or(enough);
    // Steps that grow end the search where the switches promise too much.
    if (!good) count = std::min(enough, count + (order.size() - count) * tries / 8);
    if (good && count == enough) break;
    attempt = improved(order, count);
    evaluate(attempt);
    known = measured(attempt);
    if (attempt.outcome.error > quantize_.max_error) {
      too_few = count;
    } else {
      enough = count;
      good = attempt;
    }
    guess = too_few + 1;
    constexpr int most_tries = 4;
    const bool is_close = attempt.outcome.error > 0.7 * quantize_.max_error;
    if (good && (is_close || tries >= most_tries || enough == too_few + 1)) break;
  }
  if (!good) fail_to_meet(attempt);
  return std::move(*good);
}

void Quantizer::fail_to_meet(const Attempt& attempt) const {
  const auto error_of = [&](const Value* output) {
    const auto found = attempt.outcome.noise.find(output->name);
    return found == attempt.outcome.noise.end() ? 0 : found->second.relative();
  };
  const auto worst = std::ranges::max_element(graph_->outputs, {}, error_of);
  const bool by_integers = quantize_.options.integer_io;
  fail("--max-error", "an error of ", quantize_.max_error,
       " cannot be met: with all layers float, output '", (*worst)->name, "' is off by ",
       attempt.outcome.error,
       by_integers ? "; this is what integer inputs and outputs cost; try --io float" : "");
}

}  // namespace mlfc
