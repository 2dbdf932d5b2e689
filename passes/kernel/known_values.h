// Parts of a kernel's expressions that are known at compile time: literals, axes, and reads of
// constants. They can be computed now and stored as constants of their own - the product of two
// scales per channel, weights with their zero point taken off.
#pragma once

#include <optional>
#include <string>

#include "ir/graph.h"
#include "ir/value_range.h"

namespace mlfc {

class KnownValues {
 public:
  KnownValues(Graph& graph, Node& node) : graph_(graph), node_(node) {}

  /// True when nothing but literals, axes and constants without guards decides the value.
  bool knows(const Expr& expr) const;

  /// The value for every point of the axes it mentions, row-major in the order of their first
  /// appearance (reads of the largest constant first).
  Tensor evaluated(const Expr& expr) const;
  /// The same over `axes`, which must include those it mentions.
  Tensor evaluated(const Expr& expr, const std::vector<Axis>& axes) const;
  std::vector<Axis> axes_of(const Expr& expr) const;
  /// Bounds of all its values.
  std::pair<double, double> extremes(const Expr& expr) const;

  /// The same value with as little left to compute as possible: a literal when it is one number
  /// everywhere, a read of a constant otherwise. Constants get the narrowest type that holds them
  /// when the expression is of integers, behind a cast. Expressions that are a plain (cast) read
  /// already, or would take more bytes than what they read, stay as they are.
  Expr precomputed(const Expr& expr, const std::string& name);

  /// A read, at `index`, of a table of one dimension; tables that are there already are shared.
  Expr looked_up(Tensor table, const Expr& index, const std::string& name);

  /// A read, at `axes`, of integers known for every point of them.
  Expr constant(Tensor tensor, const std::vector<Axis>& axes, const std::string& name);

  /// The values of `expr` over `axes`, in that order, as a new constant of `shape`; the kernel gets
  /// a parameter for it. Integers are stored in the narrowest type; `padding` zeros follow each run
  /// of the last dimension.
  Param stored(const Expr& expr, const std::vector<Axis>& axes, Shape shape, int64_t padding,
               const std::string& name);
  /// The sum of an expression of integers over `reduced`, for every point of its other axes.
  std::vector<Axis> axes_without(const Expr& expr, const std::vector<Axis>& reduced) const;
  Tensor summed(const Expr& expr, const std::vector<Axis>& reduced) const;

 private:
  Param added(Tensor tensor, const std::string& name);
  const Tensor* constant_of(const std::string& param) const;
  int64_t bytes_read_by(const Expr& expr) const;

  Graph& graph_;
  Node& node_;
};

}  // namespace mlfc
