// What writers of random programs have in common: dice, names, constants, and asking type inference
// whether the next lines fit. Lines are written without knowing that, so that the tables of
// operators need no arithmetic of shapes; what type inference refuses is left out.
#pragma once

#include <fmt/ranges.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/random_graph.h"

namespace mlfc::fuzz {

class GraphWriter {
 protected:
  GraphWriter(std::string prefix, uint64_t seed) : prefix_(std::move(prefix)), random_(seed) {}

  size_t below(size_t end) { return random_() % end; }
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(static_cast<size_t>(high - low + 1)));
  }
  template <typename List>
  auto one_of(const List& list) {
    return list[below(std::size(list))];
  }
  std::vector<int64_t> several(size_t count, int64_t low, int64_t high) {
    std::vector<int64_t> numbers(count);
    for (int64_t& number : numbers) number = between(low, high);
    return numbers;
  }
  static std::string list(const std::vector<int64_t>& numbers) {
    return fmt::format("[{}]", fmt::join(numbers, ","));
  }

  std::string fresh() { return fmt::format("{}_{}", prefix_, next_++); }

  /// %name of a constant that belongs to the lines being written.
  std::string constant(const std::string& elements, const TensorType& type) {
    const std::string name = fresh();
    pending_ += fmt::format("  %{} = constant {} : {}\n", name, elements, to_text(type));
    return "%" + name;
  }
  std::string reals(const Shape& shape) {
    return constant(fmt::format("random({})", below(1000)), {DType::f32, shape, {}});
  }
  std::string integers(const std::vector<int64_t>& numbers) {
    const auto count = static_cast<int64_t>(numbers.size());
    return constant(fmt::format("[{}]", fmt::join(numbers, ", ")), {DType::i64, {count}, {}});
  }

  /// The type of %name where `lines` compute it; none when they do not fit.
  std::optional<TensorType> inferred(const std::string& lines, const std::string& name) const;

  std::string prefix_;
  std::mt19937_64 random_;
  GraphText text_ = {};
  std::string pending_ = {};  ///< lines before the one that is being written
  int next_ = 0;
};

}  // namespace mlfc::fuzz
