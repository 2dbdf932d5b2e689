// Random graphs of quantized layers, in the spelling of quantized models: integers are dequantized,
// a few operators compute with the reals, and the result is quantized again. Now and then a layer
// is in fixed point from the beginning. Types, scales, zero
// points, windows and numbers of channels are what models have, and what they could have: extreme
// weights, sums beyond 32 bits, zero points at the end of a type, channels that fill no vector.
#include <algorithm>
#include <array>
#include <cmath>

#include "ir/value_range.h"
#include "tests/fuzz/quantized_numbers.h"

namespace mlfc::fuzz {
namespace {

class QuantizedWriter : QuantizedNumbers {
 public:
  QuantizedWriter(std::string prefix, uint64_t seed) : QuantizedNumbers(std::move(prefix), seed) {}

  GraphText run() {
    add_input();
    if (below(3) == 0) add_input();
    const size_t inputs = values_.size();
    const size_t wanted = inputs + 1 + below(6);
    for (int attempt = 0; attempt < 40 && values_.size() < wanted; ++attempt) add_layer();
    // Every layer's result: one that is wrong has nowhere to hide. Sometimes only the last one, so
    // that layers may share and overwrite memory.
    const size_t first = below(3) == 0 ? values_.size() - 1 : std::min(inputs, values_.size() - 1);
    for (size_t i = first; i < values_.size(); ++i) text_.outputs.push_back(values_[i].name);
    return std::move(text_);
  }

 private:
  const Stored& newest_or_any() {
    return values_[chance(3) ? below(values_.size()) : values_.size() - 1];
  }

  // Few, or as many as the widest blocks of lanes hold.
  int64_t some_channels() { return chance(5) ? 4 * between(4, 18) : between(1, 20); }

  // --- what layers begin with -------------------------------------------------------------------

  std::string windows(size_t axes, const std::vector<int64_t>& kernel, bool dilated) {
    std::vector<int64_t> pads = several(2 * axes, 0, 2);
    for (size_t i = 0; i < pads.size(); ++i) pads[i] = std::min(pads[i], kernel[i % axes] - 1);
    if (chance(3)) std::fill(pads.begin(), pads.end(), 0);
    const std::string dilations =
        dilated && chance(3) ? ", dilations=" + list(several(axes, 1, 2)) : "";
    return fmt::format("strides={}, pads={}{}", list(several(axes, 1, chance(3) ? 3 : 1)),
                       list(pads), dilations);
  }

  std::optional<Real> conv(const Stored& source) {
    const Shape& shape = source.type.shape;
    if (shape.size() < 3) return std::nullopt;
    const size_t axes = shape.size() - 2;
    const int64_t channels = shape[1];
    if (chance(6)) return conv_transpose(source, axes);
    int64_t groups = chance(3) ? channels : 1;
    if (channels % 2 == 0 && chance(6)) groups = 2;
    const int64_t out = groups == 1 ? some_channels() : groups * (chance(2) ? 1 : between(1, 3));
    Shape filter = {out, channels / groups};
    const std::vector<int64_t> kernel = several(axes, 1, chance(4) ? 5 : 3);
    filter.insert(filter.end(), kernel.begin(), kernel.end());
    const Real x = dequantized(source);
    double scale = 1;
    const std::string w = weights(filter, 0, scale);
    const std::string b = bias(out, source.scale);
    return computed(fmt::format("conv({}, {}{}) {{{}, group={}}}", x.name, w, b,
                                windows(axes, kernel, true), groups),
                    x.magnitude * std::sqrt(static_cast<double>(size_of(filter, 1))));
  }

  std::optional<Real> conv_transpose(const Stored& source, size_t axes) {
    const int64_t channels = source.type.shape[1], out = between(1, 5);
    Shape filter = {channels, out};
    const std::vector<int64_t> kernel = several(axes, 1, 3);
    filter.insert(filter.end(), kernel.begin(), kernel.end());
    const Real x = dequantized(source);
    double scale = 1;
    const std::string w = weights(filter, 1, scale);
    const std::string b = bias(out, source.scale);
    return computed(
        fmt::format("conv_transpose({}, {}{}) {{{}}}", x.name, w, b, windows(axes, kernel, true)),
        x.magnitude * std::sqrt(static_cast<double>(channels)));
  }

  std::optional<Real> product(const Stored& source) {
    const Real x = dequantized(source);
    const int64_t depth = x.shape.back();
    const double magnitude = x.magnitude * std::sqrt(static_cast<double>(depth));
    double scale = 1;
    if (x.shape.size() == 2 && chance(2)) {
      const int64_t out = between(1, 20);
      const std::string w = weights({out, depth}, 0, scale);
      const std::string b = bias(out, source.scale);
      return computed(fmt::format("gemm({}, {}{}) {{transB=1}}", x.name, w, b), magnitude);
    }
    if (chance(3)) {
      const Real y = dequantized(newest_or_any());
      return computed(fmt::format("matmul({}, {})", x.name, y.name), magnitude * y.magnitude);
    }
    const int64_t out = between(1, 20);
    if (chance(3)) {  // stored the other way round
      const std::string stored = weights({out, depth}, 0, scale);
      const auto w = computed(fmt::format("transpose({}) {{perm=[1,0]}}", stored), 1);
      return computed(fmt::format("matmul({}, {})", x.name, w->name), magnitude);
    }
    const std::string w = weights({depth, out}, 1, scale);
    return computed(fmt::format("matmul({}, {})", x.name, w), magnitude);
  }

  std::optional<Real> pool(const Stored& source) {
    const Real x = dequantized(source);
    if (x.shape.size() < 3) return std::nullopt;
    if (chance(4)) {
      const char* const name = one_of(std::array{"global_average_pool", "global_max_pool"});
      return computed(fmt::format("{}({})", name, x.name), x.magnitude);
    }
    const size_t axes = x.shape.size() - 2;
    const std::vector<int64_t> kernel = several(axes, 1, 4);
    const bool mean = chance(2);
    const std::string counts = mean && chance(2) ? ", count_include_pad=1" : "";
    return computed(fmt::format("{}({}) {{kernel_shape={}, {}, ceil_mode={}{}}}",
                                mean ? "average_pool" : "max_pool", x.name, list(kernel),
                                windows(axes, kernel, false), below(2), counts),
                    x.magnitude);
  }

  std::optional<Real> joined(const Stored& source) {
    const auto rank = static_cast<int64_t>(source.type.shape.size());
    std::string parts = dequantized(source).name;
    double magnitude = source.magnitude;
    for (int64_t more = between(1, 2); more > 0; --more) {
      const Stored& other = newest_or_any();
      parts += ", " + dequantized(other).name;
      magnitude = std::max(magnitude, other.magnitude);
    }
    return computed(fmt::format("concat({}) {{axis={}}}", parts, between(-rank, rank - 1)),
                    magnitude);
  }

  std::optional<Real> reduced(const Stored& source) {
    const Real x = dequantized(source);
    const auto rank = static_cast<int64_t>(x.shape.size());
    const int64_t axis = between(-rank, rank - 1);
    if (chance(4)) return computed(fmt::format("softmax({}) {{axis={}}}", x.name, axis), 1);
    static constexpr const char* names[] = {"reduce_sum", "reduce_mean", "reduce_max",
                                            "reduce_min"};
    return computed(fmt::format("{}({}, {}) {{keepdims={}}}", one_of(names), x.name,
                                integers({axis}), below(2)),
                    x.magnitude);
  }

  std::optional<Real> moved(const Stored& source) {
    const Real x = dequantized(source);
    const size_t rank = x.shape.size();
    std::vector<int64_t> order(rank);
    for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(i);
    switch (below(7)) {
      case 0:
        std::shuffle(order.begin(), order.end(), random_);
        return computed(fmt::format("transpose({}) {{perm={}}}", x.name, list(order)), x.magnitude);
      case 1:
        return computed(fmt::format("reshape({}, {})", x.name, integers({x.shape[0], -1})),
                        x.magnitude);
      case 2: {
        const std::string first = integers(several(1, -3, 3)), end = integers(several(1, -1, 9));
        return computed(fmt::format("slice({}, {}, {}, {}, {})", x.name, first, end,
                                    integers(several(1, 0, static_cast<int64_t>(rank) - 1)),
                                    integers({one_of(std::array<int64_t, 4>{1, 1, 2, -1})})),
                        x.magnitude);
      }
      case 3:
        return computed(
            fmt::format("pad({}, {}) {{mode=\"{}\"}}", x.name, integers(several(2 * rank, 0, 2)),
                        one_of(std::array{"constant", "edge", "reflect"})),
            x.magnitude);
      case 4: {
        const int64_t axis = between(0, static_cast<int64_t>(rank) - 1);
        return computed(fmt::format("gather({}, {}) {{axis={}}}", x.name,
                                    integers(several(between(1, 3), 0, x.shape[axis] - 1)), axis),
                        x.magnitude);
      }
      case 5:
        return computed(
            fmt::format("repeat_elements({}) {{factors={}}}", x.name, list(several(rank, 1, 2))),
            x.magnitude);
      default:
        return Real(x);
    }
  }

  // --- what follows on reals --------------------------------------------------------------------

  std::optional<Real> unary(const Real& x) {
    if (chance(10)) {  // x * sigmoid(x)
      const auto gate = computed(fmt::format("sigmoid({})", x.name), 1);
      return computed(fmt::format("mul({}, {})", x.name, gate->name), x.magnitude);
    }
    static constexpr const char* names[] = {"relu",    "relu",       "relu",       "tanh",
                                            "sigmoid", "hard_swish", "leaky_relu", "abs",
                                            "neg",     "gelu",       "softplus",   "hard_sigmoid"};
    const std::string name = one_of(names);
    const bool bounded = name == "tanh" || name == "sigmoid" || name == "hard_sigmoid";
    return computed(fmt::format("{}({})", name, x.name), bounded ? 1 : x.magnitude);
  }

  std::optional<Real> limited(const Real& x) {
    const double high = x.magnitude * static_cast<double>(between(1, 100)) / 50;
    return computed(
        fmt::format("clip({}) {{min={:.6f}, max={:.6f}}}", x.name, chance(2) ? 0.0 : -high, high),
        high);
  }

  std::optional<Real> binary(const Real& x) {
    Real other{"", {}, 1};
    if (chance(8)) {  // never by data: nobody says what integer stands for 0 / 0
      const double divisor = static_cast<double>(between(1, 200)) / (chance(2) ? 64 : -64);
      return computed(fmt::format("div({}, {})", x.name, scalar(divisor)), x.magnitude);
    }
    if (chance(4)) {
      other.name = scalar(static_cast<double>(between(-200, 200)) / 64);
    } else if (chance(5) && x.shape.size() > 1) {
      Shape per_channel(x.shape.size() - 1, 1);
      per_channel[0] = x.shape[1];
      other.name = reals(per_channel);
    } else {
      other = dequantized(newest_or_any());
    }
    static constexpr const char* names[] = {"add", "add", "add", "sub", "mul", "max", "min"};
    const std::string name = one_of(names);
    const double magnitude =
        name == "mul" ? x.magnitude * other.magnitude : x.magnitude + other.magnitude;
    const bool first = chance(2);
    return computed(
        fmt::format("{}({}, {})", name, first ? x.name : other.name, first ? other.name : x.name),
        magnitude);
  }

  // --- fixed point ------------------------------------------------------------------------------

  /// Sums of products with weights and their number for each result; none when they do not fit.
  std::optional<Real> integer_sums(const Stored& source, int64_t& turns) {
    const DType weight = one_of(std::array{DType::i8, DType::i8, DType::u8});
    const Shape& shape = source.type.shape;
    const std::string zero = scalar(source.zero, source.type.dtype);
    if (shape.size() == 2 || chance(5)) {
      turns = shape.back();
      const std::string w = integer_list(weight, {turns, between(1, 20)});
      const std::string w_zero = scalar(random_zero(weight), weight);
      return computed(fmt::format("matmul_integer({}, {}, {}, {})", source.name, w, zero, w_zero),
                      1, DType::i32);
    }
    if (shape.size() < 3) return std::nullopt;
    const std::vector<int64_t> kernel = several(shape.size() - 2, 1, 3);
    const int64_t groups = chance(3) ? shape[1] : 1;
    Shape filter = {(groups == 1 ? some_channels() : groups * between(1, 2)), shape[1] / groups};
    filter.insert(filter.end(), kernel.begin(), kernel.end());
    turns = size_of(filter, 1);
    const std::string w = integer_list(weight, filter);
    const std::string w_zero = chance(2) ? "_" : scalar(random_zero(weight), weight);
    const auto channels = static_cast<size_t>(filter[0]);
    const std::string bias =
        constant(fmt::format("[{}]", fmt::join(several(channels, -20000, 20000), ", ")),
                 {DType::i32, {filter[0]}, {}});
    return computed(
        fmt::format("conv_integer({}, {}, {}, {}{}) {{{}, group={}}}", source.name, w, zero, w_zero,
                    chance(2) ? ", " + bias : "", windows(kernel.size(), kernel, true), groups),
        1, DType::i32);
  }

  void add_fixed_layer() {
    pending_.clear();
    const Stored source = newest_or_any();
    if (bytes_of(source.type.dtype) != 1) return;
    int64_t turns = 1;
    const std::optional<Real> sums = integer_sums(source, turns);
    if (!sums) return;
    const bool per_channel = sums->shape.size() > 1 && chance(2);
    const int64_t count = per_channel ? sums->shape[1] : 1;
    std::vector<int64_t> multipliers, shifts;
    const double typical = 1.0 / (64 * std::sqrt(static_cast<double>(turns)));
    for (int64_t i = 0; i < count; ++i) {
      multipliers.push_back(between(int64_t{1} << 30, (int64_t{1} << 31) - 1));
      shifts.push_back(std::lround(std::log2(typical)) + between(-2, 2));
    }
    const TensorType type{DType::i32, {count}, {}};
    const std::string multiplier =
        constant(fmt::format("[{}]", fmt::join(multipliers, ", ")), type);
    const std::string shift = constant(fmt::format("[{}]", fmt::join(shifts, ", ")), type);
    Stored stored{.name = "%" + fresh(), .type = {random_dtype(), sums->shape, {}}};
    const Range range = *dtype_range(stored.type.dtype);
    stored.zero = random_zero(stored.type.dtype);
    stored.scale = random_scale(stored.type.dtype, 1);
    stored.magnitude = stored.scale * static_cast<double>(range.last - range.first) / 2;
    text_.lines += pending_ + fmt::format(
                                  "  {} = requantize_fixed({}, {}, {}) {{zero_point={}, "
                                  "low={}, high={}, dtype=\"{}\", rounding=\"{}\"}}\n",
                                  stored.name, sums->name, multiplier, shift, stored.zero,
                                  chance(2) ? stored.zero : range.first, range.last,
                                  info(stored.type.dtype).name,
                                  one_of(std::array{"once", "twice", "twice_up"}));
    values_.push_back(stored);
  }

  // --- layers -----------------------------------------------------------------------------------

  std::optional<Real> begun(const Stored& source) {
    if (source.type.shape.empty()) return dequantized(source);
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return conv(source);
      case 4:
      case 5:
        return product(source);
      case 6:
      case 7:
        return pool(source);
      case 8:
        return joined(source);
      case 9:
        return reduced(source);
      case 10:
        return moved(source);
      default:
        return dequantized(source);
    }
  }

  void add_layer() {
    if (chance(6)) return add_fixed_layer();
    pending_.clear();
    const Stored source = newest_or_any();
    std::optional<Real> value = begun(source);
    if (!value) return;
    for (size_t more = below(4); more > 0; --more) {
      const std::string before = pending_;
      const size_t kind = below(4);
      const std::optional<Real> next = kind < 2    ? unary(*value)
                                       : kind == 2 ? binary(*value)
                                                   : limited(*value);
      if (next) {
        value = next;
      } else {
        pending_ = before;
      }
    }
    store(*value);
  }

  void store(const Real& value) {
    Stored stored{.name = "%" + fresh(), .type = {random_dtype(), value.shape, {}}};
    stored.magnitude = value.magnitude;
    stored.scale = random_scale(stored.type.dtype, value.magnitude);
    stored.zero = random_zero(stored.type.dtype);
    const std::string scale = scalar(stored.scale);
    const std::string zero = scalar(stored.zero, stored.type.dtype);
    text_.lines += pending_ + fmt::format("  {} = quantize_linear({}, {}, {})\n", stored.name,
                                          value.name, scale, zero);
    values_.push_back(stored);
  }

  void add_input() {
    Shape shape;
    switch (below(4)) {
      case 0:
        shape = {between(1, 3), between(1, 40)};
        break;
      case 1:
        shape = {between(1, 2), some_channels(), between(1, 12)};
        break;
      default:
        shape = {between(1, 2), some_channels(), between(2, 9), between(2, 9)};
    }
    Stored input{.name = "%" + fresh(), .type = {random_dtype(), shape, {}}};
    input.zero = random_zero(input.type.dtype);
    input.scale = random_scale(input.type.dtype, 1);
    const Range range = *dtype_range(input.type.dtype);
    input.magnitude = input.scale * static_cast<double>(range.last - range.first) / 2;
    text_.inputs.push_back(input.name + ": " + to_text(input.type));
    values_.push_back(input);
  }

  std::vector<Stored> values_ = {};
};

}  // namespace

GraphText random_quantized_graph(const std::string& prefix, uint64_t seed) {
  return QuantizedWriter(prefix, seed).run();
}

}  // namespace mlfc::fuzz
