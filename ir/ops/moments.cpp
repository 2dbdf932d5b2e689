// Mean and spread of what one point of a normalization covers. Two passes over the elements: the
// one-pass formula loses all digits when the mean is large against the spread.
#include "ir/ops/moments.h"

#include "ir/ops/elementwise.h"

namespace mlfc {

Moments add_moments(KernelBuilder& k, DType dtype, int64_t count, double epsilon,
                    const ElementOf& element) {
  const Expr elements = static_cast<double>(count);
  const TensorRef mean = k.local("mean", dtype, {});
  const TensorRef inverse = k.local("inverse", dtype, {});

  Reducer total(k);
  const Expr x = element(total);
  k.store(mean(), total.result(Combine::sum, x, {}, "total") / elements);

  k.stage();
  Reducer squares(k);
  const Expr distance = element(squares) - mean();
  const Expr variance = squares.result(Combine::sum, distance * distance, {}, "squares") / elements;
  k.store(inverse(), Expr(1) / sqrt(variance + Expr(epsilon)));
  return {mean(), inverse()};
}

Expr add_inverse_rms(KernelBuilder& k, DType dtype, int64_t count, double epsilon,
                     const ElementOf& element) {
  const TensorRef inverse = k.local("inverse", dtype, {});
  Reducer squares(k);
  const Expr x = element(squares);
  const Expr mean_square =
      squares.result(Combine::sum, x * x, {}, "squares") / Expr(static_cast<double>(count));
  k.store(inverse(), Expr(1) / sqrt(mean_square + Expr(epsilon)));
  return inverse();
}

}  // namespace mlfc
