// What random quantized layers are made of: types, scales and zero points, weights and biases.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tests/fuzz/graph_writer.h"

namespace mlfc::fuzz {

/// A value of the graph, as the integers that are stored.
struct Stored {
  std::string name = {};  ///< with its %
  TensorType type = {};
  double scale = 1;
  int64_t zero = 0;
  double magnitude = 1;  ///< about how large the reals are
};

/// A real value inside a layer.
struct Real {
  std::string name = {};
  Shape shape = {};
  double magnitude = 1;
};

/// Elements of a shape, from a dimension on.
int64_t size_of(const Shape& shape, size_t from);

class QuantizedNumbers : protected GraphWriter {
 protected:
  QuantizedNumbers(std::string prefix, uint64_t seed) : GraphWriter(std::move(prefix), seed) {}

  bool chance(size_t of) { return below(of) == 0; }

  DType random_dtype();
  int64_t random_zero(DType dtype);
  /// A step that makes a type's integers reach about `magnitude`; now and then a power of two, for
  /// then results lie halfway between integers.
  double random_scale(DType dtype, double magnitude);

  static std::string number(double value) { return fmt::format("{:.9g}", value); }
  std::string scalar(double value);
  std::string scalar(int64_t value, DType dtype);
  std::string integer_list(DType dtype, const Shape& shape);

  /// The result of an operator on reals; none when it does not fit.
  std::optional<Real> computed(const std::string& right, double magnitude,
                               DType dtype = DType::f32);
  Real dequantized(const Stored& value);
  /// Weights with a scale for all or one for each entry of `axis`, dequantized.
  std::string weights(const Shape& shape, int64_t axis, double& scale);
  /// None, integers in units of the products, integers in a unit of their own, or reals.
  std::string bias(int64_t count, double x_scale);

  std::string scales_ = {};  ///< of the weights written last
};

}  // namespace mlfc::fuzz
