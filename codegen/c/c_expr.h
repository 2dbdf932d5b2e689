// Scalar expressions as C99.
//
// Two contexts: indices are plain int32_t arithmetic (int64_t when a tensor is that large), whose
// values are known to fit; values follow the dtype exactly - narrow integers are cast back after
// every operation, 32- and 64-bit ones wrap through unsigned arithmetic, f16 and bf16 go through
// conversion helpers.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ir/affine.h"
#include "ir/expr.h"
#include "ir/kernel.h"

namespace mlfc {

/// What the printed text needs from its surroundings; collected while printing.
struct CNeeds {
  std::map<std::string, std::string> helpers = {};  ///< name -> complete static function, sorted
  bool math = false;
  bool rounds = false;  ///< turns reals into integers
};

struct CScope {
  std::map<std::string, TensorType> tensors = {};  ///< parameters and locals by name
  std::set<std::string> numbers = {};              ///< what holds neither infinities nor NaN
  std::set<std::string> scalars = {};              ///< locals without dimensions: plain variables
  Ranges ranges = {};                              ///< of the loop variables around
  std::string index_type = "int32_t";
  bool makes_integers = false;  ///< of reals, somewhere: their last digits then count
};

class CExprPrinter {
 public:
  CExprPrinter(const CScope& scope, CNeeds& needs) : scope_(scope), needs_(needs) {}

  /// A value of the expression's compute dtype.
  std::string value(const Expr& expr) const { return print(expr, 0); }
  /// An integer for use inside brackets or loop bounds.
  std::string index(const Expr& expr) const;
  /// The element of a tensor, as an lvalue: y[(oh * 16 + ow) * 8 + oc].
  std::string element(const std::string& tensor, const std::vector<Expr>& indices) const;
  /// Where that element is stored.
  Expr place(const std::string& tensor, const std::vector<Expr>& indices) const;
  /// `a combine b` as an expression of `dtype`; both already C text.
  std::string combined(Combine combine, DType dtype, const std::string& a,
                       const std::string& b) const;

 private:
  std::string print(const Expr& expr, int context) const;
  std::string print_constant(const Expr& expr) const;
  std::string print_read(const Expr& expr) const;
  std::string print_cast(const Expr& expr) const;
  std::string print_call(const Expr& expr, int context) const;
  std::string print_operation(const Expr& expr, int context) const;
  std::string print_index(const Expr& expr, int context) const;
  std::string inside_test(const Expr& read) const;
  std::string helper(const ScalarFunction& function, DType dtype) const;

  const CScope& scope_;
  CNeeds& needs_;
};

/// The C type arithmetic on `dtype` is done in.
std::string c_compute_type(DType dtype);

}  // namespace mlfc
