// The small language operators declare kernels in. It exists so that an operator file reads like
// the formula in its documentation:
//
//   KernelBuilder k(node);
//   Axis_ oc = k.axis("oc", ...), ic = k.reduce("ic", ...);
//   k.reduction(Combine::sum, bias, k.in(0)(n, ic, row, col).or_else(0) * k.in(1)(oc, ic, kh, kw));
//   k.store(k.out()(n, oc, oh, ow), k.acc());
//   return k.done();
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/kernel.h"

namespace mlfc {

struct Node;

/// A tensor parameter inside a kernel: calling it reads (or, as the target of a store, names) an
/// element.
class TensorRef {
 public:
  TensorRef(std::string name, TensorType type) : name_(std::move(name)), type_(std::move(type)) {}
  template <typename... Indices>
  Expr operator()(const Indices&... indices) const {
    return at({Expr(indices)...});
  }
  Expr at(std::vector<Expr> indices) const;
  /// Reads with the f16/bf16 storage already widened to the compute dtype.
  const TensorType& type() const { return type_; }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  TensorType type_;
};

class KernelBuilder {
 public:
  /// Parameters are named after the operator's declared inputs and outputs and typed by the node.
  explicit KernelBuilder(const Node& node);

  TensorRef in(int index) const;
  TensorRef out(int index = 0) const;
  bool has_out(int index) const;  ///< somebody uses the optional output
  bool has(int index) const;      ///< the optional input is present

  /// A new shared parallel axis; the returned expression is its value. Names are made unique.
  Expr axis(const std::string& name, int64_t extent);
  /// One axis per dimension, named after `prefix`: the usual start of an elementwise kernel.
  std::vector<Expr> axes(const Shape& shape, const std::string& prefix = "i");

  /// Starts another stage; the first exists already.
  KernelBuilder& stage();
  Expr stage_axis(const std::string& name, int64_t extent);
  Expr reduce(const std::string& name, int64_t extent);
  /// Sets the reduction of the current stage and returns the scalar it names. An empty `init` means
  /// the neutral element; f16/bf16 bodies accumulate in f32.
  Expr reduction(Combine combine, const Expr& body, const Expr& init = {},
                 const std::string& name = "acc");
  /// A row buffer for one point of the shared axes.
  TensorRef local(const std::string& name, DType dtype, const Shape& shape);
  /// `target` is an element expression: k.out()(n, c). The value is converted to the target's dtype
  /// when that is the storage form of the value's dtype.
  void store(const Expr& target, const Expr& value);

  Kernel done();

 private:
  std::string unique(const std::string& name);
  Kernel kernel_;
  std::map<std::string, int> next_suffix_;  ///< where the search for a free name goes on
  std::vector<std::string> in_names_;       ///< per operator input; empty when absent
  std::vector<std::string> out_names_;      ///< likewise for outputs
};

}  // namespace mlfc
