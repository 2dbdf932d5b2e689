// Random graphs of reals, of operators of every kind. Half of the suggestions in this table do not
// fit and are left out.
#include <algorithm>
#include <array>
#include <set>

#include "tests/fuzz/graph_writer.h"

namespace mlfc::fuzz {
namespace {

class Writer : GraphWriter {
 public:
  Writer(std::string prefix, uint64_t seed) : GraphWriter(std::move(prefix), seed) {}

  GraphText run() {
    add_input();
    if (below(3) == 0) add_input();
    const size_t wanted = 3 + below(10);
    for (int attempt = 0; attempt < 60 && made_ < wanted; ++attempt) suggest();
    // What nobody reads, and one value in between.
    for (const auto& [name, type] : values_) {
      const bool is_input = name.ends_with("_x");
      if (!is_input && (!used_.contains(name) || below(8) == 0))
        text_.outputs.push_back("%" + name);
    }
    if (text_.outputs.empty()) text_.outputs.push_back("%" + values_.back().first);
    return std::move(text_);
  }

 private:
  using Named = std::pair<std::string, TensorType>;

  void add_input() {
    Shape shape;
    switch (below(4)) {
      case 0:
        shape = {between(1, 3), between(1, 9)};
        break;
      case 1:
        shape = {between(1, 2), between(1, 4), between(1, 9)};
        break;
      default:
        shape = {between(1, 2), between(1, 8), between(3, 9), between(3, 9)};
    }
    const std::string name = fmt::format("{}_{}x", prefix_, next_++);
    const TensorType type{DType::f32, shape, {}};
    text_.inputs.push_back("%" + name + ": " + to_text(type));
    values_.emplace_back(name, type);
  }

  // --- suggestions: what stands right of the = --------------------------------------------------

  std::string unary(const std::string& x) {
    static constexpr const char* names[] = {"relu",     "tanh",       "sigmoid", "abs",
                                            "neg",      "hard_swish", "sin",     "gelu",
                                            "softplus", "leaky_relu", "identity"};
    return fmt::format("{}({})", one_of(names), x);
  }

  std::string binary(const std::string& x, const Shape& shape) {
    static constexpr const char* names[] = {"add", "sub", "mul", "max", "min"};
    std::string other = "%" + values_[below(values_.size())].first;
    if (below(2) == 0) {
      Shape part = shape;
      for (int64_t& extent : part) extent = below(2) == 0 ? 1 : extent;
      part.erase(part.begin(), part.begin() + static_cast<int64_t>(below(part.size() + 1)));
      other = reals(part);
    }
    if (below(2) == 0) return fmt::format("{}({}, {})", one_of(names), x, other);
    return fmt::format("{}({}, {})", one_of(names), other, x);
  }

  std::string window(const std::string& x, const Shape& shape) {
    static constexpr const char* names[] = {"max_pool", "average_pool", "lp_pool"};
    const size_t axes = shape.size() < 3 ? 1 : shape.size() - 2;
    const std::vector<int64_t> kernel = several(axes, 1, 3);
    std::vector<int64_t> pads = several(2 * axes, 0, 1);
    for (size_t i = 0; i < pads.size(); ++i) pads[i] = kernel[i % axes] > 1 ? pads[i] : 0;
    return fmt::format("{}({}) {{kernel_shape={}, strides={}, pads={}}}", one_of(names), x,
                       list(kernel), list(several(axes, 1, 2)), list(pads));
  }

  std::string conv(const std::string& x, const Shape& shape) {
    const size_t axes = shape.size() < 3 ? 1 : shape.size() - 2;
    const int64_t channels = shape.size() > 1 ? shape[1] : 1;
    const int64_t groups = below(3) == 0 ? channels : 1;
    const int64_t out = groups * between(1, 6);
    Shape weights = {out, channels / groups};
    for (const int64_t taps : several(axes, 1, 3)) weights.push_back(taps);
    const std::string bias = below(2) == 0 ? ", " + reals({out}) : "";
    return fmt::format("conv({}, {}{}) {{strides={}, pads={}, dilations={}, group={}}}", x,
                       reals(weights), bias, list(several(axes, 1, 2)),
                       list(several(2 * axes, 0, 2)), list(several(axes, 1, 2)), groups);
  }

  std::string matmul(const std::string& x, const Shape& shape) {
    return fmt::format("matmul({}, {})", x, reals({shape.back(), between(1, 12)}));
  }

  std::string reduce(const std::string& x, const Shape& shape) {
    static constexpr const char* names[] = {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min",
                                            "reduce_l2"};
    const auto rank = static_cast<int64_t>(shape.size());
    return fmt::format("{}({}, {}) {{keepdims={}}}", one_of(names), x,
                       integers(several(1, -rank, rank - 1)), below(2));
  }

  std::string along_axis(const std::string& x, const Shape& shape) {
    const auto rank = static_cast<int64_t>(shape.size());
    const int64_t axis = between(-rank, rank - 1);
    switch (below(5)) {
      case 0:
        return fmt::format("softmax({}) {{axis={}}}", x, axis);
      case 1:
        return fmt::format("log_softmax({}) {{axis={}}}", x, axis);
      case 2:
        return fmt::format("concat({}, {}) {{axis={}}}", x,
                           "%" + values_[below(values_.size())].first, axis);
      case 3:
        return fmt::format("gather({}, {}) {{axis={}}}", x, integers(several(between(1, 3), 0, 2)),
                           axis);
      default:
        return fmt::format("flatten({}) {{axis={}}}", x, axis);
    }
  }

  std::string moved(const std::string& x, const Shape& shape) {
    const size_t rank = shape.size();
    switch (below(5)) {
      case 0: {
        std::vector<int64_t> order(rank);
        for (size_t i = 0; i < rank; ++i) order[i] = static_cast<int64_t>(i);
        std::shuffle(order.begin(), order.end(), random_);
        return fmt::format("transpose({}) {{perm={}}}", x, list(order));
      }
      case 1: {
        std::vector<int64_t> dims = several(between(1, 4), 1, 4);
        dims[below(dims.size())] = -1;
        return fmt::format("reshape({}, {})", x, integers(dims));
      }
      case 2:
        return fmt::format("slice({}, {}, {}, {}, {})", x, integers(several(1, -3, 3)),
                           integers(several(1, -1, 9)),
                           integers(several(1, 0, static_cast<int64_t>(rank) - 1)),
                           integers({one_of(std::array<int64_t, 4>{1, 1, 2, -1})}));
      case 3:
        return fmt::format("pad({}, {}) {{mode=\"{}\"}}", x, integers(several(2 * rank, -1, 2)),
                           one_of(std::array{"constant", "edge", "reflect"}));
      default:
        return fmt::format("tile({}, {})", x, integers(several(rank, 1, 2)));
    }
  }

  std::string normalized(const std::string& x, const Shape& shape) {
    const int64_t channels = shape.size() > 1 ? shape[1] : 1;
    switch (below(3)) {
      case 0: {
        const std::string variance = fresh();
        pending_ += fmt::format("  %{} = constant splat(0.75) : f32[{}]\n", variance, channels);
        return fmt::format("batch_normalization({}, {}, {}, {}, %{})", x, reals({channels}),
                           reals({channels}), reals({channels}), variance);
      }
      case 1:
        // Of one number it is the rounding of that number, times hundreds.
        if (shape.back() == 1) return fmt::format("neg({})", x);
        return fmt::format("layer_normalization({}, {})", x, reals({shape.back()}));
      default:
        return fmt::format("{}({})", one_of(std::array{"global_average_pool", "global_max_pool"}),
                           x);
    }
  }

  std::string suggestion(const std::string& x, const Shape& shape) {
    switch (below(shape.empty() ? 2 : 12)) {
      case 0:
        return unary(x);
      case 1:
      case 2:
        return binary(x, shape);
      case 3:
        return window(x, shape);
      case 4:
      case 5:
        return conv(x, shape);
      case 6:
        return matmul(x, shape);
      case 7:
        return reduce(x, shape);
      case 8:
        return along_axis(x, shape);
      case 9:
        return normalized(x, shape);
      default:
        return moved(x, shape);
    }
  }

  void suggest() {
    pending_.clear();
    // Rather the newest: long chains find more than wide fans.
    const size_t back = below(3) == 0 ? below(values_.size()) : 0;
    const Named source = values_[values_.size() - 1 - back];
    const std::string right = suggestion("%" + source.first, source.second.shape);
    const std::string name = fresh();
    const std::string lines = text_.lines + pending_ + fmt::format("  %{} = {}\n", name, right);
    const std::optional<TensorType> type = inferred(lines, name);
    constexpr int64_t most_elements = 4000;
    if (!type || type->elements() > most_elements || type->elements() == 0) return;
    text_.lines = lines;
    for (const auto& [other, unused] : values_) {
      const size_t at = right.find("%" + other);
      const size_t end = at + other.size() + 1;
      if (at != std::string::npos && (right[end] == ',' || right[end] == ')')) used_.insert(other);
    }
    values_.emplace_back(name, *type);
    ++made_;
  }

  std::vector<Named> values_ = {};
  std::set<std::string> used_ = {};
  size_t made_ = 0;
};

}  // namespace

GraphText random_graph(const std::string& prefix, uint64_t seed) {
  return Writer(prefix, seed).run();
}

}  // namespace mlfc::fuzz
