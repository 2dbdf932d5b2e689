// The p-norm; the two common ones, p = 1 and p = 2, need no power.
#include "ir/ops/lp_norm.h"

#include "ir/ops/elementwise.h"

namespace mlfc {

Expr lp_term(const Expr& x, int64_t p) {
  if (p == 1) return abs(x);
  if (p == 2) return x * x;
  return call_expr("pow", {abs(x), Expr(static_cast<double>(p))});
}

Expr lp_root(const Expr& sum, int64_t p) {
  if (p == 1) return sum;
  if (p == 2) return sqrt(sum);
  return call_expr("pow", {sum, Expr(1.0 / static_cast<double>(p))});
}

}  // namespace mlfc
