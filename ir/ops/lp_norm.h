// The p-norm, term by term: what norms of windows, of rows and of whole images share.
#pragma once

#include "ir/expr.h"

namespace mlfc {

/// |x|^p, the term of one element.
Expr lp_term(const Expr& x, int64_t p);
/// The norm, given the sum of all terms.
Expr lp_root(const Expr& sum, int64_t p);

}  // namespace mlfc
