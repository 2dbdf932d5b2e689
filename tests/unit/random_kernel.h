// Random kernels with data to run them on, for tests that compare two ways of running a kernel:
// interpreters, schedules, printed C. The same seed gives the same kernel on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/tensor.h"

namespace mlfc {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  /// 0 .. bound-1. Not std::uniform_int_distribution, which differs between libraries.
  int64_t below(int64_t bound) {
    return static_cast<int64_t>(engine_() % static_cast<uint64_t>(bound));
  }
  int64_t between(int64_t first, int64_t last) { return first + below(last - first + 1); }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T>
  const T& one_of(const std::vector<T>& list) {
    return list[static_cast<size_t>(below(static_cast<int64_t>(list.size())))];
  }
  uint64_t bits() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

struct RandomKernel {
  Kernel kernel = {};
  std::vector<Tensor> inputs = {};
  std::vector<const Tensor*> arguments() const;
};

struct RandomKernelOptions {
  /// Only dtypes that generated C of every target handles, and no gathers.
  bool plain = false;
  int max_stages = 3;
};

/// A kernel of one or more stages: padded, strided and gathered reads, reductions, row buffers.
RandomKernel random_kernel(uint64_t seed, const RandomKernelOptions& options = {});
/// A sum of products: matrix products and convolutions of all sorts, f32 or integers.
RandomKernel random_contraction(uint64_t seed);

Tensor random_tensor(Random& random, const TensorType& type);
/// Empty when equal; otherwise where and how far apart. NaN equals NaN; `tolerance` is relative to
/// the larger magnitude and at least absolute to 1.
std::string difference(const Tensor& a, const Tensor& b, double tolerance = 0);

}  // namespace mlfc
